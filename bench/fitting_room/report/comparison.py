"""A comparison for people, as Markdown, and for programs, as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from fitting_room.analysis.comparison import IN_TURN, Comparison, differences, name_of
from fitting_room.analysis.sides import COUNTS, Facts, Side, two_cases
from fitting_room.format import MISSING, counted, shown, shown_difference, spanned
from fitting_room.judge.change import OUTCOMES, Change
from fitting_room.report.table import Table, bullets

SCHEMA = 1


def as_json(found: Comparison, *, undecided: bool) -> bytes:
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
    return msgspec.json.format(msgspec.json.encode(told)) + b"\n"


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


def as_markdown(
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
