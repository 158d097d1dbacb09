"""What the seeds of one side gave, as far as it is known."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from bench.harness.judge.words import shown


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One metric of one case over the seeds of one side."""

    values: tuple[float, ...]
    """Of the seeds that gave one, in seed order."""
    lost: int = 0
    """Seeds that diverged or were given up."""

    @property
    def mean(self) -> float | None:
        """Over the seeds that gave a value; None where none did."""
        return fmean(self.values) if self.values else None

    @property
    def seeds(self) -> int:
        """Seeds that ran."""
        return len(self.values) + self.lost

    def words(self, metric: str) -> str:
        """Return ``87.02 % (n=6)``."""
        found = shown(metric, self.mean) if self.mean is not None else "—"
        lost = f", {self.lost} more diverged" if self.lost else ""
        return f"{found} (n={len(self.values)}{lost})"


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """Epochs to a target over the seeds of one side, censored where they never reached it."""

    epochs: tuple[int | None, ...]
    """At which each seed reached it; None where it did not."""
    watched: tuple[int, ...]
    """Epochs that each seed ran."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """Has this metric changed?"""

    metric: str
    base: Sample | Arrivals
    head: Sample | Arrivals
