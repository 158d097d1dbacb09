"""The verdict: the decision on one metric, and the numbers it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from bench.harness.judge.bound import Bound

Outcome = Literal["pass", "fail", "undecided", "not comparable"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The decision on one metric of one case."""

    metric: str
    outcome: Outcome
    value: float | None
    """Mean over the seeds it rests on, in the metric's own unit; None where there is none."""
    n: int
    """Number of seeds (pairs, for times) it rests on."""
    bound: str
    """The bound in words, such as ``≥ 89.0 %``."""
    evidence: str
    """One line for a person, with the numbers; complete without colour."""
    epoch: int | None = None
    """Epoch of a learning curve that decided, from 1."""

    @property
    def passed(self) -> bool:
        """Whether the bound is met; undecided is not passed."""
        return self.outcome == "pass"


def verdict_on(
    bound: Bound, outcome: Outcome, values: Sequence[float | None], evidence: str
) -> Verdict:
    """Return the verdict that rests on the seeds ``values``, None for those that diverged."""
    numbers = [value for value in values if value is not None]
    return Verdict(
        metric=bound.metric,
        outcome=outcome,
        value=fmean(numbers) if numbers else None,
        n=len(values),
        bound=bound.words,
        evidence=evidence,
    )
