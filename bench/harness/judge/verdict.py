"""The verdict: what was decided about one metric, and on which numbers it rests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["pass", "fail", "undecided", "not comparable"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was decided about one metric of one case."""

    metric: str
    outcome: Outcome
    value: float | None
    """Mean over the seeds it rests on, in the metric's own unit; None where there is none."""
    n: int
    """Seeds (or pairs, for times) it rests on."""
    bound: str
    """In words, such as ``≥ 89.0 %``."""
    evidence: str
    """One line for a person, with the numbers; complete without colour."""

    @property
    def passed(self) -> bool:
        """Whether the bound is met; undecided is not passed."""
        return self.outcome == "pass"
