"""The truncated sequential probability ratio test, and the price of the bounds that it decides.

It compares two hypotheses on the mean of a metric. Good code has its mean ``delta`` above the
bound, bad code has it at the bound. Each seed adds to the log-likelihood ratio of good against bad,
until the ratio crosses a limit; after the last seed its sign decides. So seeds are added only while
the verdict is open.

A ceiling is mirrored into a floor, so that higher is better on every side of a bound. Distances are
in planned standard deviations: see ``planning_sd``.

Wald, "Sequential Tests of Statistical Hypotheses", Annals of Mathematical Statistics 16, 1945.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import fmean
from typing import NamedTuple, TypeVar

import numpy as np
import scipy

from fitting_room.format import shown, shown_difference, two_digits
from fitting_room.judge.verdict import Bound, Outcome

Value = TypeVar("Value", float, np.ndarray)

RUN_ALPHA = 0.01  # chance that a run of the bench over unchanged code shows a failure


def share(assertions: int) -> float:
    """Return the error of each assertion, so that a run keeps to ``RUN_ALPHA`` (Bonferroni)."""
    if assertions < 1:
        raise ValueError(f"a run has at least one assertion, not {assertions}")
    return RUN_ALPHA / assertions


DELTA_MOST = 3.0  # for a bound further off than this, good code is taken to come this close
BETA = 0.05  # chance that code whose mean sits at the bound passes


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One side of a bound, to be tested with at least ``least`` and at most ``most`` seeds."""

    sign: int
    """1 for a floor, -1 for a ceiling, which is mirrored."""
    floor: float
    """The bound, mirrored by ``sign``."""
    mean: float
    """Mean of the reference, mirrored by ``sign``."""
    sigma: float
    """Planned standard deviation, in the metric's unit."""
    alpha: float
    """Chance that good code fails, over all looks."""
    least: int = 1
    most: int = 6

    @property
    def gap(self) -> float:
        """Distance of the reference mean from the bound, in planned standard deviations."""
        return (self.mean - self.floor) / self.sigma

    @property
    def delta(self) -> float:
        """Distance of good code from the bound, in planned standard deviations."""
        return min(self.gap, DELTA_MOST)

    @property
    def pass_at(self) -> float:
        """Log-likelihood ratio at or above which the side passes."""
        return math.log((1 - self.alpha) / BETA)

    @property
    def fail_at(self) -> float:
        """Log-likelihood ratio at or below which the side fails."""
        return -math.log((1 - BETA) / self.alpha)

    @property
    def first_fails_at(self) -> float:
        """Mirrored value of the first seed, at or below which that seed alone fails the side."""
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
    """Return the 90 % upper confidence limit of the standard deviation of a metric.

    The reference has ``sd`` between ``seeds`` seeds; for 20 of them the limit is 1.28 sd. A
    sequential test that is planned with too small a standard deviation errs more often than it
    says.
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


SCATTER_CHANGED = 0.999  # probability that unchanged scatter raises no alarm, per look

CODES: dict[Outcome, int] = {"pass": 1, "undecided": 0, "fail": -1}
PASS, OPEN, FAIL = CODES["pass"], CODES["undecided"], CODES["fail"]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The state of one side of a bound, or of all, in one run or in many; each of shape (runs,)."""

    outcomes: np.ndarray
    """One of ``CODES`` for each run, int8."""
    seeds: np.ndarray
    """Number of converged seeds it rests on, int64; later ones do not change it."""
    ratios: np.ndarray
    """Log-likelihood ratio of good against bad code after those seeds, float64."""
    scatter_changed: np.ndarray
    """Whether a t-test decided because the seeds scatter more than the reference allows, bool."""


def decide(values: np.ndarray, plan: Plan) -> Decision:
    """Walk through the seeds of each run in order, and stop at the first limit crossed.

    The values have shape (runs, seeds), float64, of seeds that converged. At ``plan.most`` seeds
    the sign of the ratio decides.
    """
    values = values[:, : plan.most]
    runs, n = np.arange(len(values)), values.shape[1]
    ratios = np.cumsum(plan.step(values), axis=1)
    passed, alarmed = ratios >= plan.pass_at, scatter_changed(values, plan.sigma)
    ended = passed | (ratios <= plan.fail_at) | alarmed
    ended[:, : plan.least - 1] = False
    if n == plan.most:
        passed[:, -1] = ratios[:, -1] >= 0
        ended[:, -1] = True
    at = np.where(ended.any(axis=1), ended.argmax(axis=1), n - 1)
    decided = np.where(passed[runs, at], PASS, FAIL)
    outcomes = np.where(ended[runs, at], decided, OPEN).astype(np.int8)
    by_t_test = (alarmed & ended)[runs, at]
    if by_t_test.any():
        at[by_t_test] = n - 1
        outcomes[by_t_test] = _t_test(values[by_t_test], plan) if n == plan.most else OPEN
    return Decision(
        outcomes=outcomes, seeds=at + 1, ratios=ratios[runs, at], scatter_changed=by_t_test
    )


def scatter_changed(values: np.ndarray, sigma: float) -> np.ndarray:
    """Return whether the first 1, 2, … seeds of each run scatter more than ``sigma`` explains."""
    apart = values - values.mean(axis=1, keepdims=True)
    seeds = range(1, values.shape[1] + 1)
    squares = np.cumsum(apart**2, axis=1) - np.cumsum(apart, axis=1) ** 2 / seeds
    unchanged = [chi2_quantile(SCATTER_CHANGED, k - 1) if k > 1 else math.inf for k in seeds]
    return np.asarray(squares > sigma**2 * np.array(unchanged))


def _t_test(values: np.ndarray, plan: Plan) -> np.ndarray:
    """Decide at the seed limit with the standard deviation of the seeds themselves.

    It passes if the mean lies above the bound with confidence 1 - beta, and fails if the mean lies
    below the bound. Between these it is undecided.
    """
    n = values.shape[1]
    above = plan.sign * values.mean(axis=1) - plan.floor
    needed = scipy.stats.t.ppf(1 - BETA, n - 1) * values.std(axis=1, ddof=1) / math.sqrt(n)
    return np.where(above >= needed, PASS, np.where(above >= 0, OPEN, FAIL))


def together(found: Sequence[Decision]) -> Decision:
    """Join decisions on the same runs: a run passes if all pass, and fails if one fails.

    A failure is known with the first that fails, a pass with the last that passes.
    """
    outcomes, seeds = (np.stack([getattr(d, of) for d in found]) for of in ("outcomes", "seeds"))
    failed = outcomes == FAIL
    to_fail = np.where(failed, seeds, np.iinfo(seeds.dtype).max).min(axis=0)
    return Decision(
        outcomes=outcomes.min(axis=0),
        seeds=np.where(failed.any(axis=0), to_fail, seeds.max(axis=0)),
        ratios=np.min([each.ratios for each in found], axis=0),
        scatter_changed=np.any([each.scatter_changed for each in found], axis=0),
    )


def decide_all(
    values: Sequence[float], sides: Sequence[Plan], *, diverged: int = 0
) -> tuple[Outcome, int, list[Decision]]:
    """Decide a bound for one run: its outcome, the seeds it rests on, the decision of each side.

    The values are of seeds that converged; those that diverged count towards the seed limit.
    """
    most = max(sides[0].most - diverged, 1)
    left = [replace(side, most=most, least=min(side.least, most)) for side in sides]
    decisions = [decide(np.array([values]), side) for side in left]
    whole = together(decisions)
    outcome = next(name for name, code in CODES.items() if code == whole.outcomes[0])
    return outcome, int(whole.seeds[0]), decisions


POWER = 0.80


@dataclass(frozen=True, kw_only=True)
class Price:
    """The false-alarm rate of a bound, and the change that it catches."""

    false_alarm: float
    """Chance that code with the mean of the reference fails, if seeds scatter as planned."""
    catches: float
    """Smallest worsening of the mean that fails with 80 % power, in the metric's unit."""
    seeds: float
    """Expected number of seeds for unchanged code."""


class Run(NamedTuple):
    """How probably a test fails, and how many seeds it takes, when the mean is known."""

    fails: float
    seeds: float


def price(sides: Sequence[Plan]) -> Price:
    """Return the price of a bound with one side or two.

    For a band the false alarms of the sides are added (an upper limit). The smallest change is that
    of the blunter side, and the seeds are those of the slower one.
    """
    unchanged = [run(side, side.gap) for side in sides]
    return Price(
        false_alarm=sum(each.fails for each in unchanged),
        catches=max(_smallest_caught(side) for side in sides),
        seeds=max(each.seeds for each in unchanged),
    )


@lru_cache(maxsize=1024)
def _smallest_caught(plan: Plan) -> float:
    def missed(mean: float) -> float:
        return run(plan, mean).fails - POWER

    if missed(plan.gap) >= 0:
        return 0.0
    # Six standard deviations below the bound everything fails.
    return (plan.gap - float(scipy.optimize.brentq(missed, -6.0, plan.gap, xtol=1e-4))) * plan.sigma


@lru_cache(maxsize=4096)
def run(plan: Plan, mean: float) -> Run:
    """Return how the test ends for normal seeds whose mean lies ``mean`` above the bound.

    The density of the ratio over the open interval is carried from seed to seed by Gauss-Legendre
    quadrature. See Armitage, McPherson and Rowe, "Repeated Significance Tests on Accumulating
    Data", JRSS A 132, 1969. The alarm for changed scatter is left out: it is raised in less than
    one run in a thousand.
    """
    drift, spread = plan.delta * (mean - plan.delta / 2), plan.delta
    nodes, weights = _open_interval(plan, drift)
    ndtr = scipy.special.ndtr
    # Nothing stops before ``least`` seeds, so their sum is normal.
    centre = np.array([plan.least * drift])
    mass, width = np.array([1.0]), spread * math.sqrt(plan.least)
    fails = seeds = 0.0
    for k in range(plan.least, plan.most + 1):
        low, high = (plan.fail_at, plan.pass_at) if k < plan.most else (0.0, 0.0)
        failed = float(mass @ ndtr((low - centre) / width))
        passed = float(mass @ ndtr((centre - high) / width))
        fails += failed
        seeds += k * (failed + passed)
        steps = (nodes[:, None] - centre[None, :]) / width
        density = np.exp(-(steps**2) / 2) / (width * math.sqrt(2 * math.pi))
        mass, centre, width = weights * (density @ mass), nodes + drift, spread
    return Run(fails=fails, seeds=seeds)


def _open_interval(plan: Plan, drift: float) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights over the part of the open interval that can be reached.

    Three nodes to a step's standard deviation carry a normal density to better than 1e-9.
    """
    reach = 8 * plan.delta * math.sqrt(plan.most)
    low = max(plan.fail_at, min(plan.most * drift, 0.0) - reach)
    high = min(plan.pass_at, max(plan.most * drift, 0.0) + reach)
    nodes, weights = _legendre(max(64, math.ceil(3 * (high - low) / plan.delta)))
    return low + (nodes + 1) * (high - low) / 2, weights * (high - low) / 2


_legendre = lru_cache(maxsize=64)(np.polynomial.legendre.leggauss)


def setback(catches: float, means: Sequence[float], epoch: int) -> float:
    """Return the smallest change that a bound catches, in epochs of training.

    If a metric still moves by 0.02 an epoch and its bound catches 0.01, the bound catches a model
    that lags half an epoch behind. Where the mean curve has turned back, no lag explains a change:
    it is inf where the metric moves against its trend over the whole run, or has one epoch.

    Args:
        catches: smallest change of the metric that the bound catches.
        means: mean of the metric over the reference after each epoch.
        epoch: epoch at which it is judged, from 1. The slope is taken from the epoch before; for
            the first epoch, to the second.
    """
    if len(means) < 2:
        return math.inf
    before = max(epoch - 2, 0)
    slope = means[before + 1] - means[before]
    overall = means[-1] - means[0]
    return catches / abs(slope) if slope * overall > 0 else math.inf


_SHORTER = {
    "; bound ": "; ",
    "log-likelihood ratio ": "ratio ",
    r"(\d) and ": r"\1, ",
    "pass from ": "",
    "fail to ": "",
    "unchanged code fails ": "alarm ",
    "less than ": "< ",
    rf"an? \w+ of (.+?) is caught with {100 * POWER:.0f} % power": r"catches \1",
}
BRIEF = (
    "value (seeds); bound; log-likelihood ratio (passes from, fails to); false alarm, the chance "
    f"that unchanged code fails; smallest change caught with {100 * POWER:.0f} % power"
)
"""Legend of a line that ``in_brief`` returns."""


def evidence_words(
    values: Sequence[float], bound: Bound, sides: Sequence[Plan], decisions: Sequence[Decision]
) -> str:
    """Return value, n, bound, log-likelihood ratio against its limits, and the price."""
    value = f"{shown(bound.metric, fmean(values))} (n={len(values)})"
    ratios = " and ".join(f"{decision.ratios[0]:+.1f}" for decision in decisions)
    limits = f"pass from {sides[0].pass_at:+.1f}, fail to {sides[0].fail_at:+.1f}"
    parts = [value, f"bound {bound.words}", f"log-likelihood ratio {ratios} ({limits})"]
    if any(decision.scatter_changed for decision in decisions):
        parts.append(f"the seeds scatter more than the reference: t-test at {sides[0].most} seeds")
    return "; ".join([*parts, priced(bound, sides)])


def in_brief(evidence: str) -> str:
    """Shorten the set phrases of a line, and keep every number; see ``BRIEF``."""
    for phrase, short in _SHORTER.items():
        evidence = re.sub(phrase, short, evidence)
    return evidence


def priced(bound: Bound, sides: Sequence[Plan]) -> str:
    """Return the price of a bound in words."""
    cost = price(sides)
    amount = shown_difference(bound.metric, cost.catches).removeprefix("+")
    change = "a loss" if len(sides) == 1 else "a change"
    return (
        f"unchanged code fails {chance(cost.false_alarm)}; "
        f"{change} of {amount} is caught with {100 * POWER:.0f} % power"
    )


def chance(probability: float) -> str:
    """Return a small probability in per cent with two significant digits."""
    return "less than 0.001 %" if probability < 1e-5 else f"{two_digits(probability)} %"
