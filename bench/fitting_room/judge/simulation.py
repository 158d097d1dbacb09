"""The sequential test over many simulated runs at once, as ``sequential.decide_all`` decides one.

Runs are rows, and every step is one array operation over all of them. A test holds each row's end
equal to that of ``decide_all``, so that what is simulated is the code that judges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from fitting_room.judge.sequential import SCATTER_CHANGED, Plan, chi2_quantile
from fitting_room.judge.verdict import Outcome

SKEWED_BY = 0.3142
"""Sigma of a lognormal distribution of skewness 1, as far from normal as a gamma of shape 4."""
DEGREES = 5
"""Degrees of freedom of the heavy-tailed t distribution: its kurtosis is 9, a normal one has 3."""

Shape = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def normal(z: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Return standard normal values as they are."""
    return z


def skewed(z: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Return values with a long tail downwards: a shifted lognormal of skewness -1."""
    grown = math.exp(SKEWED_BY**2)
    centre, sd = math.sqrt(grown), math.sqrt(grown * (grown - 1))
    return (centre - np.exp(-SKEWED_BY * z)) / sd


def heavy(z: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return values with heavy tails, t with 5 degrees of freedom.

    An outlier is one in every metric: the last axis shares its divisor.
    """
    shared = generator.chisquare(DEGREES, size=(*z.shape[:-1], 1))
    return np.asarray(z * np.sqrt((DEGREES - 2) / shared))


SHAPES: dict[str, Shape] = {"normal": normal, "skewed": skewed, "heavy": heavy}


def like_the_reference(
    reference: np.ndarray, *, runs: int, seeds: int, generator: np.random.Generator
) -> np.ndarray:
    """Return standard normal values with the correlations that the metrics of the reference have.

    Each simulated seed is a random combination of the reference's deviations from their means, so
    that few reference seeds are enough: no correlation matrix is inverted.

    Args:
        reference: of every reference seed, shape (reference seeds, metrics), float64; NaN where
            a seed has no value, which then says nothing about that metric.
        runs: number of runs to simulate.
        seeds: number of seeds in each run.
        generator: the source of random numbers.

    Returns:
        Shape (runs, seeds, metrics), float64.
    """
    apart = np.nan_to_num(reference - np.nanmean(reference, axis=0))
    lengths = np.sqrt((apart**2).sum(axis=0))
    mixed = generator.standard_normal((runs, seeds, len(reference)))
    return np.asarray(mixed @ (apart / np.where(lengths > 0, lengths, 1.0)))


CODES: dict[Outcome, int] = {"pass": 1, "undecided": 0, "fail": -1}
PASS, OPEN, FAIL = CODES["pass"], CODES["undecided"], CODES["fail"]


@dataclass(frozen=True, kw_only=True)
class Ends:
    """The outcome of each run, and the seeds it took."""

    outcomes: np.ndarray
    """One of ``CODES`` for each run, shape (runs,), int8."""
    seeds: np.ndarray
    """Shape (runs,), int64."""


def walk(values: np.ndarray, sides: Sequence[Plan]) -> Ends:
    """Judge every run by every side of a bound.

    Args:
        values: in the metric's unit, shape (runs, seeds), float64; no fewer seeds than any side's
            ``most``.
        sides: from ``plan.plans``.
    """
    values = values[:, : sides[0].most]
    squares = _squares(values)
    return together([_one_side(values, squares, side) for side in sides])


def together(ends: Sequence[Ends]) -> Ends:
    """Join judgements of the same runs: one that fails is enough to fail, passing needs them all.

    A failure is known when the first of them is, a pass when the last is.
    """
    outcomes = np.stack([each.outcomes for each in ends])
    seeds = np.stack([each.seeds for each in ends])
    failed = outcomes == FAIL
    to_fail = np.where(failed, seeds, np.iinfo(seeds.dtype).max).min(axis=0)
    return Ends(
        outcomes=outcomes.min(axis=0),
        seeds=np.where(failed.any(axis=0), to_fail, seeds.max(axis=0)),
    )


def _one_side(values: np.ndarray, squares: np.ndarray, plan: Plan) -> Ends:
    ratios = np.cumsum(
        plan.delta * ((plan.sign * values - plan.floor) / plan.sigma - plan.delta / 2), axis=1
    )
    passed, failed = ratios >= plan.pass_at, ratios <= plan.fail_at
    passed[:, -1] |= ratios[:, -1] >= 0
    failed[:, -1] |= ~passed[:, -1]
    alarmed = squares > plan.sigma**2 * _most_squares(values.shape[1])
    ended = passed | failed | alarmed
    ended[:, : plan.least - 1] = False
    at = np.argmax(ended, axis=1)
    runs = np.arange(len(values))
    outcomes = np.where(passed[runs, at], PASS, FAIL).astype(np.int8)
    by_t_test = alarmed[runs, at]
    outcomes[by_t_test] = _t_test(values[by_t_test], squares[by_t_test, -1], plan)
    return Ends(outcomes=outcomes, seeds=np.where(by_t_test, plan.most, at + 1))


def _squares(values: np.ndarray) -> np.ndarray:
    """Return the sum of squared deviations of the first 1, 2, … seeds, shape (runs, seeds)."""
    squares = np.zeros_like(values)
    for k in range(2, values.shape[1] + 1):
        squares[:, k - 1] = k * values[:, :k].var(axis=1)
    return squares


def _most_squares(seeds: int) -> np.ndarray:
    """Return the limits of those sums in units of sigma squared; one seed alone has none."""
    return np.array([math.inf, *(chi2_quantile(SCATTER_CHANGED, k) for k in range(1, seeds))])


def _t_test(values: np.ndarray, squares: np.ndarray, plan: Plan) -> np.ndarray:
    n = values.shape[1]
    above = plan.sign * values.mean(axis=1) - plan.floor
    needed = float(scipy.stats.t.ppf(1 - plan.beta, n - 1)) * np.sqrt(squares / (n - 1) / n)
    return np.where(above >= needed, PASS, np.where(above >= 0, OPEN, FAIL)).astype(np.int8)
