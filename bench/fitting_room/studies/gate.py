"""The gate put to the test: a variant of a case is held to the bounds of the case itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TypeVar

import numpy as np

from fitting_room.judge.censored import best_by
from fitting_room.judge.quality import EPOCHS
from fitting_room.judge.rates import Gauge
from fitting_room.judge.sequential import planning_sd
from fitting_room.judge.verdict import Bound, Outcome, Verdict
from fitting_room.lab.evaluator import Evaluator
from fitting_room.metrics import CURVES, KNOWN_AFTER, METRICS, UNTRAINED, curve
from fitting_room.record import Record
from fitting_room.spec import TASKS, Case
from fitting_room.store.bounds import Bounds


@dataclass(frozen=True, kw_only=True)
class Sight:
    """The state of one metric of the variant when the gate had decided."""

    metric: str
    outcome: Outcome
    n: int
    """Number of seeds that it rests on."""
    epoch: int
    """Epoch after which those seeds show it, from 1; 0 before any training."""
    shift: float | None
    """Distance from the mean of the reference, in planned standard deviations; None for a count."""
    evidence: str

    @property
    def when(self) -> tuple[int, int, float]:
        """A sort key: the earliest first, and among those the one that is furthest off."""
        return (self.n if self.epoch else 0, self.epoch, -abs(self.shift or 0.0))


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The gate's answer to one variant."""

    case: str
    variant: str
    """Empty for the case as it is."""
    change: str
    """Description of the change."""
    seeds: int
    """Seeds trained until the first metric failed or the last one passed."""
    seconds: float
    """Wall time of those trials, from the start of their processes to their end."""
    training_seconds: float
    """Seconds of the training steps alone."""
    sights: tuple[Sight, ...]
    """One for every metric that gates the case."""
    keys: tuple[str, ...]
    """Keys of the records that it rests on."""
    compared: str = ""
    """Result of a comparison of the same trials with the reference; empty where none was made."""

    @property
    def outcome(self) -> Outcome:
        """Fail where one metric fails, pass where all pass."""
        outcomes = {sight.outcome for sight in self.sights}
        if "fail" in outcomes:
            return "fail"
        return "pass" if outcomes == {"pass"} else "undecided"

    @property
    def noticed_by(self) -> tuple[Sight, ...]:
        """The metrics that failed, in the order in which they could."""
        failed = (sight for sight in self.sights if sight.outcome == "fail")
        return tuple(sorted(failed, key=lambda sight: sight.when))

    @property
    def words(self) -> str:
        """One line: the verdict, its price, and what noticed first."""
        took = f"{self.seeds} seed{'' if self.seeds == 1 else 's'}, {self.seconds:.0f} s"
        if not self.noticed_by:
            return f"{self.outcome} after {took}"
        first = self.noticed_by[0]
        return f"{self.outcome} after {took}, first by {first.metric}: {first.evidence}"


def gauges(case: Case, bounds: Bounds) -> list[Gauge]:
    """Return what gates a case and scatters: bounds that have a reference, and learning curves."""
    found = []
    for metric, bound in bounds.tables.get(case.name, {}).items():
        if metric == EPOCHS and bound.has_reference:
            # It is judged by the best value of the metric that has the target; see `judge_best`.
            aim, target = next(iter(TASKS[case.task].targets.items()))
            floor = replace(bound, metric=aim, at_most=None, at_least=target)
            found.append(Gauge(metric=metric, bounds=(floor,)))
        elif bound.has_reference:
            found.append(Gauge(metric=metric, bounds=(bound,)))
    curves = bounds.curves.get(case.name, {}).values()
    return [*found, *(Gauge(metric=each.metric, bounds=each.epochs) for each in curves)]


def reference_values(case: Case, bounds: Bounds, records: Sequence[Record]) -> np.ndarray:
    """Return what each reference seed gave to each bound of ``gauges``, in their order.

    Returns:
        Shape (seeds, bounds), float64; NaN where a seed stopped before.
    """
    rows = [
        [value for gauge in gauges(case, bounds) for value in _values(gauge, case, bounds, record)]
        for record in records
    ]
    return np.array([[np.nan if value is None else value for value in row] for row in rows])


def _values(gauge: Gauge, case: Case, bounds: Bounds, record: Record) -> list[float | None]:
    if gauge.metric in CURVES:
        values = curve(record, gauge.metric)
        return [values[at] if at < len(values) else None for at in range(len(gauge.bounds))]
    if gauge.metric == EPOCHS:
        aim = next(iter(TASKS[case.task].targets))
        by = int(bounds.for_case(case.name, EPOCHS).limits[0])
        return [best_by([getattr(epoch, aim) for epoch in record.epochs], by)]
    return [METRICS[gauge.metric](record)]


Entry = TypeVar("Entry")


def examine(evaluator: Evaluator, variant: Case, change: str) -> Finding:
    """Judge a variant by every bound of its original, adding seeds until one fails or all pass.

    An exact count that is off needs no training; the other metrics are judged all the same, to
    show which of them notice too.

    Raises:
        TrialFailedError: A trial crashed, or was ended.
        UserError: The original has no bounds.
    """
    evaluator = replace(evaluator, bounds=_lent(evaluator.bounds, variant))
    metrics = evaluator.bounds.metrics(variant.name)
    least, most = evaluator.options.least_seeds, evaluator.options.most_seeds
    for n in range(least, most + 1):
        records = evaluator.records(variant, n)
        verdicts = {
            metric: evaluator.judged(variant, metric, records, least=least, most=most)
            for metric in metrics
        }
        outcomes = {verdicts[metric].outcome for metric in metrics if metric not in UNTRAINED}
        if "fail" in outcomes or "undecided" not in outcomes:
            break
    return Finding(
        case=variant.original,
        variant=variant.variant,
        change=change,
        seeds=n,
        seconds=sum(record.seconds["total"] for record in records),
        training_seconds=sum(record.seconds["train"] for record in records),
        sights=tuple(
            _sight(evaluator.bounds, variant, each, records) for each in verdicts.values()
        ),
        keys=tuple(record.key for record in records),
    )


def anew(evaluator: Evaluator, case: Case, *, first: int) -> Evaluator:
    """Return an evaluator that trains a case with the seeds from ``first`` on, instead of from 0.

    The seeds that everybody trains first are those that the reference was made of: on the machine
    that it was made on they give the very same figures, and say nothing about luck.
    """
    model = evaluator.planned[case.name][0]
    seeds = range(first, first + evaluator.options.most_seeds)
    wanted = [replace(model, spec=replace(model.spec, seed=seed)) for seed in seeds]
    return replace(evaluator, planned={**evaluator.planned, case.name: wanted})


def _lent(bounds: Bounds, variant: Case) -> Bounds:
    """Return the bounds with those of the original under the variant's name."""

    def renamed(entries: Mapping[str, Entry]) -> dict[str, Entry]:
        names = {variant.original: variant.name}
        return {names.get(name, name): entry for name, entry in entries.items()}

    return replace(bounds, tables=renamed(bounds.tables), curves=renamed(bounds.curves))


def _sight(bounds: Bounds, case: Case, verdict: Verdict, records: Sequence[Record]) -> Sight:
    metric, records = verdict.metric, records[: verdict.n]
    ran = max(len(record.epochs) for record in records)
    epoch = min(ran, KNOWN_AFTER.get(metric, ran))
    bound: Bound | None = None
    values: list[float | None] = []
    if metric in CURVES:
        epoch = verdict.epoch or ran
        curves = [curve(record, metric) for record in records]
        bound = bounds.curve(case.name, metric).epochs[epoch - 1]
        values = [each[epoch - 1] for each in curves if len(each) >= epoch]
    elif metric in UNTRAINED:
        epoch = 0
    elif metric != EPOCHS:  # whose reference is of another metric, the one that has the target
        bound = bounds.for_case(case.name, metric)
        values = [METRICS[metric](record) for record in records]
    return Sight(
        metric=metric,
        outcome=verdict.outcome,
        n=verdict.n,
        epoch=epoch,
        shift=_shift(bound, values),
        evidence=verdict.reason,
    )


def _shift(bound: Bound | None, values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    if (
        bound is None
        or not numbers
        or not (bound.sd and bound.reference_seeds)
        or bound.mean is None
    ):
        return None
    return (fmean(numbers) - bound.mean) / planning_sd(bound.sd, bound.reference_seeds)
