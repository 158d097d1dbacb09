"""The bound that a reference suggests."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import fmean, stdev

from bench.harness.judge.bound import Bound
from bench.harness.judge.plan import DELTA_MOST, planning_sd
from bench.harness.judge.words import is_accuracy


def suggest(metric: str, values: Sequence[float], *, both_sides: bool) -> Bound:
    """Return a bound three planned scatters from the mean of the reference seeds.

    Ends are rounded outward to 0.1 points of an accuracy and to 0.001 of a loss.

    Args:
        metric: an accuracy, which gets a floor, or a loss, which gets a ceiling.
        values: of all reference seeds, at least two that differ.
        both_sides: a band instead, for metrics in which a surprise is a change either way.
    """
    mean, sd, seeds = fmean(values), stdev(values), len(values)
    room = DELTA_MOST * planning_sd(sd, seeds)
    low, high = _rounded(mean - room, math.floor), _rounded(mean + room, math.ceil)
    higher_is_better = is_accuracy(metric)
    if higher_is_better:
        high = min(high, 1.0)
    return Bound(
        metric=metric,
        at_least=low if higher_is_better and not both_sides else None,
        at_most=None if higher_is_better or both_sides else high,
        between=(low, high) if both_sides else None,
        mean=mean,
        sd=sd,
        reference_seeds=seeds,
        reason=f"{DELTA_MOST:g} scatters, at their upper limit, off the mean of {seeds} seeds",
    )


def _rounded(value: float, outward: Callable[[float], int]) -> float:
    return outward(value * 1000) / 1000
