"""Base against head: what became of one metric of one case, and on what that rests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.harness.judge.verdict import Verdict
from bench.harness.judge.words import shown_difference

Outcome = Literal["same", "changed", "regression", "improvement", "undecided", "not comparable"]

RED: frozenset[Outcome] = frozenset({"changed", "regression"})
"""What no gate lets pass; ``changed``: another count, or a training that goes another way."""

FASTER = 0.5
"""Stored times below this part of base's are pointed at: see that head does the same work."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What became of one metric."""

    metric: str
    outcome: Outcome
    base: float | None = None
    """Mean over the seeds, in the metric's own unit; None where there is none."""
    head: float | None = None
    seeds: tuple[int, int] = (0, 0)
    """Of base and head; of pairs, for interleaved times."""
    evidence: str
    """One line for a person, with the numbers."""
    warned: bool = False
    """Whether it is near enough to a regression to be looked at."""


@dataclass(frozen=True, kw_only=True)
class Test:
    """What one test found, before the others are taken into account."""

    p_value: float
    direction: Outcome
    """What it is if it is not chance."""
    base: float | None
    head: float | None
    seeds: tuple[int, int]
    found: str
    """What is told before the p-value."""
    price: str = ""
    """What is told after it."""


def not_comparable(metric: str, reason: str) -> Change:
    """Return that two sides cannot be compared, and why."""
    return Change(metric=metric, outcome="not comparable", evidence=reason)


def judge_count(metric: str, base: Sequence[int], head: Sequence[int]) -> Change:
    """Hold a count of head to base's: it is exact, so any other number is a change.

    Args:
        metric: its name.
        base: what each record of base counted; none where it counted nothing.
        head: the same of head.
    """
    if not base or not head:
        side = "base" if not base else "head"
        return not_comparable(metric, f"{side} did not count it")
    before, after = base[-1], head[-1]
    same = {*base, *head} == {before}
    difference = shown_difference(metric, after - before)
    return Change(
        metric=metric,
        outcome="same" if same else "changed",
        base=before,
        head=after,
        seeds=(len(base), len(head)),
        evidence=f"{before:,}, exactly" if same else f"{before:,} → {after:,} ({difference})",
    )


def timed(
    verdict: Verdict,
    *,
    base: float | None,
    head: float | None,
    faster: float = FASTER,
    warn: float = math.inf,
) -> Change:
    """Return a verdict on seconds as a change.

    Args:
        verdict: its value is the ratio of head to base.
        base: seconds, as a table shows them.
        head: the same of head.
        faster: ratio from which downwards a gain is suspicious.
        warn: ratio from which upwards one that passes is pointed at.
    """
    outcome: Outcome = "same"
    if verdict.outcome == "fail":
        outcome = "regression"
    elif verdict.outcome != "pass":
        outcome = verdict.outcome
    elif verdict.value is not None and verdict.value <= faster:
        outcome = "improvement"
    return Change(
        metric=verdict.metric,
        outcome=outcome,
        base=base,
        head=head,
        seeds=(verdict.n, verdict.n),
        warned=verdict.outcome == "pass" and (verdict.value or 0.0) >= warn,
        evidence=f"{verdict.evidence}; bound {verdict.bound}" if verdict.n else verdict.evidence,
    )
