"""Tables in a terminal: published figures below ours, and no wider than it is."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import replace

from tabulate import tabulate

from bench.harness.record import Record
from bench.harness.report import cells
from bench.harness.report.markdown import Column, measured
from bench.harness.report.notes import banner, brief, footnotes, notes
from bench.harness.report.rows import Row
from bench.harness.report.screen import Screen
from bench.harness.spec import TASKS

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
        if _width(_table(rows, columns, Screen())) <= screen.width:
            break
        dropped += [column.heading for column in columns if column.metric == metric]
        columns = [column for column in columns if column.metric != metric]
    return _table(rows, columns, screen), dropped


def _width(text: str) -> int:
    return max(len(COLOUR.sub("", line)) for line in text.splitlines())


def _table(rows: Sequence[Row], columns: Sequence[Column], screen: Screen) -> str:
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
