"""The end of a run: verdicts first, then the tables; printed and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.harness.judge.verdict import Verdict
from bench.harness.record import Record
from bench.harness.report.files import write_report
from bench.harness.report.markdown import summary
from bench.harness.report.properties import Judged
from bench.harness.report.rows import rows
from bench.harness.spec import Case
from bench.harness.store.claims import Claims
from bench.harness.store.records import Store

Verdicts = Mapping[str, Sequence[Verdict]]


def write_summary(
    judged: Sequence[Judged],
    cases: Mapping[str, Case],
    claims: Claims,
    store: Store,
    folder: Path,
    *,
    verbose: bool,
) -> str:
    """Write the report of a run into ``folder``, and return it as text for a terminal.

    Args:
        judged: What the tests of the run said.
        cases: Every case there is, in the order of the tables.
        claims: What was published.
        store: Holds the records that ``judged`` names.
        folder: Is given ``summary.md``, ``summary.json`` and ``summary.csv``.
        verbose: Show the evidence of every verdict, not only where a bound was not met.
    """
    shown = [case for case in cases.values() if any(j.case == case.name for j in judged)]
    verdicts = {case.name: _verdicts(judged, case) for case in shown}
    records = _records(judged, store)
    table = rows(shown, records, verdicts, claims)
    paths = write_report(folder, table, records)
    written = f"Written to {folder}: {', '.join(path.name for path in paths)}"
    lines = [line for case in shown for line in _lines(case, verdicts[case.name], verbose)]
    return "\n".join([*lines, "", summary(table, records), written])


def _verdicts(judged: Sequence[Judged], case: Case) -> list[Verdict]:
    return [one.verdict for one in judged if one.case == case.name and one.verdict]


def _records(judged: Sequence[Judged], store: Store) -> list[Record]:
    wanted = dict.fromkeys((one.case, key) for one in judged for key in one.records)
    found = (
        store.find(case, key) or store.find(case, key, outcome="diverged") for case, key in wanted
    )
    return [record for record in found if record]


def _lines(case: Case, verdicts: Sequence[Verdict], verbose: bool) -> list[str]:
    if not verdicts:
        return []
    met = sum(verdict.passed for verdict in verdicts)
    lines = [f"{case.name}: {met} of {len(verdicts)} bounds met"]
    return lines + [
        f"  {verdict.outcome} {verdict.metric}: {verdict.evidence}"
        for verdict in verdicts
        if verbose or not verdict.passed
    ]
