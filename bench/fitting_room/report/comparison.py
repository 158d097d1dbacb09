"""A comparison for people, as Markdown, and for programs, as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from fitting_room.analysis.comparison import IN_TURN, Comparison, differences
from fitting_room.analysis.sides import COUNTS, Facts, Side
from fitting_room.format import MISSING, shown, shown_difference
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
        "findings": [_plain(change) for change in found.changes],
    }
    return msgspec.json.format(msgspec.json.encode(told)) + b"\n"


def _side(side: Side) -> dict[str, Any]:
    cases = {
        case: {"records": [record.key for record in facts.records], "notes": facts.notes}
        for case, facts in side.facts.items()
    }
    return {"what": side.told, "cases": cases}


def _plain(change: Change) -> dict[str, Any]:
    verdict = change.verdict
    return {
        "case": verdict.subject,
        "metric": verdict.metric,
        "outcome": verdict.label,
        "base": change.base,
        "head": change.head,
        "seeds": change.seeds,
        "evidence": verdict.reason,
        "warned": change.warned,
        "same_images": change.images,
    }


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
    """Return the whole comparison.

    Args:
        found: All that was compared.
        undecided: Whether an open verdict fails it.
        hint: What to do about cases that are missing.
        verbose: Show the figures that are the same, too.
    """
    parts = ["# Comparison", _headline(found, undecided=undecided), _sides(found)]
    listed = {heading: found.of(*outcomes) for heading, outcomes in SECTIONS.items()}
    listed["Timed in turn"] = [c for c in found.changes if c.verdict.metric == IN_TURN]
    listed["Warnings"] = [change for change in found.changes if change.warned]
    parts += [part for heading, lines in listed.items() for part in _section(heading, lines)]
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
    sides = [f"{name}: {_told(side)}" for name, side in _named(found)]
    notes = [f"{name} {note}" for name, side in _named(found) for note in _notes(side)]
    return bullets([*sides, *differences(found.pairs.pairs), *notes])


def _named(found: Comparison) -> tuple[tuple[str, Side], ...]:
    return (("base", found.base), ("head", found.head))


def _told(side: Side) -> str:
    seeds = sorted({len(facts.records) for facts in side.facts.values() if facts.records})
    count = f", {seeds[0]}–{seeds[-1]} seeds each" if seeds[1:] else ""
    count = count or (f", {seeds[0]} seed{'s' if seeds[0] > 1 else ''} each" if seeds else "")
    cases = f"{len(side.facts)} case{'s' if len(side.facts) != 1 else ''}"
    return f"{side.told}; {cases}{count}"


def _notes(side: Side) -> list[str]:
    return [note for facts in side.facts.values() for note in facts.notes]


def _section(heading: str, changes: Sequence[Change]) -> list[str]:
    if not changes:
        return []
    return [f"## {heading}", HINTS.get(heading, ""), bullets([*map(_line, changes)])]


def _line(change: Change) -> str:
    verdict, images = change.verdict, change.images
    same = ""
    if images:
        told = [shown_difference(verdict.metric, x) for x in (images.low, images.high)]
        estimate = shown_difference(verdict.metric, images.estimate)
        same = f"; on the same images {estimate} (95 %: {told[0]} to {told[1]})"
    return f"{verdict.subject} {verdict.metric} {verdict.label}: {verdict.reason}{same}"


def _cases(found: Comparison, hint: str) -> list[str]:
    """Tell of cases that only one side has, and of those that have another name now."""
    pairs = found.pairs
    lines = [
        *(f"{name} is missing: {why}" for name, why in pairs.missing),
        *([hint] if pairs.missing and hint else []),
        *(f"{_two_names(*pair)}" for pair in pairs.two_names),
        *(f"{name} appeared: base has nothing to compare it with" for name in pairs.appeared),
        *(f"{name} vanished: head's code does not have it" for name in pairs.vanished),
    ]
    return ["## Cases", bullets(lines)] if lines else []


def _two_names(base: Facts, head: Facts) -> str:
    if head.case.startswith(base.case):
        return f"{head.case} is a variant of {base.case}, and compared with it"
    return (
        f"{head.case} appeared and {base.case} vanished, but builder and arguments are the same "
        f"(digest {head.identity}): renamed, and compared"
    )


def _figures(changes: Sequence[Change], *, verbose: bool) -> list[str]:
    """Return the table; what is the same fits a line, unless all of it is asked for."""
    told = [change for change in changes if change.verdict.outcome != "not comparable"]
    same = [
        change
        for change in told
        if change.verdict.label == "same" and not change.warned and change.verdict.metric != IN_TURN
    ]
    exact = [change for change in same if change.verdict.metric in COUNTS]
    alike = exact if verbose else same
    rows = [_cells(change) for change in told if change not in alike]
    found = ["## Figures"] if told else []
    if rows:
        found.append(Table(HEADINGS, rows, align="llrrrrl").markdown())
    if alike:
        metrics = ", ".join(dict.fromkeys(change.verdict.metric for change in alike))
        more = "" if verbose else " `-v` lists them."
        found.append(f"The same, {len(alike)} figures: {metrics}.{more}")
    return found


def _cells(change: Change) -> list[str]:
    metric = change.verdict.metric
    if metric.startswith("seconds"):
        amounts = [f"{x:.3g} s" if x is not None else MISSING for x in (change.base, change.head)]
        ratio = change.head / change.base if change.base and change.head else None
        difference = f"×{ratio:.2f}" if ratio else ""
    else:
        amounts = [_amount(metric, x) for x in (change.base, change.head)]
        by = change.verdict.estimate
        difference = "" if by is None else shown_difference(metric, by)
    seeds = " → ".join(map(str, change.seeds))
    return [change.verdict.subject, metric, *amounts, difference, seeds, change.verdict.label]


def _amount(metric: str, value: float | None) -> str:
    if value is None:
        return MISSING
    return "never" if math.isinf(value) else shown(metric, value)


def _reasons(changes: Iterable[Change]) -> list[str]:
    """Tell each reason once, with the metrics and cases that it concerns."""
    of: dict[str, dict[str, list[str]]] = {}
    for verdict in (change.verdict for change in changes):
        of.setdefault(verdict.reason, {}).setdefault(verdict.metric, []).append(verdict.subject)
    lines = [f"{', '.join(metrics)} of {_all(metrics)}: {why}" for why, metrics in of.items()]
    return ["## Not comparable", bullets(lines)] if lines else []


def _all(metrics: Mapping[str, Sequence[str]]) -> str:
    """Return the cases of all metrics, each once."""
    return ", ".join(dict.fromkeys(case for cases in metrics.values() for case in cases))
