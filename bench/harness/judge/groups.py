"""A floor without a reference: the seeds must show their own scatter first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

import scipy

from bench.harness.judge.bound import Bound
from bench.harness.judge.plan import BETA
from bench.harness.judge.verdict import Outcome, Verdict, verdict_on
from bench.harness.judge.words import shown

FIRST_LOOK = 5  # with fewer seeds a t-test knows next to nothing of the scatter


def judge_without_reference(
    values: Sequence[float], bound: Bound, *, most: int = 10, alpha: float = 0.01
) -> Verdict:
    """Look after 5, 6, … ``most`` seeds with a one-sample t-test on each side of the bound.

    A look fails where the mean lies outside with error ``alpha`` and passes where it lies inside
    with error ``BETA``, each shared evenly between the looks (Bonferroni); the first look that
    decides stands.

    Args:
        values: of the seeds that converged, in seed order.
        bound: of any kind but ``exactly``.
        most: seeds after which no more will come.
        alpha: chance that code whose mean sits at the bound fails.
    """
    looks = max(most - FIRST_LOOK + 1, 1)
    for k in range(FIRST_LOOK, min(len(values), most) + 1):
        outcome = _look(values[:k], bound, fail_at=alpha / looks, pass_at=BETA / looks)
        if outcome != "undecided":
            return verdict_on(bound, outcome, values[:k], _evidence(values[:k], bound, looks))
    return verdict_on(bound, "undecided", values, _evidence(values, bound, looks))


def _look(values: Sequence[float], bound: Bound, *, fail_at: float, pass_at: float) -> Outcome:
    inside = _inside(values, bound)
    if inside <= fail_at:
        return "fail"
    return "pass" if inside >= 1 - pass_at else "undecided"


def _inside(values: Sequence[float], bound: Bound) -> float:
    """Return the t distribution's probability of the nearer side's distance: 1 is well within."""
    mean, error = fmean(values), stdev(values) / math.sqrt(len(values))
    distances = (mean - bound.lowest, bound.highest - mean)
    return min(_chance(distance, error, len(values) - 1) for distance in distances)


def _chance(distance: float, error: float, degrees: int) -> float:
    if error == 0 or math.isinf(distance):
        return 1.0 if distance >= 0 else 0.0
    return float(scipy.stats.t.cdf(distance / error, degrees))


def _evidence(values: Sequence[float], bound: Bound, looks: int) -> str:
    n = len(values)
    if n < FIRST_LOOK:
        return f"n={n}; bound {bound.words}; no reference, so a t-test needs {FIRST_LOOK} seeds"
    mean, sd = shown(bound.metric, fmean(values)), shown(bound.metric, stdev(values))
    inside = _inside(values, bound)
    return f"{mean} ± {sd} (n={n}); bound {bound.words}; t-test, one of {looks} looks: {inside:.4f}"
