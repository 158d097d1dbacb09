"""The one place that decides whether the seeds of a case meet a bound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from bench.harness.judge.bound import Bound
from bench.harness.judge.verdict import Outcome, Verdict
from bench.harness.judge.words import shown, shown_difference

EPOCHS = "epochs_to_target"


def judge(
    values: Sequence[float | None], bound: Bound, *, least: int = 1, most: int = 6
) -> Verdict:
    """Judge one metric of one case.

    Add the next seed and ask again while the outcome is ``undecided`` and fewer than ``most``
    seeds ran.

    Args:
        values: one per seed, in seed order 0, 1, 2, …; None or NaN is a seed that diverged or,
            for epochs to target, one that never reached it.
        bound: what they must satisfy.
        least: seeds below which nothing passes or fails.
        most: seeds after which no more will come.
    """
    ran = [None if value is None or math.isnan(value) else float(value) for value in values]
    if not ran:
        return _verdict(bound, "undecided", ran, f"no seed ran; bound {bound.words}")
    if bound.exactly is not None:
        return _exactly(ran, bound)
    if bound.metric == EPOCHS:
        return _each_seed(ran, bound, least=least, most=most)
    return _mean_of_seeds(ran, bound, least=least, most=most)


def _verdict(
    bound: Bound, outcome: Outcome, values: Sequence[float | None], evidence: str
) -> Verdict:
    numbers = [value for value in values if value is not None]
    return Verdict(
        metric=bound.metric,
        outcome=outcome,
        value=fmean(numbers) if numbers else None,
        n=len(values),
        bound=bound.words,
        evidence=evidence,
    )


def _exactly(values: Sequence[float | None], bound: Bound) -> Verdict:
    different = sorted({value for value in values if value is not None and value != bound.exactly})
    if different:
        counts = ", ".join(shown(bound.metric, value) for value in different)
        off = shown_difference(bound.metric, different[0] - bound.limits[0])
        return _verdict(bound, "fail", values, f"counted {counts}; bound {bound.words}; off {off}")
    if None in values:
        missing = f"not counted for {values.count(None)} of {len(values)} seeds"
        return _verdict(bound, "fail", values, f"{missing}; bound {bound.words}")
    return _verdict(bound, "pass", values, f"counted {bound.words} (n={len(values)})")


def _each_seed(values: Sequence[float | None], bound: Bound, *, least: int, most: int) -> Verdict:
    """Ask each seed whether its best value by the bound's epoch met the target.

    One seed that misses is tolerated once two others did not; two are a failure.
    """
    n = len(values)
    misses = sum(value is None or not bound.met_by(value) for value in values)
    outcome: Outcome = "undecided"
    if misses >= 2 or (misses == n and n >= most):
        outcome = "fail"
    elif n >= least and (misses == 0 or n >= 3):
        outcome = "pass"
    each = ", ".join("never" if value is None else shown(EPOCHS, value) for value in values)
    reached = f"reached {n - values.count(None)}/{n}, at epoch {each}"
    within = f"{n - misses} of {n} within bound {bound.words}"
    return _verdict(bound, outcome, values, f"{reached}; {within}")


def _mean_of_seeds(
    values: Sequence[float | None], bound: Bound, *, least: int, most: int
) -> Verdict:
    """Hold the mean of the seeds that ran against the bound."""
    numbers = [value for value in values if value is not None]
    lost = len(values) - len(numbers)
    trouble = f"; {lost} of {len(values)} seeds diverged" if lost else ""
    if lost >= 2 or not numbers:
        outcome: Outcome = "fail" if lost >= 2 or len(values) >= most else "undecided"
        return _verdict(bound, outcome, values, f"bound {bound.words}{trouble}")
    mean = fmean(numbers)
    outcome = "pass" if bound.met_by(mean) else "fail"
    if len(numbers) < min(least, most):
        outcome = "undecided"
    margin = shown_difference(bound.metric, bound.margin(mean))
    value = f"{shown(bound.metric, mean)} (n={len(numbers)})"
    evidence = f"{value}; bound {bound.words}; margin {margin}{trouble}"
    return _verdict(bound, outcome, values, evidence)
