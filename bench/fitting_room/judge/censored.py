"""Epochs or seconds to a target that some runs never reach: censored, never made a number."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy


@dataclass(frozen=True, kw_only=True)
class Survival:
    """The share of runs that have not reached the target, from one epoch, or time, to the next."""

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
    """Last epoch that was watched in some run."""

    @property
    def words(self) -> str:
        """The cell of a table: ``6 (5–8), reached 9/10``."""
        low, high = (_epoch(end) for end in self.interval)
        return f"{_epoch(self.median)} ({low}–{high}), reached {self.reached}/{self.n}"


def _epoch(value: float) -> str:
    return "∞" if math.isinf(value) else f"{value:g}"


def first_epoch(values: Sequence[float | None], target: float) -> int | None:
    """Return the first epoch, from 1, whose value is at least the target; None where none is."""
    hits = (i for i, v in enumerate(values, start=1) if v is not None and v >= target)
    return next(hits, None)


def best_by(values: Sequence[float | None], epoch: int) -> float | None:
    """Return the best value up to and with an epoch: the figure to gate, with far fewer seeds."""
    seen = [value for value in values[:epoch] if value is not None and not math.isnan(value)]
    return max(seen, default=None)


def survival(epochs: Sequence[float | None], watched: Sequence[float]) -> Survival:
    """Return the estimate of Kaplan and Meier, JASA 53, 1958.

    Args:
        epochs: one per run, or seconds; None where the target was never reached.
        watched: epochs, or seconds, that each run was trained for.
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


def same_speed(
    epochs: Sequence[int | None],
    others: Sequence[int | None],
    *,
    watched: Sequence[int],
    others_watched: Sequence[int],
) -> float:
    """Return the p-value of the log-rank test that two cases reach the target alike."""
    test = scipy.stats.logrank(_censored(epochs, watched), _censored(others, others_watched))
    return float(test.pvalue)
