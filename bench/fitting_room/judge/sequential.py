"""The truncated sequential probability ratio test: seeds are added only while it is open.

Every side of a bound is turned so that higher is better and the bound lies at a floor ``x``:
good code has its mean ``delta`` scatters above ``x``, bad code has it at ``x``.
Wald, "Sequential Tests of Statistical Hypotheses", Annals of Mathematical Statistics 16, 1945.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import fmean
from typing import TypeVar

import numpy as np
import scipy

from fitting_room.judge.verdict import Bound, Outcome

Value = TypeVar("Value", float, np.ndarray)

RUN_ALPHA = 0.01  # chance that a run of the bench over unchanged code shows a failure


def share(assertions: int) -> float:
    """Return the error of each of a run's assertions so that all together keep to ``RUN_ALPHA``.

    Bonferroni: holds however the assertions depend on each other.
    """
    if assertions < 1:
        raise ValueError(f"a run has at least one assertion, not {assertions}")
    return RUN_ALPHA / assertions


DELTA_MOST = 3.0  # a bound further off than this is tested as if good code came so close to it
BETA = 0.05  # chance that code whose mean sits at the bound passes


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One side of a bound, to be tested with at least ``least`` and at most ``most`` seeds."""

    sign: int
    """1 where higher is better, -1 where the values are turned first."""
    floor: float
    """The bound, turned."""
    mean: float
    """Mean of the reference, turned."""
    sigma: float
    """Planned standard deviation, in the metric's unit."""
    alpha: float
    """Chance that good code fails, over all looks."""
    least: int = 1
    most: int = 6

    @property
    def gap(self) -> float:
        """Distance of the reference mean from the bound, in scatters."""
        return (self.mean - self.floor) / self.sigma

    @property
    def delta(self) -> float:
        """Distance of good code from the bound, in scatters."""
        return min(self.gap, DELTA_MOST)

    @property
    def pass_at(self) -> float:
        """Log-likelihood ratio from which good code is believed."""
        return math.log((1 - self.alpha) / BETA)

    @property
    def fail_at(self) -> float:
        """Log-likelihood ratio below which bad code is believed."""
        return -math.log((1 - BETA) / self.alpha)

    @property
    def fails_at(self) -> float:
        """Turned value of a first seed below which it fails alone."""
        return self.floor + self.sigma * (self.fail_at / self.delta + self.delta / 2)

    def step(self, value: Value) -> Value:
        """Return what one seed's value adds to the log-likelihood ratio of good against bad."""
        delta = self.delta
        return delta * ((self.sign * value - self.floor) / self.sigma - delta / 2)


@lru_cache(maxsize=256)
def chi2_quantile(probability: float, degrees: int) -> float:
    """Return ``scipy.stats.chi2.ppf``, cached, as its arguments repeat."""
    return float(scipy.stats.chi2.ppf(probability, degrees))


def planning_sd(sd: float, seeds: int) -> float:
    """Return the 90 % upper limit of the scatter that ``seeds`` reference seeds with ``sd`` allow.

    A scatter taken too small is what breaks a sequential test; 1.28 sd at 20 seeds.
    """
    degrees = seeds - 1
    return sd * math.sqrt(degrees / chi2_quantile(0.10, degrees))


def plans(bound: Bound, *, alpha: float, least: int, most: int) -> tuple[Plan, ...]:
    """Return one plan for a one-sided bound and two, sharing ``alpha``, for a band.

    Raises:
        ValueError: the bound has no reference.
    """
    if bound.sd is None or bound.reference_seeds is None or bound.mean is None:
        raise ValueError(f"the bound of {bound.metric} has no reference to plan with")
    sigma = planning_sd(bound.sd, bound.reference_seeds)
    ends = ((1, bound.lowest), (-1, bound.highest))
    finite = [(sign, end) for sign, end in ends if math.isfinite(end)]
    return tuple(
        Plan(
            sign=sign,
            floor=sign * end,
            mean=sign * bound.mean,
            sigma=sigma,
            alpha=alpha / len(finite),
            least=min(least, most),
            most=most,
        )
        for sign, end in finite
    )


SCATTER_CHANGED = 0.999  # probability that unchanged scatter stays below the alarm, per look


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The state of one side of a bound."""

    outcome: Outcome
    seeds: int
    """Number of converged seeds it rests on; later ones do not change it."""
    ratio: float
    """Log-likelihood ratio of good against bad code after those seeds."""
    scatter_changed: bool = False
    """Whether a t-test decided because the seeds scatter more than the reference allows."""


def decide(values: Sequence[float], plan: Plan) -> Decision:
    """Walk through the seeds in order and stop at the first limit that is crossed.

    Args:
        values: of the seeds that converged, in seed order.
        plan: the side of the bound; at ``plan.most`` seeds the sign of the ratio decides.
    """
    ratio = 0.0
    for k, value in enumerate(values[: plan.most], start=1):
        ratio += plan.step(value)
        if k < plan.least:
            continue
        if k > 1 and scatter_changed(values[:k], plan.sigma):
            return _by_t_test(values[: plan.most], plan)
        last = k == plan.most
        if ratio >= plan.pass_at or (last and ratio >= 0):
            return Decision(outcome="pass", seeds=k, ratio=ratio)
        if ratio <= plan.fail_at or last:
            return Decision(outcome="fail", seeds=k, ratio=ratio)
    return Decision(outcome="undecided", seeds=len(values), ratio=ratio)


def scatter_changed(values: Sequence[float], sigma: float) -> bool:
    """Return whether the values, two or more, scatter more than ``sigma`` can explain."""
    return _squares(values) > sigma**2 * chi2_quantile(SCATTER_CHANGED, len(values) - 1)


def _squares(values: Sequence[float]) -> float:
    """Return the sum of squared deviations; ``statistics.variance`` takes exact fractions' time."""
    mean = fmean(values)
    return sum((value - mean) ** 2 for value in values)


def _by_t_test(values: Sequence[float], plan: Plan) -> Decision:
    """Decide at the seed limit with the scatter of the seeds themselves.

    Passes where the mean lies above the bound with confidence 1 - beta, fails where it lies
    below, and is undecided between, where neither is shown.
    """
    n = len(values)
    outcome: Outcome = "undecided"
    if n == plan.most:
        above = plan.sign * fmean(values) - plan.floor
        error = math.sqrt(_squares(values) / (n - 1) / n)
        needed = float(scipy.stats.t.ppf(1 - BETA, n - 1)) * error
        outcome = "pass" if above >= needed else "undecided" if above >= 0 else "fail"
    ratio = sum(plan.step(value) for value in values)
    return Decision(outcome=outcome, seeds=n, ratio=ratio, scatter_changed=True)


def decide_all(
    values: Sequence[float], sides: Sequence[Plan], *, diverged: int = 0
) -> tuple[Outcome, int, tuple[Decision, ...]]:
    """Decide every side of a bound: pass needs them all, one that fails is enough to fail.

    Args:
        values: of the seeds that converged, in seed order.
        sides: from ``plans``.
        diverged: seeds that did not converge; they count towards the seed limit.

    Returns:
        The outcome, the number of converged seeds it rests on, and the decision of each side.
    """
    if diverged:
        most = max(sides[0].most - diverged, 1)
        sides = [replace(side, most=most, least=min(side.least, most)) for side in sides]
    decisions = tuple(decide(values, side) for side in sides)
    outcomes = [decision.outcome for decision in decisions]
    if "fail" in outcomes:
        seeds = min(d.seeds for d in decisions if d.outcome == "fail")
        return "fail", seeds, decisions
    seeds = max(decision.seeds for decision in decisions)
    return ("undecided" if "undecided" in outcomes else "pass"), seeds, decisions
