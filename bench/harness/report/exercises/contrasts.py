"""The answer of an exercise whose points are compared with each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from bench.harness.judge.interval import LEVEL, Interval, of_difference, of_ratio
from bench.harness.report.audit.evidence import Evidence
from bench.harness.report.audit.words import listed, short, times
from bench.harness.report.exercises.values import Contrast, Exercise
from bench.harness.report.exercises.words import moved, one_sentence, seeds, sure

METRIC = "test_accuracy"
FEW = 4
"""Steps that are named one by one; more are counted."""


def answer(exercise: Exercise, evidence: Evidence) -> str:
    """Return in one sentence what each contrast came to, and how many steps are sure."""
    told = [_told(exercise, each, evidence) for each in exercise.contrasts]
    return one_sentence([*told, _steps(exercise, evidence)])


def difference(
    evidence: Evidence, of: str, over: str, *, together: int = 1
) -> tuple[Interval, list[int]] | None:
    """Return the difference of two cases' mean test accuracy, and how many seeds each has.

    Args:
        evidence: the records.
        of: the case that is better where the difference is positive.
        over: the other.
        together: how many such intervals are to hold at once.

    Returns:
        None where a case has no record; an interval without ends where one has a single seed.
    """
    samples = [evidence.values(case, METRIC) for case in (of, over)]
    if not all(samples):
        return None
    level = 1 - (1 - LEVEL) / together
    return of_difference(*samples, level=level), [len(values) for values in samples]


def _told(exercise: Exercise, contrast: Contrast, evidence: Evidence) -> str:
    of, over = (exercise.points[label].name for label in (contrast.of, contrast.over))
    found = difference(evidence, of, over, together=len(exercise.contrasts))
    if found is None:
        missing = [short(case) for case in (of, over) if not evidence.values(case, METRIC)]
        return f"{contrast.words} have not been compared yet: no records of {listed(missing)}"
    interval, counts = found
    gain = moved(METRIC, interval, up="gain", down="lose", by="differ by", n=seeds(counts))
    return f"{contrast.words} {gain}{_cost(evidence, of, over)}"


def _cost(evidence: Evidence, of: str, over: str) -> str:
    costs = evidence.costs([of, over], "seconds_per_epoch")
    if len(costs) < 2:
        return ""
    return f" and take {times(of_ratio(costs[of][0], costs[over][0]))} the seconds of an epoch"


def _steps(exercise: Exercise, evidence: Evidence) -> str:
    """Say which of the steps along the exercise's rows surely gain or lose."""
    pairs = [pair for row in exercise.rows for pair in pairwise(row)]
    cases = {label: exercise.points[label].name for pair in pairs for label in pair}
    if not pairs or any(len(evidence.values(case, METRIC)) < 2 for case in cases.values()):
        return ""
    found = {
        f"{a} to {b}": each[0]
        for a, b in pairs
        if (each := difference(evidence, cases[b], cases[a], together=len(pairs)))
    }
    gains = [name for name, each in found.items() if sure(each) and each.estimate > 0]
    losses = [name for name, each in found.items() if sure(each) and each.estimate < 0]
    return f"of its {len(pairs)} steps {_named(gains, 'gain')} and {_named(losses, 'lose')}"


def _named(steps: Sequence[str], verb: str) -> str:
    if not steps:
        return f"none surely {verb}s"
    which = f" ({listed(steps)})" if len(steps) <= FEW else ""
    return f"{len(steps)} surely {verb}{'s' if len(steps) == 1 else ''}{which}"
