"""Several measurements as one figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles, stdev

from fitting_room.judge.censored import EpochsToTarget


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Mean over seeds."""

    mean: float
    sd: float | None
    """Between seeds, n − 1 degrees of freedom; None for a single one, whose scatter is unknown."""
    n: int
    values: tuple[float, ...]
    """In the order of the seeds."""


@dataclass(frozen=True, kw_only=True)
class Quartiles:
    """Median of timings, with the quartiles around it; seconds."""

    median: float
    lower: float
    upper: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Target:
    """How soon a metric of a case reached a target of its task."""

    metric: str
    target: float
    found: EpochsToTarget | None
    """None where nothing was trained."""

    @property
    def words(self) -> str:
        """As a heading has it: ``99.5 % training accuracy``."""
        return f"{100 * self.target:g} % {self.metric.replace('_', ' ')}"


def figure(values: Sequence[float]) -> Figure | None:
    """Summarise one value per seed, or return None where there is none."""
    if not values:
        return None
    sd = stdev(values) if len(values) > 1 else None
    return Figure(mean=fmean(values), sd=sd, n=len(values), values=tuple(values))


def quartiles(values: Sequence[float]) -> Quartiles | None:
    """Summarise timings in seconds, quartiles by linear interpolation; None where there is none."""
    if not values:
        return None
    # Python before 3.13 takes no single value.
    lower, median, upper = quantiles(
        [*values, values[0]][: max(2, len(values))], method="inclusive"
    )
    return Quartiles(median=median, lower=lower, upper=upper, n=len(values))
