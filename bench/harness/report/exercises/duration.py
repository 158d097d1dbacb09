"""The answer of an exercise about the epochs of one run: where more of them stop to pay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from bench.harness.judge.censored import epochs_to_target
from bench.harness.judge.interval import LEVEL, Interval, of_contrast
from bench.harness.report.audit.evidence import Evidence
from bench.harness.report.cells import NEVER
from bench.harness.report.exercises.values import Exercise
from bench.harness.report.exercises.words import moved, one_sentence, seeds

MARKS = (5, 10, 30)
"""Epochs between which gains are told: fixed beforehand, as the curve has a say in no choice."""

CHANGES = len(MARKS)
"""Told of a point: the gain between each two marks, and the rise of the loss between the last."""


def answer(exercise: Exercise, evidence: Evidence) -> str:
    """Return in one sentence where the test loss turns, and what further epochs change."""
    together = CHANGES * len(exercise.points)
    return one_sentence(
        [
            _of_point(label, case.name, evidence, together=together)
            for label, case in exercise.points.items()
        ]
    )


def turning(curve: Sequence[float | None]) -> int | None:
    """Return the epoch, from 1, of the lowest loss; None where that is the last: no turn was seen.

    A value that is None was not finite, and is no minimum.
    """
    known = [math.inf if value is None else value for value in curve]
    lowest = known.index(min(known)) + 1
    return lowest if lowest < len(curve) else None


def change(
    evidence: Evidence, case: str, metric: str, marks: tuple[int, int], *, together: int = 1
) -> Interval | None:
    """Return how a metric changes from one epoch to another, seed by seed; None without a seed."""
    first, last = marks
    pairs = [
        (curve[first - 1], curve[last - 1])
        for curve in evidence.curves(case, metric)
        if len(curve) >= last
    ]
    changes = [b - a for a, b in pairs if a is not None and b is not None]
    level = 1 - (1 - LEVEL) / together
    return of_contrast([changes], [1.0], level=level) if changes else None


def _of_point(label: str, case: str, evidence: Evidence, *, together: int) -> str:
    curves = evidence.curves(case, "test_loss")
    if not curves:
        return f"on {label} nothing is known yet: no records"
    gains = [_gain(evidence, case, pair, together=together) for pair in pairwise(MARKS)]
    return f"on {label} {_turn(curves)}{''.join(gains)}{_rise(evidence, case, together=together)}"


def _turn(curves: Sequence[Sequence[float | None]]) -> str:
    turns = [turning(curve) for curve in curves]
    found = epochs_to_target(turns, watched=[len(curve) for curve in curves])
    if math.isinf(found.median):
        seen = f"{found.reached} of {found.n} seeds"
        return f"the test loss turns within {found.horizon} epochs in {seen} only"
    low, high = found.interval
    last = NEVER if math.isinf(high) else f"{high:g}"
    sure = f"95 % interval {low:g}–{last}, " if len(curves) > 1 else ""
    return f"the test loss turns after epoch {found.median:g} ({sure}{seeds([len(curves)])})"


def _gain(evidence: Evidence, case: str, marks: tuple[int, int], *, together: int) -> str:
    found = change(evidence, case, "test_accuracy", marks, together=together)
    if found is None:
        return ""
    told = moved("test_accuracy", found, up="gain", down="lose", by="change by")
    return f", epochs {marks[0] + 1} to {marks[1]} {told}"


def _rise(evidence: Evidence, case: str, *, together: int) -> str:
    *_, first, last = MARKS
    found = change(evidence, case, "test_loss", (first, last), together=together)
    if found is None:
        return ""
    return f" and {moved('test_loss', found, up='add', down='take off', by='change by')}"
