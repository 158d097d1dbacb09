"""The truncated sequential probability ratio test: seeds are added only while it is open."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import scipy

from bench.harness.judge.plan import Plan, chi2_quantile
from bench.harness.judge.verdict import Outcome

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
        outcome = _crossed(ratio, plan, last=k == plan.most)
        if outcome != "undecided":
            return Decision(outcome=outcome, seeds=k, ratio=ratio)
    return Decision(outcome="undecided", seeds=len(values), ratio=ratio)


def _crossed(ratio: float, plan: Plan, *, last: bool) -> Outcome:
    if ratio >= plan.pass_at or (last and ratio >= 0):
        return "pass"
    if ratio <= plan.fail_at or last:
        return "fail"
    return "undecided"


def scatter_changed(values: Sequence[float], sigma: float) -> bool:
    """Return whether the values, two or more, scatter more than ``sigma`` can explain."""
    degrees = len(values) - 1
    return _squares(values) > sigma**2 * chi2_quantile(SCATTER_CHANGED, degrees)


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
        needed = float(scipy.stats.t.ppf(1 - plan.beta, n - 1)) * error
        outcome = "pass" if above >= needed else "undecided" if above >= 0 else "fail"
    ratio = sum(plan.step(value) for value in values)
    return Decision(outcome=outcome, seeds=n, ratio=ratio, scatter_changed=True)


def decide_all(
    values: Sequence[float], sides: Sequence[Plan], *, diverged: int = 0
) -> tuple[Outcome, int, tuple[Decision, ...]]:
    """Decide every side of a bound: pass needs them all, one that fails is enough to fail.

    Args:
        values: of the seeds that converged, in seed order.
        sides: from ``plan.plans``.
        diverged: seeds that did not converge; they count towards the seed limit.

    Returns:
        The outcome, the number of converged seeds it rests on, and the decision of each side.
    """
    if diverged:
        sides = [_shortened(side, diverged) for side in sides]
    decisions = tuple(decide(values, side) for side in sides)
    outcomes = [decision.outcome for decision in decisions]
    if "fail" in outcomes:
        seeds = min(d.seeds for d in decisions if d.outcome == "fail")
        return "fail", seeds, decisions
    seeds = max(decision.seeds for decision in decisions)
    return ("undecided" if "undecided" in outcomes else "pass"), seeds, decisions


def _shortened(side: Plan, diverged: int) -> Plan:
    most = max(side.most - diverged, 1)
    return replace(side, most=most, least=min(side.least, most))
