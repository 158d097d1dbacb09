"""The end of a run: verdicts first, then the tables; shown and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.harness.record import Outcome, Record
from bench.harness.report.files import write_report
from bench.harness.report.properties import Judged
from bench.harness.report.rows import Row, rows
from bench.harness.report.screen import Screen
from bench.harness.report.terminal import tables
from bench.harness.report.verdicts import in_order, verdict_lines
from bench.harness.spec import Case
from bench.harness.store.claims import Claims
from bench.harness.store.records import Store

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
    judged: Sequence[Judged],
    cases: Mapping[str, Case],
    claims: Claims,
    store: Store,
    folder: Path,
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


def _records(judged: Sequence[Judged], store: Store) -> list[Record]:
    wanted = dict.fromkeys((one.case, key) for one in judged for key in one.records)
    found = ((store.find(case, key, outcome=outcome) for outcome in JUDGED) for case, key in wanted)
    return [record for each in found if (record := next(filter(None, each), None))]
