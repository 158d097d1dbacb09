"""The answer of an exercise about stopping early: what it saves, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.harness.judge.interval import LEVEL, Interval, of_contrast
from bench.harness.record import Record
from bench.harness.report.audit.evidence import Evidence
from bench.harness.report.exercises.values import Exercise
from bench.harness.report.exercises.words import moved, one_sentence, plus_minus, seeds
from bench.harness.report.trials import of_one_machine
from bench.harness.spec import TASKS, Case


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Runs that stop at a training accuracy, each against the run of its seed that does not."""

    case: Case
    seeds: int
    """That both ran with."""
    reached: int
    """Of them, those that came to the accuracy."""
    epochs: tuple[int, ...]
    """After which each ended."""
    budget: int
    saved_epochs: Interval | None
    """Mean over the seeds, those that never stopped included; None without a seed."""
    saved_seconds: Interval | None
    """Of training; None unless both were timed alone on one machine."""
    gain: Interval | None
    """Test accuracy of the run that stops, less that of the other."""

    @property
    def words(self) -> str:
        """The threshold: ``99.5 % training accuracy on MNIST``."""
        at = f"{100 * (self.case.recipe.stop_at_accuracy or 0):g} % training accuracy"
        return f"{at} on {TASKS[self.case.task].title}"


def stops(exercise: Exercise, evidence: Evidence) -> list[Stop]:
    """Return what each point that stops came to, in the order of the points.

    Runs are paired by their seed, since the one is the beginning of the other.
    """
    whole = {c.task: c for c in exercise.points.values() if c.recipe.stop_at_accuracy is None}
    early = [c for c in exercise.points.values() if c.recipe.stop_at_accuracy is not None]
    return [_stop(case, whole[case.task], evidence, together=len(early)) for case in early]


def answer(exercise: Exercise, evidence: Evidence) -> str:
    """Return in one sentence what each stop saves and costs."""
    return one_sentence([_told(each) for each in stops(exercise, evidence)])


def _stop(case: Case, whole: Case, evidence: Evidence, *, together: int) -> Stop:
    others = {record.spec.seed: record for record in evidence.trained(whole.name)}
    pairs = [
        (record, others[record.spec.seed])
        for record in evidence.trained(case.name)
        if record.spec.seed in others
    ]
    level = 1 - (1 - LEVEL) / together
    return Stop(
        case=case,
        seeds=len(pairs),
        reached=sum(_reached(record) for record, _ in pairs),
        epochs=tuple(len(record.epochs) for record, _ in pairs),
        budget=whole.recipe.epochs,
        saved_epochs=_mean([len(b.epochs) - len(a.epochs) for a, b in pairs], level),
        saved_seconds=_mean([_seconds(b) - _seconds(a) for a, b in _timed(pairs)], level),
        gain=_mean(_gains(pairs), level),
    )


def _gains(pairs: Sequence[tuple[Record, Record]]) -> list[float]:
    found = ((early.test_accuracy, whole.test_accuracy) for early, whole in pairs)
    return [a - b for a, b in found if a is not None and b is not None]


def _reached(record: Record) -> bool:
    threshold = record.spec.case.recipe.stop_at_accuracy
    last = record.epochs[-1].training_accuracy
    return threshold is not None and last is not None and last >= threshold


def _timed(pairs: Sequence[tuple[Record, Record]]) -> list[tuple[Record, Record]]:
    alone = {id(record) for record in of_one_machine([r for pair in pairs for r in pair])}
    return [pair for pair in pairs if {id(pair[0]), id(pair[1])} <= alone]


def _seconds(record: Record) -> float:
    return sum(epoch.seconds for epoch in record.epochs)


def _mean(values: Sequence[float], level: float) -> Interval | None:
    return of_contrast([values], [1.0], level=level) if values else None


def _told(stop: Stop) -> str:
    if stop.saved_epochs is None or stop.gain is None:
        return f"for {stop.words} there are no records yet"
    if not stop.reached:
        return f"none of {stop.seeds} seeds reaches {stop.words} within {stop.budget} epochs"
    part = "" if stop.reached == stop.seeds else f"{stop.reached} of {stop.seeds} seeds reach it, "
    time = f" and {plus_minus('seconds', stop.saved_seconds)} s" if stop.saved_seconds else ""
    price = moved("test_accuracy", stop.gain, up="gains", down="costs", by="changes the result by")
    return (
        f"stopping at {stop.words} ends after {median(stop.epochs):g} of {stop.budget} epochs "
        f"({part}{seeds([stop.seeds])}), saves {plus_minus('epochs', stop.saved_epochs)} of them"
        f"{time}, and {price}"
    )
