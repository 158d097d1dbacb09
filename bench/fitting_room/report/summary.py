"""The report of a run: its table of each task as Markdown, on a terminal, and as files.

Markdown has all that must be known. A terminal has it in brief, as wide as it is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from fitting_room.analysis.rows import NOT_JUDGED, Row, rows
from fitting_room.format import MISSING
from fitting_room.metrics import own
from fitting_room.record import Outcome, Record
from fitting_room.report.columns import (
    Column,
    banner,
    brief,
    by_task,
    cited,
    footnotes,
    measured,
    notes,
    why_empty,
)
from fitting_room.report.progress import Screen
from fitting_room.report.table import Table
from fitting_room.report.verdicts import Judged, in_order, verdict_lines
from fitting_room.spec import TASKS, Case
from fitting_room.store.claims import Claims
from fitting_room.store.records import Store, write_whole


def summary(
    rows: Sequence[Row], records: Sequence[Record], *, stale: Mapping[str, str] | None = None
) -> str:
    """Return a Markdown document: a heading and a table for each task that has rows."""
    parts = ["# Fitting Room"]
    for task, of_task in by_task(rows).items():
        parts += [f"## {TASKS[task].title}", task_table(of_task, records, stale=stale or {})]
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
    columns, marks = measured(rows), footnotes(rows)
    published = {c.metric for c in columns if any(c.metric in row.published for row in rows)}
    judged = any(row.verdict != NOT_JUDGED for row in rows)
    head = ["architecture"]
    for column in columns:
        head += [column.heading, *(["published"] if column.metric in published else [])]
    lines = []
    for row in rows:
        mark = " (stale)" if row.case in stale else ""
        line = [f"{row.architecture}{mark}"]
        for column in columns:
            line.append(_told(column, row, absent, mark))
            if column.metric in published:
                line.append(cited(row, column.metric, marks) or MISSING)
        lines.append([*line, *([row.verdict] if judged else [])])
    below = notes(rows, records, stale=stale)
    table = Table([*head, *(["verdict"] if judged else [])], lines, below)
    return "\n\n".join([*banner(rows), table.markdown(unbroken=True)])


TIMED = ("seconds_per_epoch", "seconds_to_target", "latency_seconds", "images_per_second")


def _told(column: Column, row: Row, absent: str, mark: str) -> str:
    """Return a cell that says so where its figure is stale, or why there is none."""
    text = column.cell(row)
    if text != MISSING:
        return f"{text}{mark}"
    return why_empty(row, absent) or ("not timed" if column.metric in TIMED else MISSING)


LEAST_WANTED = (
    *("", "training_accuracy", "peak_memory_mib", "images_per_second", "latency_seconds"),
    *("seconds_per_epoch", "calibration_error", "seconds_to_target", "test_loss"),
    *("epochs_to_target", "parameters"),
)
"""Columns by metric, in the order in which a narrow terminal goes without them.

First come epochs and seconds to targets that nobody published, which have none.
"""

ABSENT = "no completed trial"


def tables(rows: Sequence[Row], records: Sequence[Record], screen: Screen) -> list[str]:
    """Return a block of text for each task that has rows: title, table, notes.

    Args:
        rows: One per case.
        records: Those that the rows were made of.
        screen: Quiet, it has no notes; verbose, it has all of them.
    """
    return [_block(TASKS[task].title, of, records, screen) for task, of in by_task(rows).items()]


def _block(title: str, rows: Sequence[Row], records: Sequence[Record], screen: Screen) -> str:
    table, dropped = _fitting(rows, screen)
    below = brief(rows, absent=ABSENT) if screen.verbosity >= 0 else []
    if screen.verbosity > 0:
        told = [replace(row, verdicts=()) for row in rows]  # their evidence stands above
        below = notes(told, records, stale={}, absent=ABSENT)
    if dropped:
        below.append(f"Too narrow for: {', '.join(dropped)}. The report has them.")
    warnings = [each.removeprefix("> ").replace("**", "") for each in banner(rows)]
    return "\n".join(
        [
            screen.mark(title, bold=True),
            *(screen.mark(screen.folded(each), yellow=True) for each in warnings),
            "",
            table,
            *([""] if below else []),
            *(screen.folded(note, first="- ", rest="  ") for note in below),
        ]
    )


def _fitting(rows: Sequence[Row], screen: Screen) -> tuple[str, list[str]]:
    """Return the table with as many columns as fit, and the headings of those that do not.

    Published figures stand below ours, for want of width.
    """
    lines = [(row, below) for row in rows for below in (False, True)[: 2 if row.published else 1]]
    columns, marks, dropped = measured(rows), footnotes(rows), list[str]()

    def table() -> Table:
        cells = [
            ["published", *(cited(row, column.metric, marks) for column in columns)]
            if below
            else [row.architecture, *(column.cell(row) for column in columns)]
            for row, below in lines
        ]
        return Table(["architecture", *(column.heading for column in columns)], cells)

    def style(line: int, column: int, text: str) -> str:
        if line < 0:
            return screen.mark(text, bold=True)
        row, below = lines[line]
        if below:
            return screen.mark(text, light=True)
        return text if column else screen.outcome(text, row.verdict)

    for metric in (*LEAST_WANTED, *(column.metric for column in columns[:0:-1])):
        if table().width <= screen.width:
            break
        dropped += [column.heading for column in columns if column.metric == metric]
        columns = [column for column in columns if column.metric != metric]
    return table().terminal(style=style), dropped


SCHEMA = 2
"""Number of the layout of ``summary.json``."""


def write_report(
    folder: Path,
    rows: Sequence[Row],
    records: Sequence[Record],
    *,
    stale: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write ``summary.md``, ``summary.json`` and ``summary.csv``, each whole or not at all.

    ``stale`` tells, by case, why its figures are not those of the present code.

    Raises:
        UserError: The folder cannot be written.
    """
    contents = {
        "summary.md": summary(rows, records, stale=stale).encode(),
        "summary.json": as_json(rows, stale=stale or {}),
        "summary.csv": as_csv(rows).encode(),
    }
    for name, content in contents.items():
        write_whole(folder / name, content)
    return [folder / name for name in contents]


def as_json(rows: Sequence[Row], *, stale: Mapping[str, str]) -> bytes:
    """Return every figure with its n, every verdict with its reason, and the records' keys.

    Infinite numbers, such as a published "never", are null.
    """
    told = [{**msgspec.to_builtins(row), "stale": stale.get(row.case)} for row in rows]
    return msgspec.json.format(msgspec.json.encode({"schema": SCHEMA, "rows": told})) + b"\n"


def as_csv(rows: Sequence[Row]) -> str:
    """Return one line per case under a heading; a figure that is missing is empty."""
    lines = [_flat(row) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(lines[0]) if lines else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


OVER_SEEDS = ("test_accuracy", "test_loss", "training_accuracy", "calibration_error")


def _flat(row: Row) -> dict[str, object]:
    figures = {name: getattr(row, name) for name in OVER_SEEDS}
    figures |= {metric.name: row.metrics.get(metric.name) for metric in own()}
    told: dict[str, object] = {"case": row.case}
    for name, found in figures.items():
        told |= _parts(name, found, "mean", "sd", "n")
    target = row.epochs_to_target[0] if row.epochs_to_target else None
    return {
        **told,
        "parameters": row.parameters,
        **_parts("epochs_to_target", target and target.found, "median", "reached", "n"),
        **_parts("seconds_to_target", target and target.seconds, "median", "reached", "n"),
        **_parts("seconds_from_start", target and target.elapsed, "median", "reached", "n"),
        **_parts("seconds_per_epoch", row.seconds_per_epoch, "median", "lower", "upper", "n"),
        "peak_memory_mib": row.peak_memory_mib,
        "latency_seconds": row.latency_seconds,
        "images_per_second": row.images_per_second,
        "verdict": row.verdict,
        "flags": "; ".join(row.flags),
        "keys": " ".join(row.keys),
    }


def _parts(name: str, found: object, middle: str, *parts: str) -> dict[str, object]:
    """Return a figure and its parts, as ``test_accuracy_sd``; of one that is missing n is 0."""
    ends = {f"{name}_{part}": getattr(found, part, 0 if part == "n" else None) for part in parts}
    return {name: getattr(found, middle, None), **ends}


JUDGED: tuple[Outcome, ...] = ("completed", "diverged", "given up")
"""Outcomes that a verdict may rest on."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a run found, and the files that tell of it."""

    judged: Mapping[str, Sequence[Judged]]
    """Case → what its tests said: cases in the order of the tables, verdicts in that of metrics."""
    rows: Sequence[Row]
    records: Sequence[Record]
    paths: Sequence[Path]
    page: Path | None = None
    """The same for a browser, with pictures."""


def write_summary(
    judged: Sequence[Judged], cases: Mapping[str, Case], claims: Claims, store: Store, folder: Path
) -> Summary:
    """Write the report of a run into ``folder``.

    Args:
        judged: What the tests of the run said, in any order.
        cases: Every case there is, in the order of the tables.
        claims: What was published.
        store: Holds the records that ``judged`` names.
        folder: Is given ``summary.md``, ``summary.json`` and ``summary.csv``.
    """
    ordered = in_order(judged)
    by_case = {name: [one for one in ordered if one.case == name] for name in cases}
    by_case = {name: found for name, found in by_case.items() if found}
    records = _records(ordered, store)
    table = rows(
        [cases[name] for name in by_case],
        records,
        {name: [one.verdict for one in each if one.verdict] for name, each in by_case.items()},
        claims,
    )
    paths = write_report(folder, table, records)
    return Summary(judged=by_case, rows=table, records=records, paths=paths)


def _records(judged: Sequence[Judged], store: Store) -> list[Record]:
    wanted = dict.fromkeys((one.case, key) for one in judged for key in one.records)
    found = ((store.find(case, key, outcome=outcome) for outcome in JUDGED) for case, key in wanted)
    return [record for each in found if (record := next(filter(None, each), None))]


def shown(summary: Summary, screen: Screen, *, unjudged: int = 0) -> str:
    """Return a summary as text for a terminal; so many tests failed without a verdict."""
    first, *others = summary.paths
    report = f"Report: {first}" + "".join(f", {path.suffix}" for path in others)
    if summary.page:
        report += f"\nPage: {summary.page}"
    blocks = [
        "\n".join(verdict_lines(summary.judged, screen, unjudged=unjudged)),
        *tables(summary.rows, summary.records, screen),
        report,
    ]
    return "\n\n".join(block for block in blocks if block)
