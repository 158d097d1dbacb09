"""Epochs to a target that some runs never reach: censored, never turned into a number.

The survival curve is a few lines here, held by tests to that of ``scipy.stats``, whose import takes
longer than the tables of a README to write.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, kw_only=True)
class EpochsToTarget:
    """How soon the runs of a case reached a target."""

    reached: int
    n: int
    median: float
    """Epoch by which half the runs are there; inf where fewer ever were."""
    interval: tuple[float, float]
    """95 % confidence interval of the median; inf where the runs set no upper end."""
    restricted_mean: float
    """Mean epochs spent before the target, counting no further than the horizon."""
    horizon: int
    """Last epoch that was watched in some run."""

    @property
    def words(self) -> str:
        """As a table shows it: ``6 (5–8), reached 9/10``."""
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


def epochs_to_target(epochs: Sequence[int | None], *, watched: Sequence[int]) -> EpochsToTarget:
    """Summarise when runs reached their target (Kaplan and Meier, JASA 53, 1958).

    Args:
        epochs: one per run; None where the target was never reached.
        watched: epochs each run was trained for.
    """
    at, at_risk, events = _counts(epochs, watched)
    left = np.cumprod(1 - events / at_risk)
    low, high = _limits(left, at_risk, events)
    reached = sum(epoch is not None for epoch in epochs)
    horizon = max(max(watched), max((e for e in epochs if e is not None), default=0))
    return EpochsToTarget(
        reached=reached,
        n=len(epochs),
        median=_first_half(at, left),
        interval=(_first_half(at, low), _first_half(at, high)),
        restricted_mean=_area(at, left, horizon),
        horizon=horizon,
    )


def _counts(
    epochs: Sequence[int | None], watched: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return every epoch at which a run reached or ended, the runs before it, and those there."""
    pairs = list(zip(epochs, watched, strict=True))
    times = np.array([seen if epoch is None else epoch for epoch, seen in pairs], float)
    reached = np.array([epoch is not None for epoch, _ in pairs])
    at = np.unique(times)
    at_risk = np.sum(times >= at[:, None], axis=1)
    return at, at_risk, np.sum((times == at[:, None]) & reached, axis=1)


def _limits(
    left: np.ndarray, at_risk: np.ndarray, events: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % limits of the share of runs left, by the exponential Greenwood formula.

    It has no value where all runs are left, or none: there is no doubt below, and above, the
    exact binomial limit of none out of those that reached.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(np.cumsum(events / (at_risk * (at_risk - events)))) / np.log(left)
        low, high = (left ** np.exp(sign * Z * spread) for sign in (-1, 1))
    ceiling = np.where(left > 0, 1.0, 1 - 0.025 ** (1 / max(int(events.sum()), 1)))
    undefined = (left == 0) | (left == 1)
    return np.where(undefined, left, low), np.where(undefined, ceiling, high)


def same_speed(
    epochs: Sequence[int | None],
    others: Sequence[int | None],
    *,
    watched: Sequence[int],
    others_watched: Sequence[int],
) -> float:
    """Return the p-value of the log-rank test that two cases reach the target alike."""
    from scipy import stats  # here alone, for the reason above

    test = stats.logrank(
        _censored(stats, epochs, watched), _censored(stats, others, others_watched)
    )
    return float(test.pvalue)


def _censored(stats: Any, epochs: Sequence[int | None], watched: Sequence[int]) -> Any:
    pairs = list(zip(epochs, watched, strict=True))
    times = [float(seen if epoch is None else epoch) for epoch, seen in pairs]
    return stats.CensoredData.right_censored(times, [epoch is None for epoch, _ in pairs])


def _first_half(at: np.ndarray, left: np.ndarray) -> float:
    """Return the first epoch after which at most half the runs are left."""
    below = np.flatnonzero(left <= 0.5 + 1e-9)  # a half is one, however it was rounded
    return float(at[below[0]]) if len(below) else math.inf


def _area(at: np.ndarray, left: np.ndarray, horizon: int) -> float:
    """Return the area under the step function of runs still left, from 0 to the horizon."""
    edges = np.concatenate([[0.0], np.minimum(at, horizon), [float(horizon)]])
    return float(np.sum(np.diff(edges) * np.concatenate([[1.0], left])))
