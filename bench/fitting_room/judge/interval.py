"""Intervals of a new seed, of means and their differences, and of two models compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

import numpy as np
import scipy

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with the interval around it; its ends are infinite where nothing is known."""

    estimate: float
    low: float
    high: float


def of_new_seed(values: Sequence[float], *, level: float = LEVEL) -> Interval:
    """Return the mean of the seeds, and where one more seed falls with probability ``level``.

    Whitmore, "Prediction limits for a univariate normal observation", The American Statistician
    40, 1986: mean ± t·s·sqrt(1 + 1/n), n − 1 degrees of freedom.
    """
    mean, n = fmean(values), len(values)
    if n < 2:
        return Interval(estimate=mean, low=-math.inf, high=math.inf)
    reach = _student(level, n - 1) * math.sqrt(variance(values) * (1 + 1 / n))
    return Interval(estimate=mean, low=mean - reach, high=mean + reach)


def of_new_share(values: Sequence[float], *, level: float = LEVEL) -> Interval:
    """Do the same for probabilities, on the scale of log-odds, where they have no ends."""
    inside = [min(max(value, 1e-9), 1 - 1e-9) for value in values]
    odds = of_new_seed([math.log(value / (1 - value)) for value in inside], level=level)
    low, high = (1 / (1 + math.exp(-end)) for end in (odds.low, odds.high))
    return Interval(estimate=fmean(values), low=low, high=high)


def of_new_count(values: Sequence[float]) -> Interval:
    """Return the median of whole numbers, and the lowest and highest that were seen.

    One more falls between the two with probability (n − 1)/(n + 1), whatever the distribution:
    Wilks, "Determination of sample sizes for setting tolerance limits", 1941. Infinite is "never".
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
        return Interval(estimate=estimate, low=-math.inf, high=math.inf)
    parts = [(weight**2 * variance(sample) / len(sample), len(sample)) for sample, weight in pairs]
    total = sum(part for part, _ in parts)
    if total == 0:  # every seed agrees, so that there is no scatter to go by
        return Interval(estimate=estimate, low=estimate, high=estimate)
    freedom = total**2 / sum(part**2 / (n - 1) for part, n in parts)
    reach = _student(level, freedom) * math.sqrt(total)
    return Interval(estimate=estimate, low=estimate - reach, high=estimate + reach)


def of_difference(
    values: Sequence[float], others: Sequence[float], *, level: float = LEVEL
) -> Interval:
    """Return the mean of ``values`` less that of ``others`` with Welch's interval.

    Welch, "The generalization of 'Student's' problem when several different population variances
    are involved", Biometrika 34, 1947.
    """
    return of_contrast([values, others], [1.0, -1.0], level=level)


def of_ranges(ranges: Sequence[Interval], weights: Sequence[float]) -> Interval:
    """Return a weighted sum of figures of which only the ranges are known: its lowest, highest."""
    pairs = list(zip(ranges, weights, strict=True))
    return Interval(
        estimate=sum(w * each.estimate for each, w in pairs),
        low=sum(w * (each.low if w > 0 else each.high) for each, w in pairs),
        high=sum(w * (each.high if w > 0 else each.low) for each, w in pairs),
    )


def of_ratio(above: Interval, below: Interval) -> Interval:
    """Return the quotient of two positive figures: its lowest and its highest."""
    return Interval(
        estimate=above.estimate / below.estimate,
        low=above.low / below.high,
        high=above.high / below.low,
    )


def _student(level: float, freedom: float) -> float:
    return float(scipy.special.stdtrit(freedom, (1 + level) / 2))


def accuracy_difference(
    right_a: np.ndarray,
    right_b: np.ndarray,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return accuracy of A less accuracy of B with its paired bootstrap interval.

    Images are drawn jointly, for they are the same; seeds are drawn for each recipe by itself,
    for seed 3 of one has nothing in common with seed 3 of the other.

    Args:
        right_a: whether each seed of A classified each image rightly, shape (seeds, images), bool.
        right_b: the same of B; the number of seeds may differ, the images not.
        level: of confidence.
        resamples: drawn with replacement.
        seed: of the generator; the same gives the same interval.
    """
    generator = np.random.default_rng(seed)
    drawn = [_resampled(right_a, right_b, generator) for _ in range(resamples)]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    estimate = right_a.mean() - right_b.mean()
    return Interval(estimate=float(estimate), low=float(low), high=float(high))


def _resampled(right_a: np.ndarray, right_b: np.ndarray, generator: np.random.Generator) -> float:
    images = right_a.shape[1]
    seeds_a, seeds_b = (generator.integers(len(r), size=len(r)) for r in (right_a, right_b))
    each = _share(right_a, seeds_a) - _share(right_b, seeds_b)
    return float(each[generator.integers(images, size=images)].mean())


def _share(right: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Return for each image the share of the drawn seeds that had it right."""
    counts = np.bincount(seeds, minlength=len(right))
    return np.asarray(counts @ right / len(right))


def superiority(a: Sequence[float], b: Sequence[float], *, level: float = 0.95) -> Interval:
    """Return P(A > B) over seeds, ties counted half, with its interval.

    The interval inverts the score, so that it keeps its width where every seed of A wins:
    Newcombe, "Confidence intervals for an effect size measure based on the Mann-Whitney
    statistic, part 2", Statistics in Medicine 25, 2006, method 5.
    """
    chance = float(scipy.stats.mannwhitneyu(a, b).statistic) / (len(a) * len(b))
    z = float(scipy.stats.norm.ppf((1 + level) / 2))
    low = _limit(chance, len(a), len(b), z=z, end=0.0)
    high = _limit(chance, len(a), len(b), z=z, end=1.0)
    return Interval(estimate=chance, low=low, high=high)


def _limit(chance: float, m: int, n: int, *, z: float, end: float) -> float:
    """Return the value between the estimate and ``end`` that is z standard errors away."""

    def surplus(theta: float) -> float:
        return abs(theta - chance) - z * math.sqrt(_variance(theta, m, n))

    if surplus(end) <= 0:
        return end
    inner = chance + (end - chance) * 1e-12  # at the estimate itself the surplus may be 0
    return float(scipy.optimize.brentq(surplus, inner, end)) if surplus(inner) < 0 else chance


def _variance(theta: float, m: int, n: int) -> float:
    pairs = (m + n) / 2 - 1
    spread = pairs * ((1 - theta) / (2 - theta) + theta / (1 + theta))
    return theta * (1 - theta) / (m * n) * (1 + spread)
