"""The table of each task: as Markdown with all that must be known, and on a terminal in brief."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from fitting_room.analysis.figures import Target
from fitting_room.analysis.rows import NOT_JUDGED, Row
from fitting_room.format import MISSING, accuracy, loss
from fitting_room.record import Record
from fitting_room.report import cells
from fitting_room.report.notes import banner, brief, footnotes, notes
from fitting_room.report.progress import Screen
from fitting_room.report.table import Table
from fitting_room.spec import TASKS


@dataclass(frozen=True, kw_only=True)
class Column:
    """A heading, and what stands below it."""

    heading: str
    cell: Callable[[Row], str]
    metric: str = ""
    """Whose published figures stand in the next column, where there are any."""


def summary(
    rows: Sequence[Row], records: Sequence[Record], *, stale: Mapping[str, str] | None = None
) -> str:
    """Return a Markdown document: a heading and a table for each task that has rows."""
    parts = ["# Fitting Room"]
    for name, task in TASKS.items():
        of_task = [row for row in rows if row.task == name]
        if of_task:
            parts += [f"## {task.title}", task_table(of_task, records, stale=stale or {})]
    return "\n\n".join(parts) + "\n"


def task_table(
    rows: Sequence[Row],
    records: Sequence[Record],
    *,
    stale: Mapping[str, str],
    absent: str = "no trial",
) -> str:
    """Return the table of one task, with what must be said above and below it.

    Args:
        rows: Of one task, at least one.
        records: Those that the rows were made of; others are left out of account.
        stale: Case → why its figures are not those of the present code.
        absent: What stands in the cells of a case without records.
    """
    table = _table(rows, stale, absent, notes(rows, records, stale=stale))
    return "\n\n".join([*banner(rows), table.markdown(unbroken=True)])


def _table(
    rows: Sequence[Row], stale: Mapping[str, str], absent: str, notes: Sequence[str]
) -> Table:
    columns = _columns(rows, stale, absent)
    lines = [[column.cell(row) for column in columns] for row in rows]
    return Table([column.heading for column in columns], lines, notes)


def _columns(rows: Sequence[Row], stale: Mapping[str, str], absent: str) -> list[Column]:
    def name(row: Row) -> str:
        return f"{row.architecture} (stale)" if row.case in stale else row.architecture

    columns = [Column(heading="architecture", cell=name)]
    for column in measured(rows):
        columns.append(replace(column, cell=partial(_told, column, stale, absent)))
        if any(column.metric in row.published for row in rows):
            columns.append(_published(column.metric, rows))
    if any(row.verdict != NOT_JUDGED for row in rows):
        columns.append(Column(heading="verdict", cell=lambda row: row.verdict))
    return columns


def _told(column: Column, stale: Mapping[str, str], absent: str, row: Row) -> str:
    """Return a cell that says so where its figure is stale, or why there is none."""
    text = column.cell(row)
    if text == MISSING:
        return cells.gap(row, column.metric, absent)
    return f"{text} (stale)" if row.case in stale else text


def measured(rows: Sequence[Row]) -> list[Column]:
    """Return the columns of what was measured, which depend on whether the task has a target."""
    targets = next((row.epochs_to_target for row in rows if row.epochs_to_target), ())
    quality = Column(
        heading="test accuracy %",
        cell=lambda row: accuracy(row.test_accuracy),
        metric="test_accuracy",
    )
    nats = Column(heading="test loss", cell=lambda row: loss(row.test_loss), metric="test_loss")
    parameters = Column(heading="parameters", cell=cells.parameters, metric="parameters")
    seconds = Column(heading="s/epoch", cell=cells.seconds_per_epoch, metric="seconds_per_epoch")
    if not targets:
        return [quality, nats, parameters, seconds]
    epochs = [_epochs(target, which) for which, target in enumerate(targets)]
    return [quality, _training_accuracy(), nats, parameters, *epochs, seconds]


def _training_accuracy() -> Column:
    """What a target is usually set on, and easily mistaken for test accuracy."""
    return Column(
        heading="training accuracy %",
        cell=lambda row: accuracy(row.training_accuracy),
        metric="training_accuracy",
    )


def _epochs(target: Target, which: int) -> Column:
    """Published epochs are to the first target of a task, and stand beside that alone."""
    return Column(
        heading=f"epochs to {target.words}",
        cell=lambda row: cells.epochs_to_target(row, which),
        metric="" if which else "epochs_to_target",
    )


def _published(metric: str, rows: Sequence[Row]) -> Column:
    marks = footnotes(rows)
    return Column(heading="published", cell=lambda row: _cited(row, metric, marks) or MISSING)


LEAST_WANTED = (
    "",  # epochs to a target that nobody published
    "training_accuracy",
    "seconds_per_epoch",
    "test_loss",
    "epochs_to_target",
    "parameters",
)
"""Columns by metric, in the order in which a narrow terminal goes without them."""

ABSENT = "no completed trial"


def tables(rows: Sequence[Row], records: Sequence[Record], screen: Screen) -> list[str]:
    """Return a block of text for each task that has rows: title, table, notes.

    Args:
        rows: One per case.
        records: Those that the rows were made of.
        screen: Quiet, it has no notes; verbose, it has all of them.
    """
    by_task = {name: [row for row in rows if row.task == name] for name in TASKS}
    return [_block(name, of, records, screen) for name, of in by_task.items() if of]


def _block(task: str, rows: Sequence[Row], records: Sequence[Record], screen: Screen) -> str:
    table, dropped = _fitting(rows, screen)
    below = []
    if screen.verbosity >= 0:
        below = brief(rows, absent=ABSENT)
    if screen.verbosity > 0:
        told = [replace(row, verdicts=()) for row in rows]  # their evidence stands above
        below = notes(told, records, stale={}, absent=ABSENT)
    if dropped:
        below.append(f"Too narrow for: {', '.join(dropped)}. The report has them.")
    warnings = [each.removeprefix("> ").replace("**", "") for each in banner(rows)]
    return "\n".join(
        [
            screen.mark(TASKS[task].title, bold=True),
            *(screen.mark(screen.folded(each), yellow=True) for each in warnings),
            "",
            table,
            *([""] if below else []),
            *(screen.folded(note, first="- ", rest="  ") for note in below),
        ]
    )


def _fitting(rows: Sequence[Row], screen: Screen) -> tuple[str, list[str]]:
    """Return the table with as many columns as fit, and the headings of those that do not."""
    columns = measured(rows)
    dropped: list[str] = []
    for metric in LEAST_WANTED:
        if _with_published(rows, columns).width <= screen.width:
            break
        dropped += [column.heading for column in columns if column.metric == metric]
        columns = [column for column in columns if column.metric != metric]
    lines = [line for row in rows for line in ((row, ""), (row, "published"))[: _height(row)]]

    def style(line: int, column: int, text: str) -> str:
        if line < 0:
            return screen.mark(text, bold=True)
        row, below = lines[line]
        if below:
            return screen.mark(text, light=True)
        return text if column else screen.outcome(text, row.verdict)

    return _with_published(rows, columns).terminal(style=style), dropped


def _height(row: Row) -> int:
    return 2 if row.published else 1


def _with_published(rows: Sequence[Row], columns: Sequence[Column]) -> Table:
    """Return the table in which published figures stand below ours, for want of width."""
    marks = footnotes(rows)
    lines = []
    for row in rows:
        lines.append([row.architecture, *(column.cell(row) for column in columns)])
        if row.published:
            lines.append(["published", *(_cited(row, column.metric, marks) for column in columns)])
    return Table(["architecture", *(column.heading for column in columns)], lines)


def _cited(row: Row, metric: str, marks: Sequence[str]) -> str:
    """Return a published figure with the number of its footnote, or nothing."""
    claim = row.published.get(metric)
    if claim is None:
        return ""
    mark = f" [{marks.index(claim.note) + 1}]" if claim.note else ""
    return f"{cells.published(row, metric)}{mark}"
