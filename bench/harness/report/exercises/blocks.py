"""Conclusions and tables of exercises as blocks of a Markdown file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.harness.judge.interval import Interval
from bench.harness.record import Record
from bench.harness.report.audit.evidence import Evidence
from bench.harness.report.audit.words import listed
from bench.harness.report.exercises.tables import Stale, differences, points, row_of, table
from bench.harness.report.exercises.values import Exercise
from bench.harness.report.notes import provenance

LEGEND = (
    "Mean ± sd between seeds (number of seeds); epochs: median (least–most); seconds: median "
    "(quartiles) of every epoch but each trial's first. Differences are of means{}, with their "
    "95 % interval: all of the column hold at once. A difference is sure if its interval excludes "
    "0. What is the same in every line is left out."
)

FEW = 5
"""Lines that a conclusion names; more are counted."""


def answer(exercise: Exercise, records: Iterable[Record]) -> str:
    """Return which lines surely differ from the base in test accuracy, in one sentence."""
    found = differences(exercise, Evidence(list(records)))
    parts: dict[str, list[str]] = {"surely higher": [], "surely lower": [], "undecided": []}
    for label, each in found.items():
        what = _what(each)
        sure = what.startswith("surely")
        parts.setdefault(what, []).append(f"{label} ({points(each)})" if sure else label)
    told = "; ".join(f"{what} with {_named(labels)}" for what, labels in parts.items() if labels)
    return f"Test accuracy against {exercise.against}, in points: {told or 'not compared yet'}."


def _what(found: Interval | None) -> str:
    if found is None:
        return "no records"
    if found.low > 0:
        return "surely higher"
    return "surely lower" if found.high < 0 else "undecided"


def _named(labels: Sequence[str]) -> str:
    return listed(labels) if len(labels) <= FEW else f"{len(labels)} others"


def block(exercise: Exercise, records: Iterable[Record], stale: Stale) -> str:
    """Return conclusion and table of an exercise, with what must be said below it."""
    cases = {case.name for case in exercise.points.values()}
    evidence = Evidence([record for record in records if record.spec.case.name in cases])
    used = [record for case in cases for record in evidence.trained(case)]
    notes = [
        LEGEND.format(" of pairs of the same seed" if exercise.paired else ""),
        *(f"{label}: {flag}." for label, flag in _flags(exercise, evidence)),
        *(f"{name} is stale: {why}." for name, why in stale.items() if name in cases),
        *([provenance(used)] if used else []),
    ]
    return "\n\n".join(
        [
            f"**{answer(exercise, evidence.records)}**",
            table(exercise, evidence, stale),
            "\n".join(f"- {note}" for note in notes),
        ]
    )


def answers(exercises: Iterable[Exercise], records: Iterable[Record]) -> str:
    """Return the conclusions of all exercises as a list."""
    kept = list(records)
    return "\n".join(f"- *{each.question}* {answer(each, kept)}" for each in exercises)


def _flags(exercise: Exercise, evidence: Evidence) -> list[tuple[str, str]]:
    return [
        (label, flag)
        for label, case in exercise.points.items()
        for flag in row_of(case, evidence).flags
    ]
