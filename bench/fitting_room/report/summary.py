"""The findings of a run: as properties of its tests, as text for terminal and GitHub, as files."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from fitting_room.analysis.trials import APART, SEVERITY, Row, incomparable, rows
from fitting_room.errors import UserError
from fitting_room.format import counted
from fitting_room.format import shown as shown_value
from fitting_room.judge.sequential import BRIEF, in_brief
from fitting_room.judge.verdict import Verdict
from fitting_room.metrics import METRICS, own
from fitting_room.record import Outcome, Record
from fitting_room.report.columns import (
    UNPUBLISHED,
    banner,
    by_task,
    cited,
    footnotes,
    gaps,
    measured,
    notes,
    reservations,
    task_table,
)
from fitting_room.report.progress import Screen
from fitting_room.report.table import Table
from fitting_room.spec import TASKS, Case
from fitting_room.store.claims import Claims
from fitting_room.store.records import Store, encoded, write_whole

Properties = list[tuple[str, object]]
JUDGED = "judged"
"""The property of a test that holds its verdict, as JSON, for xdist and for JUnit."""
TALLY = "tally"
"""The property of a test with a sentence on its whole suite, which the end of the run shows."""
NAMES = frozenset({JUDGED, TALLY, "published", "measured", "verdict", "because", "gate", "race"})
"""The names of all properties of the bench's tests."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The finding of one test on a case; without a verdict if it only measured."""

    case: str
    records: tuple[str, ...]
    """Keys of the records it rests on."""
    verdict: Verdict | None = None
    explained: bool = False
    """Whether pytest shows its evidence already, because the test failed."""


def to_properties(judged: Judged) -> Properties:
    """Return a finding as the one property that holds it; infinite numbers survive."""
    return [(JUDGED, json.dumps(msgspec.to_builtins(judged), ensure_ascii=False))]


def from_properties(properties: Iterable[tuple[str, object]]) -> Judged | None:
    """Return the finding that ``to_properties`` wrote; None for a test of no case."""
    told = dict(properties).get(JUDGED)
    return msgspec.convert(json.loads(str(told)), Judged) if told else None


def parted(properties: Properties) -> tuple[Properties, Properties]:
    """Return the properties of a test that are the bench's, and the others."""
    ours = [(name, value) for name, value in properties if name in NAMES]
    return ours, [(name, value) for name, value in properties if name not in NAMES]


LEVELS = {"fail": "error", "undecided": "warning"}
"""Outcome → level of its annotation; the others have none."""


def workflow_commands(
    judged: Iterable[Judged], file: str, line: Callable[[str, str], int]
) -> list[str]:
    """Return a workflow command for each bound that is not met, to be printed as it is.

    ``line`` gives the line of a case's bound on a metric in the ``file`` of bounds, from 1.
    """
    return [
        f"::{LEVELS[v.outcome]} file={_data(file, ':,')},line={line(one.case, v.metric)},"
        f"title={_data(f'{one.case}: {v.metric} {v.outcome}', ':,')}::{_data(v.reason)}"
        for one in judged
        if (v := one.verdict) and v.outcome in LEVELS
    ]


def _data(text: str, also: str = "") -> str:
    """Return text as a workflow command takes it; its properties escape ``also`` these."""
    for mark in f"%\r\n{also}":
        text = text.replace(mark, f"%{ord(mark):02X}")
    return text


def append_summary(path: Path, markdown: str) -> None:
    """Add a Markdown document to the job summary at ``path``, which other steps write to as well.

    Raises:
        UserError: It cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{markdown}\n")
    except OSError as error:
        raise UserError(
            f"Cannot write the job summary {path}: {error.strerror}. "
            "Unset GITHUB_STEP_SUMMARY where this is no GitHub Actions."
        ) from error


def in_order(judged: Sequence[Judged]) -> list[Judged]:
    """Return the findings in the order of the metrics, whichever worker was done first."""
    order = [*METRICS]

    def place(one: Judged) -> tuple[int, str]:
        metric = one.verdict.metric if one.verdict else ""
        return order.index(metric) if metric in order else len(order), metric

    return sorted(judged, key=place)


def verdict_lines(
    judged: Mapping[str, Sequence[Judged]], screen: Screen, *, unjudged: int = 0
) -> list[str]:
    """Return the headline and the lines of every case, or nothing if nothing was judged.

    A quiet screen leaves out cases that met all bounds. A verbose one shows all evidence below each
    case; otherwise the evidence of bounds that are met comes last, in brief. ``unjudged`` tests
    failed without a verdict.
    """
    verdicts = [one.verdict for each in judged.values() for one in each if one.verdict]
    lines = []
    if verdicts:
        counts: Counter[str] = Counter(verdict.outcome for verdict in verdicts)
        told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in SEVERITY if counts[outcome])
        text = f"{counted(len(verdicts), 'bound')}: {told}"
        lines.append(screen.mark(screen.outcome(text, _worst(verdicts)), bold=True))
    if unjudged:
        text = f"{counted(unjudged, 'test')} failed without a verdict"
        lines.append(screen.outcome(text, "fail"))
    lines += [line for case, each in judged.items() for line in _case(case, each, screen)]
    if screen.verbosity == 0:
        apart = [screen.folded(line, rest="    ") for line in incomparable(verdicts)]
        lines += [screen.outcome(line, APART) for line in apart]
        lines += _passed(judged, screen)
    return lines


def _worst(verdicts: Sequence[Verdict]) -> str:
    return min((verdict.outcome for verdict in verdicts), key=SEVERITY.index)


def _case(case: str, judged: Sequence[Judged], screen: Screen) -> list[str]:
    """Return the lines of a case, which is as good as its worst verdict."""
    verdicts = [one.verdict for one in judged if one.verdict]
    held = [verdict for verdict in verdicts if verdict.outcome != APART]
    met, apart = sum(verdict.passed for verdict in held), len(verdicts) - len(held)
    if not verdicts or (screen.verbosity < 0 and met == len(held)):
        return []
    worst = _worst(held or verdicts)
    told = [f"{met} of {len(held)} bounds met"] if held else []
    told += [f"{apart} {APART}"] if apart else []
    outcome = screen.outcome(f"{worst:{max(map(len, SEVERITY))}}", worst)
    return [
        f"{outcome}  {case}: {', '.join(told)}",
        *(
            _reason(one.verdict, screen, explained=one.explained)
            for one in judged
            if one.verdict and (screen.verbosity > 0 or one.verdict.outcome not in ("pass", APART))
        ),
    ]


def _reason(verdict: Verdict, screen: Screen, *, explained: bool) -> str:
    """Return a verdict's evidence, or its figure and bound if pytest shows the evidence already."""
    estimate, outcome = verdict.estimate, verdict.outcome
    value = "no value" if estimate is None else shown_value(verdict.metric, estimate)
    said = f"{value} (n={verdict.n}), bound {verdict.against}" if explained else verdict.reason
    text = screen.folded(f"{verdict.metric} {outcome}: {said}", first="    ", rest=" " * 8)
    return text.replace(f" {outcome}:", f" {screen.outcome(outcome, outcome)}:", 1)


def _passed(judged: Mapping[str, Sequence[Judged]], screen: Screen) -> list[str]:
    """Return the evidence of each bound that is met, in brief, a line each."""
    verdicts = [(case, one.verdict) for case, each in judged.items() for one in each if one.verdict]
    met = [(case, verdict) for case, verdict in verdicts if verdict.passed]
    if not met:
        return []
    width = max(len(verdict.metric) for _, verdict in met)
    weighed = any("log-likelihood" in verdict.reason for _, verdict in met)
    legend = f"What passed{f': {BRIEF}.' if weighed else ':'}"
    lines, last = ["", screen.folded(legend, rest="    ")], ""
    for case, verdict in met:
        lines += [case] if case != last else []
        first, last = f"  {verdict.metric:{width}}  ", case
        lines.append(screen.folded(in_brief(verdict.reason), first=first, rest=" " * 8))
    return lines


def summary(
    rows: Sequence[Row], records: Sequence[Record], *, stale: Mapping[str, str] | None = None
) -> str:
    """Return a Markdown document: a heading and a table for each task that has rows."""
    parts = ["# Fitting Room"]
    for task, of_task in by_task(rows).items():
        parts += [f"## {TASKS[task].title}", task_table(of_task, records, stale=stale or {})]
    return "\n\n".join(parts) + "\n"


ABSENT = "no completed trial"


def tables(rows: Sequence[Row], records: Sequence[Record], screen: Screen) -> list[str]:
    """Return a block of text for each task that has rows: title, table, notes.

    A quiet screen has no notes; a verbose one has all of them.
    """
    return [_block(TASKS[task].title, of, records, screen) for task, of in by_task(rows).items()]


def _block(title: str, rows: Sequence[Row], records: Sequence[Record], screen: Screen) -> str:
    table, dropped = _fitting(rows, screen)
    below = [*gaps(rows, ABSENT), *reservations(rows)] if screen.verbosity >= 0 else []
    if screen.verbosity > 0:
        told = [replace(row, verdicts=()) for row in rows]  # their evidence stands above
        below = notes(told, records, stale={}, absent=ABSENT)
    if dropped:
        below.append(f"Too narrow for: {', '.join(dropped)}. The report has them.")
    lines = [screen.mark(title, bold=True)]
    for why in banner(rows):
        lines.append(screen.mark(screen.folded(f"{UNPUBLISHED}: {why}"), yellow=True))
    lines += ["", table, *([""] if below else [])]
    return "\n".join([*lines, *(screen.folded(each, first="- ", rest="  ") for each in below)])


def _fitting(rows: Sequence[Row], screen: Screen) -> tuple[str, list[str]]:
    """Return the table with the first columns that fit, and the headings of the others.

    Published figures stand below ours, for want of width.
    """
    lines = [(row, below) for row in rows for below in (False, True)[: 2 if row.published else 1]]
    columns, marks = measured(rows), footnotes(rows)
    head = ["architecture", *(column.heading for column in columns)]
    cells = [
        ["published", *(cited(row, column.metric, marks) for column in columns)]
        if below
        else [row.architecture, *(column.cell(row) for column in columns)]
        for row, below in lines
    ]

    def style(line: int, column: int, text: str) -> str:
        if line < 0:
            return screen.mark(text, bold=True)
        row, below = lines[line]
        if below:
            return screen.mark(text, light=True)
        return text if column else screen.outcome(text, row.verdict)

    fits = len(head)
    while fits > 2 and Table(head[:fits], [c[:fits] for c in cells]).width > screen.width:
        fits -= 1
    table = Table(head[:fits], [line[:fits] for line in cells])
    return table.terminal(style=style), head[fits:]


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
    """Return every figure, verdict and key of a record; infinite numbers are null."""
    told = [{**msgspec.to_builtins(row), "stale": stale.get(row.case)} for row in rows]
    return encoded({"schema": SCHEMA, "rows": told})


def as_csv(rows: Sequence[Row]) -> str:
    """Return one line per case under a heading; a figure that is missing is empty."""
    lines = [_flat(row) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(lines[0]) if lines else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


OVER_SEEDS = ("test_accuracy", "test_loss", "training_accuracy", "calibration_error")
PLAIN = ("peak_memory_mib", "latency_seconds", "images_per_second", "verdict")


def _flat(row: Row) -> dict[str, object]:
    target = next(iter(row.epochs_to_target), None)
    told: dict[str, object] = {"case": row.case}
    for name in (*OVER_SEEDS, *(metric.name for metric in own())):
        told |= _parts(name, {**vars(row), **row.metrics}.get(name), "mean", "sd", "n")
    told["parameters"] = row.parameters
    for name, clock in CLOCKS.items():
        told |= _parts(name, getattr(target, clock, None), "median", "reached", "n")
    told |= _parts("seconds_per_epoch", row.seconds_per_epoch, "median", "lower", "upper", "n")
    told |= {name: getattr(row, name) for name in PLAIN}
    return told | {"flags": "; ".join(row.flags), "keys": " ".join(row.keys)}


CLOCKS = {
    "epochs_to_target": "found",
    "seconds_to_target": "seconds",
    "seconds_from_start": "elapsed",
}
"""Column → the part of a target that it shows."""


def _parts(name: str, found: object, middle: str, *parts: str) -> dict[str, object]:
    """Return a figure and its parts, as ``test_accuracy_sd``; of one that is missing n is 0."""
    ends = {f"{name}_{part}": getattr(found, part, 0 if part == "n" else None) for part in parts}
    return {name: getattr(found, middle, None), **ends}


RESULTS: tuple[Outcome, ...] = ("completed", "diverged", "given up")
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
    """Write the report of a run into ``folder``, from the records in the store that it rests on.

    ``judged`` comes in any order, ``cases`` are all that there are, in the order of the tables.
    """
    ordered = in_order(judged)
    by_case = {name: [one for one in ordered if one.case == name] for name in cases}
    by_case = {name: found for name, found in by_case.items() if found}
    verdicts = {
        name: [one.verdict for one in each if one.verdict] for name, each in by_case.items()
    }
    wanted = dict.fromkeys((one.case, key) for one in ordered for key in one.records)
    places = [[store.find(*each, outcome=outcome) for outcome in RESULTS] for each in wanted]
    records = [found for each in places if (found := next(filter(None, each), None))]
    table = rows([cases[name] for name in by_case], records, verdicts, claims)
    paths = write_report(folder, table, records)
    return Summary(judged=by_case, rows=table, records=records, paths=paths)


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
