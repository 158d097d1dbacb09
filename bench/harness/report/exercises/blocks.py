"""Answers and tables of exercises as blocks of a Markdown file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from bench.harness.record import Record
from bench.harness.report.audit.evidence import Evidence
from bench.harness.report.exercises import contrasts, duration, stopping
from bench.harness.report.exercises.tables import Stale, row_of, table
from bench.harness.report.exercises.values import Exercise, Kind
from bench.harness.report.notes import provenance

ANSWERS: Mapping[Kind, Callable[[Exercise, Evidence], str]] = {
    "contrasts": contrasts.answer,
    "duration": duration.answer,
    "stopping": stopping.answer,
}

LEGENDS: Mapping[Kind, str] = {
    "contrasts": "Mean ± sd between seeds (number of seeds); seconds: median (quartiles) of every "
    "epoch but each trial's first. Differences of means have their 95 % interval: in a column all "
    "of the column hold at once, in the sentence its comparisons do, and its steps among "
    "themselves. So the same difference may be surer in one than in the other.",
    "duration": "Mean ± sd between seeds (number of seeds), all epochs of one training a seed. The "
    "95 % intervals of the sentence's changes hold at once; that of a turn is by itself.",
    "stopping": "Epochs: median (least–most). Each seed is paired with its own training that does "
    "not stop; means over the pairs with their 95 % interval, all of a column at once; the "
    "sentence has the same ones. Seconds: of training alone.",
}
"""What a table shows, and which of its intervals and of its answer's hold together."""


def answer(exercise: Exercise, records: Iterable[Record]) -> str:
    """Return the answer of an exercise in one sentence; a pure function of the records."""
    return ANSWERS[exercise.kind](exercise, Evidence(list(records)))


def block(exercise: Exercise, records: Iterable[Record], stale: Stale) -> str:
    """Return answer and table of an exercise, with what must be said below it."""
    cases = {case.name for case in exercise.points.values()}
    evidence = Evidence([record for record in records if record.spec.case.name in cases])
    used = [record for case in cases for record in evidence.trained(case)]
    notes = [
        LEGENDS[exercise.kind],
        *(f"{label}: {flag}." for label, flag in _flags(exercise, evidence)),
        *(f"{name} is stale: {why}." for name, why in stale.items() if name in cases),
        *([provenance(used)] if used else []),
    ]
    return "\n\n".join(
        [
            f"**{ANSWERS[exercise.kind](exercise, evidence)}**",
            table(exercise, evidence, stale),
            "\n".join(f"- {note}" for note in notes),
        ]
    )


def answers(exercises: Iterable[Exercise], records: Iterable[Record]) -> str:
    """Return the answers of all exercises as a list."""
    kept = list(records)
    return "\n".join(f"- *{each.question}* {answer(each, kept)}" for each in exercises)


def _flags(exercise: Exercise, evidence: Evidence) -> list[tuple[str, str]]:
    return [
        (label, flag)
        for label, case in exercise.points.items()
        for flag in row_of(case, evidence).flags
    ]
