"""Two samples of seeds: does head still train what base trained?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

import scipy

from bench.harness.judge.price import POWER


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Head's mean less base's."""

    estimate: float
    low: float
    """Of the 95 % interval."""
    high: float
    p_value: float
    """Two-sided, that both sides are the same code."""
    scatter: float
    """Standard deviation between seeds, pooled over both sides."""
    degrees: int

    def catches(self, *, alpha: float, seeds: tuple[int, int]) -> float:
        """Return the smallest change that a two-sided error ``alpha`` shows with 80 % power."""
        distance = scipy.stats.t.ppf(1 - alpha / 2, self.degrees) + scipy.stats.t.ppf(
            POWER, self.degrees
        )
        return float(distance * self.scatter * math.sqrt(sum(1 / n for n in seeds)))


def difference(base: Sequence[float], head: Sequence[float]) -> Difference:
    """Compare the means of two samples by Student's t-test with pooled scatter.

    Pooled, not Welch's: under the hypothesis, that the code is the same, so is the scatter, and
    with two or three seeds on one side Welch's would see next to nothing.

    Args:
        base: one value per seed, at least two.
        head: the same; the seeds need not be as many.
    """
    degrees = len(base) + len(head) - 2
    squares = (len(base) - 1) * variance(base) + (len(head) - 1) * variance(head)
    scatter = math.sqrt(squares / degrees)
    estimate = fmean(head) - fmean(base)
    error = scatter * math.sqrt(1 / len(base) + 1 / len(head))
    if error == 0:  # nothing varies: any difference is one
        p_value = 1.0 if head[0] == base[0] else 0.0
    else:
        # Not `ttest_ind`, which warns of two seeds that happen to be equal.
        p_value = float(2 * scipy.stats.t.sf(abs(estimate) / error, degrees))
    room = float(scipy.stats.t.ppf(0.975, degrees)) * error
    return Difference(
        estimate=estimate,
        low=estimate - room,
        high=estimate + room,
        p_value=p_value,
        scatter=scatter,
        degrees=degrees,
    )
