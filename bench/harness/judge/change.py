"""How one metric of one case changed from base to head, and the evidence for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.harness.judge.verdict import Verdict
from bench.harness.judge.words import shown_difference

Outcome = Literal["same", "changed", "regression", "improvement", "undecided", "not comparable"]

RED: frozenset[Outcome] = frozenset({"changed", "regression"})
"""Outcomes that fail a gate; ``changed`` is another count, or a training that runs differently."""

FASTER = 0.5
"""Stored times below this share of base's are flagged: head may not do the same work."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """How one metric changed."""

    metric: str
    outcome: Outcome
    base: float | None = None
    """Mean over the seeds, in the metric's own unit; None where there is none."""
    head: float | None = None
    seeds: tuple[int, int] = (0, 0)
    """Numbers of seeds of base and head; for interleaved times numbers of pairs."""
    evidence: str
    """One line for a person, with the numbers."""
    warned: bool = False
    """Whether it is so near to a regression that somebody should look."""


@dataclass(frozen=True, kw_only=True)
class Test:
    """The result of one test, before it is adjusted for the others."""

    p_value: float
    direction: Outcome
    """The outcome if it is not chance."""
    base: float | None
    head: float | None
    seeds: tuple[int, int]
    result: str
    """Evidence to print before the p-value."""
    price: str = ""
    """Evidence to print after it."""


def not_comparable(metric: str, reason: str) -> Change:
    """Return that two sides cannot be compared, and why."""
    return Change(metric=metric, outcome="not comparable", evidence=reason)


def judge_count(metric: str, base: Sequence[int], head: Sequence[int]) -> Change:
    """Compare a count, which is exact: any other number is a change.

    Args:
        metric: its name.
        base: count of each record of base; empty where none counted it.
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
        faster: ratio at or below which a gain is suspicious.
        warn: ratio at or above which a pass is flagged.
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
