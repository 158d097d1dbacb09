"""The seeds of one side of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from bench.harness.judge.words import shown


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One metric of one case over the seeds of one side."""

    values: tuple[float, ...]
    """One for each seed that gave a value, in seed order."""
    diverged: int = 0
    """Number of seeds that diverged or were given up."""

    @property
    def mean(self) -> float | None:
        """Mean over the seeds that gave a value; None where none did."""
        return fmean(self.values) if self.values else None

    @property
    def seeds(self) -> int:
        """Seeds that ran."""
        return len(self.values) + self.diverged

    def words(self, metric: str) -> str:
        """Return ``87.02 % (n=6)``."""
        mean = shown(metric, self.mean) if self.mean is not None else "—"
        more = f", {self.diverged} more diverged" if self.diverged else ""
        return f"{mean} (n={len(self.values)}{more})"


@dataclass(frozen=True, kw_only=True)
class Arrivals:
    """Epochs to a target over the seeds of one side, censored where they never reached it."""

    epochs: tuple[int | None, ...]
    """Epoch at which each seed reached it; None where it did not."""
    watched: tuple[int, ...]
    """Epochs that each seed ran."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """Has this metric changed?"""

    metric: str
    base: Sample | Arrivals
    head: Sample | Arrivals
