"""Estimates with their intervals: of a new seed, means, differences, variance components, targets.

A run that never reaches its target is censored: no number stands in for its epochs or seconds.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Any, NamedTuple

import numpy as np
import scipy

from fitting_room.format import Interval, whole

LEVEL = 0.95
SEED = 0
"""The seed of random numbers: the same values give the same interval."""


def _around(
    estimate: float, squared_error: float, freedom: float, *, level: float = LEVEL
) -> Interval:
    """Return an estimate with Student's interval; its ends are infinite without ``freedom``."""
    reach = math.inf
    if freedom > 0:
        quantile = float(scipy.special.stdtrit(freedom, (1 + level) / 2))
        reach = quantile * math.sqrt(squared_error)
    return Interval(estimate=estimate, low=estimate - reach, high=estimate + reach)


def of_new_seed(values: Sequence[float], *, level: float = LEVEL) -> Interval:
    """Return the mean of the seeds, and where one more seed falls with probability ``level``.

    Whitmore, "Prediction limits for a univariate normal observation", The American Statistician
    40, 1986: mean ± t·s·sqrt(1 + 1/n), n − 1 degrees of freedom.
    """
    n = len(values)
    scatter = variance(values) * (1 + 1 / n) if n > 1 else math.nan
    return _around(fmean(values), scatter, n - 1, level=level)


def of_new_share(values: Sequence[float]) -> Interval:
    """Return the same for probabilities, by way of log-odds, which have no limits."""
    inside = [min(max(value, 1e-9), 1 - 1e-9) for value in values]
    odds = of_new_seed([math.log(value / (1 - value)) for value in inside])
    low, high = (1 / (1 + math.exp(-end)) for end in (odds.low, odds.high))
    return Interval(estimate=fmean(values), low=low, high=high)


def of_new_count(values: Sequence[float]) -> Interval:
    """Return the median of whole numbers, and the lowest and highest that were seen.

    One more falls between the two with probability (n − 1)/(n + 1), whatever the distribution:
    Wilks, "Determination of sample sizes for setting tolerance limits", 1941. Infinity is never.
    """
    ordered = sorted(values)
    return Interval(estimate=ordered[(len(ordered) - 1) // 2], low=ordered[0], high=ordered[-1])


def of_contrast(
    samples: Sequence[Sequence[float]], weights: Sequence[float], *, level: float = LEVEL
) -> Interval:
    """Return a weighted sum of means with its confidence interval.

    Samples are independent and may differ in size and scatter: Satterthwaite, "An approximate
    distribution of estimates of variance components", Biometrics Bulletin 2, 1946.
    """
    pairs = list(zip(samples, weights, strict=True))
    estimate = sum(weight * fmean(sample) for sample, weight in pairs)
    if any(len(sample) < 2 for sample, _ in pairs):
        return _around(estimate, math.nan, 0)
    parts = [(weight**2 * variance(sample) / len(sample), len(sample)) for sample, weight in pairs]
    total = sum(part for part, _ in parts)
    if total == 0:  # all seeds of a sample agree: there is no scatter to go by
        return Interval(estimate=estimate, low=estimate, high=estimate)
    freedom = total**2 / sum(part**2 / (n - 1) for part, n in parts)
    return _around(estimate, total, freedom, level=level)


def of_difference(values: Sequence[float], others: Sequence[float]) -> Interval:
    """Return the mean of ``values`` less that of ``others`` with Welch's interval.

    Welch, "The generalization of 'Student's' problem when several different population variances
    are involved", Biometrika 34, 1947.
    """
    return of_contrast([values, others], [1.0, -1.0])


def of_ranges(ranges: Sequence[Interval], weights: Sequence[float]) -> Interval:
    """Return the range of a weighted sum of figures, of which only the ranges are known."""
    pairs = list(zip(ranges, weights, strict=True))
    return Interval(
        estimate=sum(w * each.estimate for each, w in pairs),
        low=sum(w * (each.low if w > 0 else each.high) for each, w in pairs),
        high=sum(w * (each.high if w > 0 else each.low) for each, w in pairs),
    )


def of_ratio(above: Interval, below: Interval) -> Interval:
    """Return the range of the quotient of two positive figures."""
    return Interval(
        estimate=above.estimate / below.estimate,
        low=above.low / below.high,
        high=above.high / below.low,
    )


def accuracy_difference(
    right_a: np.ndarray, right_b: np.ndarray, *, resamples: int = 2000
) -> Interval:
    """Return accuracy of A less accuracy of B with its paired bootstrap interval.

    Each side says whether its seeds classified the images rightly, shape (seeds, images), bool.
    Images are drawn jointly, as both sides saw the same ones. Seeds are drawn for each side by
    itself, as seed 3 of one has nothing in common with seed 3 of the other.
    """
    generator = np.random.default_rng(SEED)
    images = right_a.shape[1]

    def resampled() -> float:
        drawn = [generator.integers(len(r), size=len(r)) for r in (right_a, right_b)]
        a, b = (  # share of the drawn seeds that had each image right
            np.bincount(seeds, minlength=len(right)) @ right / len(right)
            for seeds, right in zip(drawn, (right_a, right_b), strict=True)
        )
        return float((a - b)[generator.integers(images, size=images)].mean())

    return _quantiles(right_a.mean() - right_b.mean(), [resampled() for _ in range(resamples)])


def _quantiles(estimate: float, draws: np.ndarray | list[float]) -> Interval:
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(estimate=float(estimate), low=float(low), high=float(high))


def superiority(a: Sequence[float], b: Sequence[float]) -> Interval:
    """Return P(A > B) over seeds, ties counted half, with its interval.

    The interval inverts the score test, so that it keeps its width if every seed of A wins:
    Newcombe, "Confidence intervals for an effect size measure based on the Mann-Whitney
    statistic, part 2", Statistics in Medicine 25, 2006, method 5.
    """
    m, n = len(a), len(b)
    chance = float(scipy.stats.mannwhitneyu(a, b).statistic) / (m * n)
    z = float(scipy.stats.norm.ppf((1 + LEVEL) / 2))

    def surplus(theta: float) -> float:
        spread = ((m + n) / 2 - 1) * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        variance = theta * (1 - theta) / (m * n) * (1 + spread)
        return abs(theta - chance) - z * math.sqrt(variance)

    def limit(end: float) -> float:
        """Return the value between the estimate and ``end`` that is z standard errors away."""
        if surplus(end) <= 0:
            return end
        inner = chance + (end - chance) * 1e-12  # at the estimate itself the surplus may be 0
        return float(scipy.optimize.brentq(surplus, inner, end)) if surplus(inner) < 0 else chance

    return Interval(estimate=chance, low=limit(0.0), high=limit(1.0))


DRAWS = 20_000
"""The number of draws of a generalised pivotal quantity."""


class _Squares(NamedTuple):
    """A sum of squares with its degrees of freedom."""

    total: float
    degrees: int

    def drawn(self, generator: np.random.Generator) -> np.ndarray:
        """Return their mean square, and draws of what is expected of it; shape (1 + draws,)."""
        draws = generator.chisquare(self.degrees, DRAWS)
        return np.asarray(self.total / np.concatenate([[self.degrees], draws]))


def crossed(values: np.ndarray, repeats: np.ndarray) -> Mapping[str, Interval]:
    """Return the variance components of a table with one value for each row and column.

    Estimates come from the analysis of variance, cut at zero. Intervals come from generalised
    pivotal quantities: Weerahandi, "Exact Statistical Methods for Data Analysis", 1995, and Hamada
    and Weerahandi, "Measurement System Assessment via Generalized Inference", Journal of Quality
    Technology 32, 2000.

    The values have shape (rows, columns), at least 2 × 2. The repeats are runs of the very same
    cell, shape (cells, repeats), at least 1 × 2. Components are standard deviations in the unit of
    the values; the interaction excludes the scatter of repeats.
    """
    rows, columns = values.shape
    mean = values.mean()
    by_row, by_column = values.mean(axis=1) - mean, values.mean(axis=0) - mean
    rest = values - mean - by_row[:, None] - by_column[None, :]
    of_rows = _Squares(columns * float(by_row @ by_row), rows - 1)
    of_columns = _Squares(rows * float(by_column @ by_column), columns - 1)
    of_rest = _Squares(float((rest**2).sum()), (rows - 1) * (columns - 1))
    of_repeats = _within(repeats)
    generator = np.random.default_rng(SEED)
    return {
        "rows": _component(of_rows, of_rest, columns, generator),
        "columns": _component(of_columns, of_rest, rows, generator),
        "interaction": _component(of_rest, of_repeats, 1, generator),
        "repeat": _component(of_repeats, None, 1, generator),
    }


def nested(values: np.ndarray) -> Mapping[str, Interval]:
    """Return the variance components of values, shape (blocks, groups, values); see ``crossed``.

    There are at least two of each.
    """
    blocks, groups, each = values.shape
    by_group = values.mean(axis=2)
    by_block = by_group.mean(axis=1) - by_group.mean()
    of_blocks = _Squares(groups * each * float(by_block @ by_block), blocks - 1)
    of_groups = _within(by_group, times=each)
    of_values = _within(values.reshape(-1, each))
    generator = np.random.default_rng(SEED)
    return {
        "blocks": _component(of_blocks, of_groups, groups * each, generator),
        "groups": _component(of_groups, of_values, each, generator),
        "values": _component(of_values, None, 1, generator),
    }


def _within(values: np.ndarray, *, times: int = 1) -> _Squares:
    apart = values - values.mean(axis=1, keepdims=True)
    return _Squares(times * float((apart**2).sum()), values.shape[0] * (values.shape[1] - 1))


def _component(
    upper: _Squares, lower: _Squares | None, times: int, generator: np.random.Generator
) -> Interval:
    """Return the standard deviation that ``upper`` counts ``times`` over and ``lower`` does not."""
    drawn = upper.drawn(generator)
    if lower:
        drawn = drawn - lower.drawn(generator)
    found = _quantiles(drawn[0], drawn[1:])

    def sd(total: float) -> float:
        return math.sqrt(max(total / times, 0.0))

    return Interval(estimate=sd(found.estimate), low=sd(found.low), high=sd(found.high))


@dataclass(frozen=True, kw_only=True)
class Survival:
    """The share of runs that have not reached the target, after each epoch or time."""

    at: np.ndarray
    """Epochs at which a run reached it or ended, shape (steps,); the others are shares there."""
    left: np.ndarray
    low: np.ndarray
    """95 % interval by the log-log formula; NaN where all runs are left, or none."""
    high: np.ndarray


@dataclass(frozen=True, kw_only=True)
class EpochsToTarget:
    """The epochs, or seconds, that the runs of a case needed to reach a target."""

    reached: int
    n: int
    median: float
    """Epoch by which half the runs reached it; inf where fewer ever did."""
    interval: tuple[float, float]
    """95 % confidence interval of the median; inf where the runs set no upper end."""
    restricted_mean: float
    """Mean epochs spent before the target, counting no further than the horizon."""
    horizon: float
    """Last epoch that any run was trained for."""

    @property
    def words(self) -> str:
        """The cell of a table: ``6 (5–8), reached 9/10``."""
        low, high = map(whole, self.interval)
        return f"{whole(self.median)} ({low}–{high}), reached {self.reached}/{self.n}"


def first_epoch(values: Sequence[float | None], target: float) -> int | None:
    """Return the first epoch, from 1, whose value is at least the target; None where none is."""
    hits = (i for i, v in enumerate(values, start=1) if v is not None and v >= target)
    return next(hits, None)


def best_by(values: Sequence[float | None], epoch: int) -> float | None:
    """Return the best value up to an epoch and in it; None if there is none."""
    seen = [value for value in values[:epoch] if value is not None and not math.isnan(value)]
    return max(seen, default=None)


def survival(epochs: Sequence[float | None], watched: Sequence[float]) -> Survival:
    """Return the estimate of Kaplan and Meier, JASA 53, 1958.

    Each run has the epochs, or seconds, to its target, None where it never reached it, and those
    that it was trained for.
    """
    curve = scipy.stats.ecdf(_censored(epochs, watched)).sf
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The confidence interval is undefined")
        limits = curve.confidence_interval(0.95, method="log-log")
    return Survival(
        at=curve.quantiles,
        left=curve.probabilities,
        low=limits.low.probabilities,
        high=limits.high.probabilities,
    )


def _censored(epochs: Sequence[float | None], watched: Sequence[float]) -> Any:
    pairs = list(zip(epochs, watched, strict=True))
    times = [float(seen if epoch is None else epoch) for epoch, seen in pairs]
    return scipy.stats.CensoredData.right_censored(times, [epoch is None for epoch, _ in pairs])


def epochs_to_target(epochs: Sequence[float | None], *, watched: Sequence[float]) -> EpochsToTarget:
    """Summarise when runs reached their target; arguments as of ``survival``."""
    curve = survival(epochs, watched)
    reached = sum(epoch is not None for epoch in epochs)
    horizon = max(*watched, *(epoch or 0 for epoch in epochs))
    # Where the formula has no limits, the lower one is the share itself. The upper one is 1 where
    # all runs are left, and the exact binomial limit where none is.
    none_left = scipy.stats.binomtest(0, max(reached, 1)).proportion_ci().high
    low = np.where(np.isnan(curve.low), curve.left, curve.low)
    ceiling = np.where(curve.left > 0, 1.0, none_left)
    high = np.where(np.isnan(curve.high), ceiling, curve.high)
    median, *interval = (_first_half(curve.at, left) for left in (curve.left, low, high))
    # The area under the step function of runs still left, from 0 to the horizon.
    edges = np.concatenate([[0.0], np.minimum(curve.at, horizon), [float(horizon)]])
    area = float(np.sum(np.diff(edges) * np.concatenate([[1.0], curve.left])))
    return EpochsToTarget(
        reached=reached,
        n=len(epochs),
        median=median,
        interval=(interval[0], interval[1]),
        restricted_mean=area,
        horizon=horizon,
    )


def _first_half(at: np.ndarray, left: np.ndarray) -> float:
    """Return the first epoch after which at most half the runs are left."""
    below = np.flatnonzero(left <= 0.5 + 1e-9)  # a half is one, however it was rounded
    return float(at[below[0]]) if len(below) else math.inf


def same_speed(*sides: tuple[Sequence[float | None], Sequence[float]]) -> float:
    """Return the p-value of the log-rank test that both sides reach the target alike.

    A side has the arguments of ``survival``.
    """
    return float(scipy.stats.logrank(*(_censored(*side) for side in sides)).pvalue)
