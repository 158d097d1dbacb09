"""Two models on the same images, and two recipes over their seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import scipy

from bench.harness.judge.interval import Interval


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
