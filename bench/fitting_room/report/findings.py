"""What an audit and a comparison found: Markdown for people, JSON for programs, a terminal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from fitting_room.analysis.audit import Finding
from fitting_room.analysis.comparison import IN_TURN, Comparison, differences, name_of
from fitting_room.analysis.evidence import title
from fitting_room.analysis.sides import COUNTS, Facts, Side, two_cases
from fitting_room.analysis.statements import NO_RECORDS
from fitting_room.analysis.trials import by_case, one_per_seed
from fitting_room.format import (
    MISSING,
    counted,
    in_prose,
    in_terminal,
    listed,
    one_line,
    shown,
    shown_difference,
    spanned,
)
from fitting_room.judge.change import OUTCOMES, Change
from fitting_room.judge.verdict import CLAIM_OUTCOMES
from fitting_room.record import Record
from fitting_room.report.columns import provenance
from fitting_room.report.progress import Screen
from fitting_room.report.table import Table, bullets
from fitting_room.store.records import encoded

SCHEMA = 1
"""The schema of the JSON of either."""

CLAIM_HEADINGS = ("claim", "published", "measured", "verdict")

RULE = (
    "A figure is reproduced if it lies where one more seed falls with 95 % probability; beyond "
    "that it is exceeded where ours is better, else not reproduced. A statement is reproduced if "
    "the 95 % confidence interval lies within what it says, undecided if only part of it does. "
    "Whatever is not reproduced, be it exceeded or undecided, is contradicted by its own source "
    "where that excludes it: by another figure, by the layers it describes, whose parameters are "
    "counted, or by code that takes what is published as test accuracy from the training images. "
    "`fitting-room claims` has every reason in full."
)


def claims_markdown(
    findings: Sequence[Finding], records: Sequence[Record], *, stale: Mapping[str, str]
) -> str:
    """Return the tables, with a count of the verdicts above and what must be known below.

    ``stale`` says by case why its records are not those of the present code.
    """
    marks = list(dict.fromkeys(text for each in findings for text in _notes(each) if text))
    sections: dict[str, list[Sequence[str]]] = {}
    for each in findings:
        sections.setdefault(_section(each), []).append(_claim_cells(each, stale, marks))
    parts = [" ".join([f"**{tally(findings)}.**", *map(in_prose, _mislabelled(findings))])]
    parts += ["<details>", "<summary>Every claim, with what was measured</summary>"]
    for heading, rows in sections.items():
        parts += [heading, Table(CLAIM_HEADINGS, rows, align=None).markdown(unbroken=True)]
    return "\n\n".join([*parts, "</details>", bullets(_below(findings, records, stale, marks))])


def claims_json(findings: Sequence[Finding], *, stale: Mapping[str, str]) -> bytes:
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
    return encoded({"schema": SCHEMA, "verdicts": _counts(findings), "claims": told})


def tally(findings: Sequence[Finding]) -> str:
    """Return ``59 claims: 22 reproduced, 8 exceeded, …``."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in _counts(findings).items())
    return f"{len(findings)} claims{counts and f': {counts}'}"


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    found = Counter(each.verdict.label for each in findings)
    return {verdict: found[verdict] for verdict in CLAIM_OUTCOMES if found[verdict]}


def _claim_row(each: Finding, stale: Mapping[str, str]) -> tuple[str, ...]:
    """Return the cells of a finding, in the order of the headings."""
    old = " (stale)" if any(case in stale for case in each.claim.cases_named) else ""
    verdict = each.verdict
    missing = "no reference yet" if NO_RECORDS in verdict.reason else "none"
    measured = f"{each.measured}{old}" if each.measured else missing
    return (each.said, verdict.against, measured, verdict.label, verdict.reason)


def _claim_cells(each: Finding, stale: Mapping[str, str], marks: Sequence[str]) -> tuple[str, ...]:
    """Return the cells of a finding on a page, with the numbers of its footnotes."""
    said, published, measured, verdict, _ = _claim_row(each, stale)
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


def claims_shown(findings: Sequence[Finding], screen: Screen, *, stale: Mapping[str, str]) -> str:
    """Return the audit for a terminal, two paragraphs a claim, its verdict in colour."""
    lines: list[str] = []
    for each in findings:
        cells = (in_terminal(one_line(cell)) for cell in _claim_row(each, stale))
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


def comparison_json(found: Comparison, *, undecided: bool) -> bytes:
    """Return the comparison as a JSON document; infinite numbers are null.

    ``green`` is what the exit status says; ``undecided`` says whether an open verdict fails it.
    """
    pairs = found.pairs
    told = {
        "schema": SCHEMA,
        "green": not found.red(undecided=undecided),
        "base": _side(found.base),
        "head": _side(found.head),
        "differences": differences(pairs.pairs),
        "missing": dict(pairs.missing),
        "appeared": pairs.appeared,
        "vanished": pairs.vanished,
        "two_names": {head.case: base.case for base, head in pairs.two_names},
        "findings": [
            {
                "case": change.verdict.subject,
                "metric": change.verdict.metric,
                "outcome": change.verdict.label,
                "base": change.base,
                "head": change.head,
                "seeds": change.seeds,
                "evidence": change.verdict.reason,
                "warned": change.warned,
                "same_images": change.images,
            }
            for change in found.changes
        ],
    }
    return encoded(told)


def _side(side: Side) -> dict[str, Any]:
    cases = {
        case: {"records": [record.key for record in facts.records], "notes": facts.notes}
        for case, facts in side.facts.items()
    }
    return {"what": side.told, "cases": cases}


SECTIONS = {
    "Regressions": tuple(label for label, outcome in OUTCOMES.items() if outcome == "fail"),
    "Suspicious improvements": ("improvement",),
    "Undecided": ("undecided",),
}
"""Heading → outcomes that it lists, with their evidence."""

HEADINGS = ("case", "metric", "base", "head", "change", "seeds", "verdict")

HINTS = {
    "Suspicious improvements": "They fail nothing. See that head still does the same work, and "
    "that no test image reached the training.",
    "Undecided": "Too few seeds to tell: `--train` adds some.",
}


def comparison_markdown(
    found: Comparison, *, undecided: bool, hint: str = "", verbose: bool = False
) -> str:
    """Return the whole comparison; ``hint`` says what to do about cases that are missing."""
    parts = ["# Comparison", _headline(found, undecided=undecided), _sides(found)]
    listed = {heading: found.of(*outcomes) for heading, outcomes in SECTIONS.items()}
    listed["Timed in turn"] = [c for c in found.changes if c.verdict.metric == IN_TURN]
    pairs = {name_of(*pair) for pair in found.pairs.two_names if two_cases(*pair)}
    listed["On the same images"] = [
        c for c in found.of("same") if c.images and c.verdict.subject in pairs
    ]
    listed["Warnings"] = [change for change in found.changes if change.warned]
    for heading, changes in listed.items():
        lines = [_line(change) for change in changes]
        parts += [f"## {heading}", HINTS.get(heading, ""), bullets(lines)] if lines else []
    parts += _cases(found, hint)
    parts += _figures(found.changes, verbose=verbose)
    parts += _reasons(found.of("not comparable"))
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline(found: Comparison, *, undecided: bool) -> str:
    counts = {
        "missing": len(found.pairs.missing),
        **{heading.lower(): len(found.of(*kinds)) for heading, kinds in SECTIONS.items()},
        "unchanged": len(found.of("same")),
        "not comparable": len(found.of("not comparable")),
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    colour = "Red" if found.red(undecided=undecided) else "Green"
    return f"**{colour}**: {told or 'nothing was compared'}."


def _sides(found: Comparison) -> str:
    told, notes = [], []
    for name, side in (("base", found.base), ("head", found.head)):
        seeds = [len(facts.records) for facts in side.facts.values() if facts.records]
        noun = "seed" if max(seeds, default=1) == 1 else "seeds"
        each = f", {spanned(seeds)} {noun} each" if seeds else ""
        told.append(f"{name}: {side.told}; {counted(len(side.facts), 'case')}{each}")
        notes += [f"{name} {note}" for facts in side.facts.values() for note in facts.notes]
    return bullets([*told, *differences(found.pairs.pairs), *notes])


def _line(change: Change) -> str:
    verdict, images, same = change.verdict, change.images, ""
    if images:
        told = (images.estimate, images.low, images.high)
        estimate, low, high = (shown_difference(verdict.metric, each) for each in told)
        same = f"; on the same images {estimate} (95 %: {low} to {high})"
    return f"{verdict.subject} {verdict.metric} {verdict.label}: {verdict.reason}{same}"


def _cases(found: Comparison, hint: str) -> list[str]:
    """Tell of cases that only one side has, and of those that have another name now."""
    pairs = found.pairs
    lines = [
        *(f"{name} is missing: {why}" for name, why in pairs.missing),
        *([hint] if pairs.missing and hint else []),
        *(_two_names(*pair) for pair in pairs.two_names),
        *(f"{name} appeared: base has nothing to compare it with" for name in pairs.appeared),
        *(f"{name} vanished: head's code does not have it" for name in pairs.vanished),
    ]
    return ["## Cases", bullets(lines)] if lines else []


def _two_names(base: Facts, head: Facts) -> str:
    if two_cases(base, head):
        return f"{base.case} and {head.case} are two cases, and compared with each other"
    if head.case.startswith(base.case):
        return f"{head.case} is a variant of {base.case}, and compared with it"
    return (
        f"{head.case} appeared and {base.case} vanished, but builder and arguments are the same "
        f"(digest {head.identity}): renamed, and compared"
    )


def _figures(changes: Sequence[Change], *, verbose: bool) -> list[str]:
    """Return the table; what is the same fits a line, unless all of it is asked for."""

    def brief(change: Change) -> bool:
        told_apart = change.warned or change.verdict.metric == IN_TURN
        wanted = verbose and change.verdict.metric not in COUNTS
        return change.verdict.label == "same" and not told_apart and not wanted

    told = [change for change in changes if change.verdict.outcome != "not comparable"]
    alike = [change for change in told if brief(change)]
    rows = [_cells(change) for change in told if not brief(change)]
    found = ["## Figures"] if told else []
    if rows:
        found.append(Table(HEADINGS, rows, align="llrrrrl").markdown())
    if alike:
        metrics = ", ".join(dict.fromkeys(change.verdict.metric for change in alike))
        more = "" if verbose else " `-v` lists them."
        found.append(f"The same, {len(alike)} figures: {metrics}.{more}")
    return found


def _cells(change: Change) -> list[str]:
    verdict, base, head = change.verdict, change.base, change.head
    if verdict.metric.startswith("seconds"):
        difference = f"×{head / base:.2f}" if base and head else ""
    else:
        by = verdict.estimate
        difference = "" if by is None else shown_difference(verdict.metric, by)
    amounts = [_amount(verdict.metric, value) for value in (base, head)]
    seeds = " → ".join(map(str, change.seeds))
    return [verdict.subject, verdict.metric, *amounts, difference, seeds, verdict.label]


def _amount(metric: str, value: float | None) -> str:
    if value is None:
        return MISSING
    if metric.startswith("seconds"):
        return f"{value:.3g} s"
    return "never" if math.isinf(value) else shown(metric, value)


def _reasons(changes: Sequence[Change]) -> list[str]:
    """Tell each reason once, with the metrics and cases that it concerns."""
    lines = []
    for why in dict.fromkeys(change.verdict.reason for change in changes):
        verdicts = [change.verdict for change in changes if change.verdict.reason == why]
        metrics = ", ".join(dict.fromkeys(verdict.metric for verdict in verdicts))
        cases = ", ".join(dict.fromkeys(verdict.subject for verdict in verdicts))
        lines.append(f"{metrics} of {cases}: {why}")
    return ["## Not comparable", bullets(lines)] if lines else []
