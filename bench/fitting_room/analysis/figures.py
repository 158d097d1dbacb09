"""Several measurements as one figure, and no more of its digits than its scatter supports."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles, stdev

from fitting_room.judge.censored import EpochsToTarget

NEVER = "∞"


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


def spanned(counts: Iterable[int]) -> str:
    """Return ``10–20``, or ``10`` where all counts are that; at least one is needed."""
    found = [*counts]
    return "–".join(f"{end}" for end in dict.fromkeys([min(found), max(found)]))


def decimals(spread: float | None, *, most: int, alone: int) -> int:
    """Return how many decimals a figure with that scatter deserves.

    The scatter keeps one significant digit, two where it begins with 1, and the figure ends where
    its scatter does; never beyond ``most``, and ``alone`` where no scatter is known.
    """
    if spread is None:
        return alone
    if spread <= 0:
        return most
    leading = math.floor(math.log10(spread))
    digits = 1 if spread / 10**leading < 2 else 0
    return min(max(digits - leading, 0), most)


def with_spread(found: Figure, *, scale: float = 1, most: int, alone: int) -> str:
    """Return ``87.23 ± 0.08 (20)``: mean, sd and number of seeds; ``87.2 (1)`` for a single one."""
    mean, sd = scale * found.mean, None if found.sd is None else scale * found.sd
    places = decimals(sd, most=most, alone=alone)
    spread = "" if sd is None else f" ± {sd:.{places}f}"
    return f"{mean:.{places}f}{spread} ({found.n})"
