"""The line that a sequential verdict prints: its numbers, its limits and its price."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import fmean

from bench.harness.judge.bound import Bound
from bench.harness.judge.plan import Plan
from bench.harness.judge.price import POWER, price
from bench.harness.judge.sequential import Decision
from bench.harness.judge.words import is_accuracy, shown

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


def diverged_seeds(diverged: int, *, of: int) -> str:
    """Return the remark on seeds that diverged, to be appended to evidence; empty for none."""
    return f"; {diverged} of {of} seeds diverged" if diverged else ""


def in_brief(evidence: str) -> str:
    """Return the line with its set phrases shortened and every number kept; see ``BRIEF``."""
    for phrase, short in _SHORTER.items():
        evidence = re.sub(phrase, short, evidence)
    return evidence


def priced(bound: Bound, sides: Sequence[Plan]) -> str:
    """Return the price of a bound in words."""
    cost = price(sides)
    amount = (
        f"{100 * cost.catches:.2f} points" if is_accuracy(bound.metric) else (f"{cost.catches:.4f}")
    )
    change = "a loss" if len(sides) == 1 else "a change"
    return (
        f"unchanged code fails {percent(cost.false_alarm)}; "
        f"{change} of {amount} is caught with {100 * POWER:.0f} % power"
    )


def percent(probability: float) -> str:
    """Return a small probability in per cent with two significant digits."""
    return "less than 0.001 %" if probability < 1e-5 else f"{100 * probability:.2g} %"
