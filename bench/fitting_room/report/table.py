"""Rows as tables: GitHub-flavoured Markdown, and a terminal of any width."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from fitting_room.analysis.figures import Target
from fitting_room.analysis.rows import NOT_JUDGED, Row
from fitting_room.record import Record
from fitting_room.report import format as cells
from fitting_room.report.notes import banner, brief, footnotes, notes
from fitting_room.report.progress import Screen
from fitting_room.spec import TASKS
from tabulate import tabulate


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
    warning = banner(rows)
    below = [f"- {note}" for note in notes(rows, records, stale=stale)]
    return "\n\n".join([*warning, _table(rows, stale, absent), "\n".join(below)])


def _table(rows: Sequence[Row], stale: Mapping[str, str], absent: str) -> str:
    columns = _columns(rows, stale, absent)
    return tabulate(
        [[cells.unbroken(column.cell(row)) for column in columns] for row in rows],
        headers=[cells.unbroken(column.heading) for column in columns],
        tablefmt="github",
        disable_numparse=True,  # cells are finished text: no digit is to be added or taken
        colalign=["left"] + ["right"] * (len(columns) - 1),
    )


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
    if text == cells.MISSING:
        return cells.gap(row, column.metric, absent)
    return f"{text} (stale)" if row.case in stale else text


def measured(rows: Sequence[Row]) -> list[Column]:
    """Return the columns of what was measured, which depend on whether the task has a target."""
    targets = next((row.epochs_to_target for row in rows if row.epochs_to_target), ())
    accuracy = Column(
        heading="test accuracy %",
        cell=lambda row: cells.accuracy(row.test_accuracy),
        metric="test_accuracy",
    )
    loss = Column(
        heading="test loss", cell=lambda row: cells.loss(row.test_loss), metric="test_loss"
    )
    parameters = Column(heading="parameters", cell=cells.parameters, metric="parameters")
    seconds = Column(heading="s/epoch", cell=cells.seconds_per_epoch, metric="seconds_per_epoch")
    if not targets:
        return [accuracy, loss, parameters, seconds]
    epochs = [_epochs(target, which) for which, target in enumerate(targets)]
    return [accuracy, _training_accuracy(), loss, parameters, *epochs, seconds]


def _training_accuracy() -> Column:
    """What a target is usually set on, and easily mistaken for test accuracy."""
    return Column(
        heading="training accuracy %",
        cell=lambda row: cells.accuracy(row.training_accuracy),
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

    def cell(row: Row) -> str:
        claim = row.published.get(metric)
        mark = f" [{marks.index(claim.note) + 1}]" if claim and claim.note else ""
        return cells.published(row, metric) + mark

    return Column(heading="published", cell=cell)


LEAST_WANTED = (
    "",  # epochs to a target that nobody published
    "training_accuracy",
    "seconds_per_epoch",
    "test_loss",
    "epochs_to_target",
    "parameters",
)
"""Columns by metric, in the order in which a narrow terminal goes without them."""

COLOUR = re.compile(r"\x1b\[[\d;]*m")

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
        if _width(_terminal_table(rows, columns, Screen())) <= screen.width:
            break
        dropped += [column.heading for column in columns if column.metric == metric]
        columns = [column for column in columns if column.metric != metric]
    return _terminal_table(rows, columns, screen), dropped


def _width(text: str) -> int:
    return max(len(COLOUR.sub("", line)) for line in text.splitlines())


def _terminal_table(rows: Sequence[Row], columns: Sequence[Column], screen: Screen) -> str:
    marks = footnotes(rows)
    headings = ["architecture", *(_heading(column, rows) for column in columns)]
    bold = ["\n".join(screen.mark(line, bold=True) for line in h.split("\n")) for h in headings]
    body = [[_name(row, screen), *(_cell(row, c, marks, screen) for c in columns)] for row in rows]
    text = tabulate(
        [bold, *body],  # as headings of its own, it would make them wider than they are
        tablefmt="plain",
        disable_numparse=True,  # cells are finished text: no digit is to be added or taken
        colalign=["left"] + ["right"] * len(columns),
    )
    lines = text.splitlines()
    height = max(heading.count("\n") for heading in headings) + 1
    rule = "-" * _width("\n".join(lines[:height]))
    return "\n".join([*lines[:height], rule, *lines[height:]])


def _heading(column: Column, rows: Sequence[Row]) -> str:
    """Fold a heading to the width of its cells, or of its longest word."""
    heading = column.heading.replace(" %", "\N{NO-BREAK SPACE}%")
    below = [len(text) for row in rows for text in _texts(row, column)]
    lines = textwrap.wrap(heading, max(*below, *map(len, heading.split(" "))))
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def _texts(row: Row, column: Column) -> tuple[str, str]:
    return column.cell(row), cells.published(row, column.metric)


def _name(row: Row, screen: Screen) -> str:
    name = screen.outcome(row.architecture, row.verdict)
    return f"{name}\n{screen.mark('published', light=True)}" if row.published else name


def _cell(row: Row, column: Column, marks: Sequence[str], screen: Screen) -> str:
    ours = column.cell(row)
    if not row.published:
        return ours
    claim = row.published.get(column.metric)
    if claim is None:
        return f"{ours}\n "  # a line that tabulate does not drop
    mark = f" [{marks.index(claim.note) + 1}]" if claim.note else ""
    return f"{ours}\n{screen.mark(cells.published(row, column.metric) + mark, light=True)}"
