"""Findings as a GitHub-flavoured table, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from tabulate import tabulate

from bench.harness.judge.claims import OUTCOMES
from bench.harness.record import Record
from bench.harness.report.audit.finding import NO_RECORDS, Finding
from bench.harness.report.audit.words import listed
from bench.harness.report.cells import unbroken
from bench.harness.report.notes import provenance
from bench.harness.report.trials import one_per_seed

SCHEMA = 1
"""Of the JSON."""

HEADINGS = ("claim", "published", "measured", "verdict", "because")
RULE = (
    "A figure is reproduced if it lies where one more seed falls with 95 % probability; beyond "
    "that it is exceeded where ours is better, else not reproduced. A statement is reproduced if "
    "the 95 % confidence interval lies within what it says, undecided if only part of it does. "
    "What is not reproduced, and excluded by another claim of its source, is contradicted by it."
)


def as_markdown(
    findings: Sequence[Finding], records: Sequence[Record], *, stale: Mapping[str, str]
) -> str:
    """Return the table, with a count of the verdicts above and what must be known below.

    Args:
        findings: In the order of the table.
        records: That they rest on, among others.
        stale: Case → why its records are not those of the present code.
    """
    marks = _footnotes(findings)
    rows = [[_cell(cell) for cell in row(each, stale, marks)] for each in findings]
    table = tabulate(rows, headers=HEADINGS, tablefmt="github", disable_numparse=True)
    below = "\n".join(f"- {line}" for line in _below(findings, records, stale))
    head = [f"**{tally(findings)}.**", *_mislabelled(findings)]
    folded = ["<details>", "<summary>Every claim, with what was measured</summary>", table]
    return "\n\n".join([" ".join(head), *folded, "</details>", below])


def as_json(findings: Sequence[Finding], *, stale: Mapping[str, str]) -> str:
    """Return every finding in full, numbers in the units of their metrics; infinite ones null."""
    told = [_told(each, stale) for each in findings]
    document = {"schema": SCHEMA, "verdicts": dict(_counts(findings)), "claims": told}
    return msgspec.json.format(msgspec.json.encode(document)).decode()


def row(each: Finding, stale: Mapping[str, str], marks: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the cells of a finding, in the order of the headings; ``marks`` are the footnotes."""
    mark = f" [{marks.index(each.note) + 1}]" if each.note in marks else ""
    old = " (stale)" if any(case in stale for case in each.cases) else ""
    missing = "no reference yet" if NO_RECORDS in each.because else "none"
    measured = f"{each.measured}{old}" if each.measured else missing
    return (f"{each.said}{mark}", each.published, measured, each.verdict, each.because)


def tally(findings: Sequence[Finding]) -> str:
    """Return ``59 claims: 22 reproduced, 8 exceeded, …``."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in _counts(findings))
    return f"{len(findings)} claims: {counts}"


def _mislabelled(findings: Sequence[Finding]) -> list[str]:
    """Return one sentence for each metric whose figures were published as those of another."""
    found: dict[tuple[str, str], list[str]] = {}
    for each in findings:
        if each.mislabelled:
            found.setdefault(each.mislabelled, []).append(f"{each.said} {each.published}")
    return [
        f"Published as {printed}, but a {really}: {listed(figures)}."
        for (really, printed), figures in found.items()
    ]


def _counts(findings: Sequence[Finding]) -> list[tuple[str, int]]:
    found = Counter(each.verdict for each in findings)
    return [(verdict, found[verdict]) for verdict in OUTCOMES if found[verdict]]


def _cell(text: str) -> str:
    return unbroken(" ".join(text.split()).replace("|", "\\|"))


def _footnotes(findings: Sequence[Finding]) -> list[str]:
    return list(dict.fromkeys(each.note for each in findings if each.note))


def _below(
    findings: Sequence[Finding], records: Sequence[Record], stale: Mapping[str, str]
) -> list[str]:
    cases = list(dict.fromkeys(case for each in findings for case in each.cases))
    used = [
        record
        for case in cases
        for record in one_per_seed([r for r in records if r.spec.case.name == case])
    ]
    sources = list(dict.fromkeys(each.source for each in findings))
    return [
        *(f"{case} is stale: {stale[case]}." for case in cases if case in stale),
        RULE,
        *(f"[{number}] {note}" for number, note in enumerate(_footnotes(findings), start=1)),
        *([provenance(used)] if used else []),
        f"Published: {' / '.join(sources)}.",
    ]


def _told(each: Finding, stale: Mapping[str, str]) -> dict[str, Any]:
    told = msgspec.to_builtins(each)
    why = {case: stale[case] for case in each.cases if case in stale}
    return {**told, "stale": why}
