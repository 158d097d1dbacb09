"""Rows as GitHub-flavoured tables that also read well as plain text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tabulate import tabulate

from bench.harness.record import Record
from bench.harness.report import cells
from bench.harness.report.figures import Target
from bench.harness.report.notes import banner, footnotes, notes
from bench.harness.report.rows import NOT_JUDGED, Row
from bench.harness.spec import TASKS


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
