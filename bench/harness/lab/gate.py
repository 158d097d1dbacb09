"""The gate put to the test: a variant of a case is held to the bounds of the case itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import TypeVar

from bench.harness.judge.bound import Bound
from bench.harness.judge.finding import Finding, Sight
from bench.harness.judge.plan import planning_sd
from bench.harness.judge.quality import EPOCHS
from bench.harness.judge.verdict import Verdict
from bench.harness.lab.referee import Referee
from bench.harness.metrics import CURVES, KNOWN_AFTER, METRICS, UNTRAINED, curve
from bench.harness.record import Record
from bench.harness.spec import Case
from bench.harness.store.bounds import Bounds

Entry = TypeVar("Entry")


def examine(referee: Referee, variant: Case, change: str) -> Finding:
    """Judge a variant by every bound of its original, adding seeds until one fails or all pass.

    An exact count that is off needs no training; the other metrics are judged all the same, to
    show which of them notice too.

    Raises:
        TrialFailedError: A trial crashed, or was ended.
        UserError: The original has no bounds.
    """
    referee = replace(referee, bounds=_lent(referee.bounds, variant))
    metrics = referee.bounds.metrics(variant.name)
    least, most = referee.options.least_seeds, referee.options.most_seeds
    for n in range(least, most + 1):
        records = referee.records(variant, n)
        verdicts = {
            metric: referee.judged(variant, metric, records, least=least, most=most)
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
        sights=tuple(_sight(referee.bounds, variant, each, records) for each in verdicts.values()),
        keys=tuple(record.key for record in records),
    )


def anew(referee: Referee, case: Case, *, first: int) -> Referee:
    """Return a referee that trains a case with the seeds from ``first`` on, instead of from 0.

    The seeds that everybody trains first are those that the reference was made of: on the machine
    that it was made on they give the very same figures, and say nothing about luck.
    """
    model = referee.planned[case.name][0]
    seeds = range(first, first + referee.options.most_seeds)
    wanted = [replace(model, spec=replace(model.spec, seed=seed)) for seed in seeds]
    return replace(referee, planned={**referee.planned, case.name: wanted})


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
        evidence=verdict.evidence,
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
