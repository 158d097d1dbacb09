"""The bound that a reference suggests, what a bound costs, and the evidence in words."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np
import scipy

from fitting_room.format import is_accuracy, shown, shown_difference
from fitting_room.judge.sequential import DELTA_MOST, Decision, Plan, planning_sd
from fitting_room.judge.verdict import Bound
from fitting_room.metrics import is_own, known

BAND = 5.0
"""Scatters to each side of a training metric's mean.

It is so quiet that a band this wide still sees a fraction of an epoch, and one seed nearly always
passes it. At 3 scatters the two sides of every epoch would ask for a second seed of most cases.
"""


def suggest(metric: str, values: Sequence[float], *, band: float | None = None) -> Bound:
    """Return a bound some planned scatters from the mean of the reference seeds.

    Ends are rounded outward: to 0.1 points of an accuracy, and to 0.001 of a loss or finer, where
    that would widen a narrow bound by more than a tenth.

    Args:
        metric: one of which more is better gets a floor, any other a ceiling.
        values: of all reference seeds, at least two that differ.
        band: scatters to each side, for metrics in which a surprise is a change either way.
    """
    mean, sd, seeds = fmean(values), stdev(values), len(values)
    scatters = band or DELTA_MOST
    room = scatters * planning_sd(sd, seeds)
    fraction = is_accuracy(metric)
    places = 3 if fraction else max(3, 1 - math.floor(math.log10(room)))
    scale = float(10**places)
    low, high = math.floor((mean - room) * scale) / scale, math.ceil((mean + room) * scale) / scale
    if fraction:
        low, high = max(low, -1.0), min(high, 1.0)
    if not is_own(metric):
        low = max(low, 0.0)
    rising = known(metric).better == "higher"
    return Bound(
        metric=metric,
        at_least=low if rising and not band else None,
        at_most=None if rising or band else high,
        between=(low, high) if band else None,
        mean=mean,
        sd=sd,
        reference_seeds=seeds,
        reason=f"{scatters:g} scatters, at their upper limit, off the mean of {seeds} seeds",
    )


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
    # Six scatters below the bound everything fails.
    return (plan.gap - float(scipy.optimize.brentq(missed, -6.0, plan.gap, xtol=1e-4))) * plan.sigma


@lru_cache(maxsize=4096)
def run(plan: Plan, mean: float) -> Run:
    """Return how the test ends for seeds normal about ``mean``, in scatters above the bound.

    The density of the ratio over the open interval is carried from seed to seed by Gauss-Legendre
    quadrature. See Armitage, McPherson and Rowe, "Repeated Significance Tests on Accumulating
    Data", JRSS A 132, 1969. The guard against changed scatter is left out; it answers to less than
    one run in a thousand.
    """
    drift, spread = plan.delta * (mean - plan.delta / 2), plan.delta
    nodes, weights = _open_interval(plan, drift)
    ndtr = scipy.special.ndtr
    # Before ``least`` seeds nothing stops, so that their sum is normal.
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

    Three nodes to each step's scatter carry a normal density to better than 1e-9.
    """
    reach = 8 * plan.delta * math.sqrt(plan.most)
    low = max(plan.fail_at, min(plan.most * drift, 0.0) - reach)
    high = min(plan.pass_at, max(plan.most * drift, 0.0) + reach)
    nodes, weights = _legendre(max(64, math.ceil(3 * (high - low) / plan.delta)))
    return low + (nodes + 1) * (high - low) / 2, weights * (high - low) / 2


@lru_cache(maxsize=64)
def _legendre(count: int) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes, weights


def setback(catches: float, means: Sequence[float], epoch: int) -> float:
    """Return the smallest change that a bound catches, in epochs of training.

    If a metric still moves by 0.02 an epoch and its bound catches 0.01, it sees a model that lags
    half an epoch behind. Where the mean curve has turned back, no lag explains a change.

    Args:
        catches: smallest change of the metric that the bound catches.
        means: mean of the metric over the reference after each epoch.
        epoch: epoch at which it is judged, from 1. The slope is taken from the epoch before; for
            the first epoch, to the second.

    Returns:
        Epochs; inf where the metric moves against its trend over the whole run, or has one epoch.
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
"""Legend of a line in brief."""


def weighed(
    values: Sequence[float], bound: Bound, sides: Sequence[Plan], decisions: Sequence[Decision]
) -> str:
    """Return value, n, bound, log-likelihood ratio against its limits, and the price."""
    value = f"{shown(bound.metric, fmean(values))} (n={len(values)})"
    ratios = " and ".join(f"{decision.ratio:+.1f}" for decision in decisions)
    limits = f"pass from {sides[0].pass_at:+.1f}, fail to {sides[0].fail_at:+.1f}"
    parts = [value, f"bound {bound.words}", f"log-likelihood ratio {ratios} ({limits})"]
    if any(decision.scatter_changed for decision in decisions):
        parts.append(f"the seeds scatter more than the reference: t-test at {sides[0].most} seeds")
    return "; ".join([*parts, priced(bound, sides)])


def in_brief(evidence: str) -> str:
    """Return the line with its set phrases shortened and every number kept; see ``BRIEF``."""
    for phrase, short in _SHORTER.items():
        evidence = re.sub(phrase, short, evidence)
    return evidence


def priced(bound: Bound, sides: Sequence[Plan]) -> str:
    """Return the price of a bound in words."""
    cost = price(sides)
    amount = shown_difference(bound.metric, cost.catches).removeprefix("+")
    change = "a loss" if len(sides) == 1 else "a change"
    return (
        f"unchanged code fails {percent(cost.false_alarm)}; "
        f"{change} of {amount} is caught with {100 * POWER:.0f} % power"
    )


def percent(probability: float) -> str:
    """Return a small probability in per cent with two significant digits."""
    return "less than 0.001 %" if probability < 1e-5 else f"{100 * probability:.2g} %"
