"""The plan of a sequential test, made before the first seed is trained.

Every side of a bound is turned so that higher is better and the bound lies at a floor ``x``:
good code has its mean ``delta`` scatters above ``x``, bad code has it at ``x``.
Wald, "Sequential Tests of Statistical Hypotheses", Annals of Mathematical Statistics 16, 1945.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import scipy

from bench.harness.judge.bound import Bound

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
    beta: float = BETA
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
        return math.log((1 - self.alpha) / self.beta)

    @property
    def fail_at(self) -> float:
        """Log-likelihood ratio below which bad code is believed."""
        return -math.log((1 - self.beta) / self.alpha)

    @property
    def fails_at(self) -> float:
        """Turned value of a first seed below which it fails alone."""
        return self.floor + self.sigma * (self.fail_at / self.delta + self.delta / 2)

    def step(self, value: float) -> float:
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
    ends = [(1, bound.lowest), (-1, bound.highest)]
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
