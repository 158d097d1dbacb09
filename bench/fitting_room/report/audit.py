"""Findings on claims as Markdown tables, as JSON, and on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from fitting_room.analysis.audit import Finding
from fitting_room.analysis.evidence import title
from fitting_room.analysis.statements import NO_RECORDS
from fitting_room.analysis.trials import by_case, one_per_seed
from fitting_room.format import in_prose, in_terminal, listed, one_line
from fitting_room.judge.verdict import CLAIM_OUTCOMES
from fitting_room.record import Record
from fitting_room.report.columns import provenance
from fitting_room.report.progress import Screen
from fitting_room.report.table import Table, bullets

SCHEMA = 1
"""The schema of the JSON."""

HEADINGS = ("claim", "published", "measured", "verdict")

RULE = (
    "A figure is reproduced if it lies where one more seed falls with 95 % probability; beyond "
    "that it is exceeded where ours is better, else not reproduced. A statement is reproduced if "
    "the 95 % confidence interval lies within what it says, undecided if only part of it does. "
    "Whatever is not reproduced, be it exceeded or undecided, is contradicted by its own source "
    "where that excludes it: by another figure, by the layers it describes, whose parameters are "
    "counted, or by code that takes what is published as test accuracy from the training images. "
    "`fitting-room claims` has every reason in full."
)


def as_markdown(
    findings: Sequence[Finding], records: Sequence[Record], *, stale: Mapping[str, str]
) -> str:
    """Return the tables, with a count of the verdicts above and what must be known below.

    ``stale`` says by case why its records are not those of the present code.
    """
    marks = list(dict.fromkeys(text for each in findings for text in _notes(each) if text))
    sections: dict[str, list[Sequence[str]]] = {}
    for each in findings:
        sections.setdefault(_section(each), []).append(_cells(each, stale, marks))
    parts = [" ".join([f"**{tally(findings)}.**", *map(in_prose, _mislabelled(findings))])]
    parts += ["<details>", "<summary>Every claim, with what was measured</summary>"]
    for heading, rows in sections.items():
        parts += [heading, Table(HEADINGS, rows, align=None).markdown(unbroken=True)]
    return "\n\n".join([*parts, "</details>", bullets(_below(findings, records, stale, marks))])


def as_json(findings: Sequence[Finding], *, stale: Mapping[str, str]) -> str:
    """Return every finding in full, numbers in the units of their metrics; infinite ones null."""
    told = [
        {
            "name": each.claim.name,
            "said": each.said,
            "published": each.verdict.against,
            "source": each.claim.source,
            "verdict": each.verdict.label,
            "because": each.verdict.reason,
            "kind": each.claim.kind,
            "short": each.short,
            "measured": each.measured,
            "interval": each.verdict.interval,
            "n": each.verdict.n,
            "cases": each.claim.cases_named,
            "mislabelled": each.mislabelled,
            "note": each.claim.note,
            "expected": each.claim.expected,
            "stale": {case: stale[case] for case in each.claim.cases_named if case in stale},
        }
        for each in findings
    ]
    document = {"schema": SCHEMA, "verdicts": _counts(findings), "claims": told}
    return msgspec.json.format(msgspec.json.encode(document)).decode()


def tally(findings: Sequence[Finding]) -> str:
    """Return ``59 claims: 22 reproduced, 8 exceeded, …``."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in _counts(findings).items())
    return f"{len(findings)} claims{counts and f': {counts}'}"


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    found = Counter(each.verdict.label for each in findings)
    return {verdict: found[verdict] for verdict in CLAIM_OUTCOMES if found[verdict]}


def _row(each: Finding, stale: Mapping[str, str]) -> tuple[str, ...]:
    """Return the cells of a finding, in the order of the headings."""
    old = " (stale)" if any(case in stale for case in each.claim.cases_named) else ""
    verdict = each.verdict
    missing = "no reference yet" if NO_RECORDS in verdict.reason else "none"
    measured = f"{each.measured}{old}" if each.measured else missing
    return (each.said, verdict.against, measured, verdict.label, verdict.reason)


def _cells(each: Finding, stale: Mapping[str, str], marks: Sequence[str]) -> tuple[str, ...]:
    """Return the cells of a finding on a page, with the numbers of its footnotes."""
    said, published, measured, verdict, _ = _row(each, stale)
    note, short = (f" [{marks.index(text) + 1}]" if text else "" for text in _notes(each))
    if case := _of_table(each):
        said = said.removeprefix(f"{title(case)}, ")
    return (f"{said}{note}", published, measured, f"{verdict}{short}")


def _section(each: Finding) -> str:
    if case := _of_table(each):
        return f"{title(case)}, by architecture:"
    return "Other figures:" if each.claim.kind == "figure" else "Statements:"


def _of_table(each: Finding) -> str | None:
    """Return the case whose figure, beside ours in the tables of a task, a finding is about."""
    case = each.claim.name.partition(".")[0]
    return case if case in each.claim.cases_named else None


def _notes(each: Finding) -> tuple[str, str]:
    """Return what must be known of a claim, and why it does not hold, which may be the same."""
    note = each.claim.note or ""
    return note, note if note and each.short and each.mislabelled else each.short


def _mislabelled(findings: Sequence[Finding]) -> list[str]:
    """Return one sentence for each metric whose figures were published as those of another."""
    sentences = []
    for pair in dict.fromkeys(each.mislabelled for each in findings if each.mislabelled):
        wrong = [each for each in findings if each.mislabelled == pair]
        figures = listed([f"{each.said} {each.verdict.against}" for each in wrong])
        sentences.append(f"Published as {pair[1]}, but a {pair[0]}: {figures}.")
    return sentences


def _below(
    findings: Sequence[Finding],
    records: Sequence[Record],
    stale: Mapping[str, str],
    marks: Sequence[str],
) -> list[str]:
    cases = list(dict.fromkeys(case for each in findings for case in each.claim.cases_named))
    known = by_case(records)
    used = [record for case in cases for record in one_per_seed(known.get(case, []))]
    sources = dict.fromkeys(each.claim.source for each in findings)
    return [
        *(f"{case} is stale: {stale[case]}." for case in cases if case in stale),
        RULE,
        *(f"[{number}] {note}" for number, note in enumerate(marks, start=1)),
        *([provenance(used)] if used else []),
        f"Published: {' / '.join(sources)}.",
    ]


def shown(findings: Sequence[Finding], screen: Screen, *, stale: Mapping[str, str]) -> str:
    """Return the audit for a terminal, two paragraphs a claim, its verdict in colour."""
    lines: list[str] = []
    for each in findings:
        cells = (in_terminal(one_line(cell)) for cell in _row(each, stale))
        said, published, measured, verdict, because = cells
        marked = screen.outcome(verdict, each.verdict.outcome)
        evidence = f"published {published}, measured {measured}: {because}"
        lines.append(screen.folded(f"{verdict}: {said}", rest="  ").replace(verdict, marked, 1))
        lines.append(screen.folded(evidence, first="  ", rest="  "))
    return "\n".join(lines)


def surprises(findings: Sequence[Finding]) -> list[str]:
    """Return one line for each verdict that is not the one the file expects."""
    return [
        f"{each.claim.name}: {each.verdict.label}, where {each.claim.expected} is expected. "
        f"{each.verdict.reason}."
        for each in findings
        if each.surprising
    ]
