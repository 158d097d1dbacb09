"""Verdicts on published claims, from numbers alone.

Two rules, one for figures and one for statements:

- A **figure** was seen once. It is reproduced if one more seed of ours may give it. That is so if
  what was printed, with all that rounds to it, meets the 95 % prediction interval of a new seed.
  Beyond that interval it is exceeded where ours is better, and not reproduced where ours is worse.
- A **statement** is about what is so on average. It is reproduced if the 95 % confidence interval
  of what it speaks of lies within what it says, refuted if the two do not meet, else undecided. The
  intervals of a statement about several things hold together (Bonferroni).

A claim that is not reproduced, and that another claim of its source excludes, is contradicted by
its own source. That is not the fault of its readers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fitting_room.judge.interval import Interval
from fitting_room.judge.verdict import Outcome

Label = Literal[
    "reproduced",
    "exceeded",
    "not reproduced",
    "contradicted by its own source",
    "undecided",
    "not comparable",
]
OUTCOMES: Mapping[Label, Outcome] = {
    "reproduced": "pass",
    "exceeded": "pass",
    "not reproduced": "fail",
    "contradicted by its own source": "fail",
    "undecided": "undecided",
    "not comparable": "not comparable",
}

Better = Literal["higher", "lower"]

LEAST_SEEDS = 5
"""The fewest seeds: with fewer the interval of a new one is so wide that any figure is in it."""

_NUMBER = re.compile(r"\d[\d,]*(?:\.(\d+))?\s*(%|points)?")


@dataclass(frozen=True, kw_only=True)
class Check:
    """Something measured, and the range that a statement claims for it."""

    found: Interval
    low: float
    high: float

    @property
    def place(self) -> Literal["inside", "above", "below", "across"]:
        """The place of the interval: in the range, beyond it, or across an end."""
        if self.low < self.found.low and self.found.high < self.high:
            return "inside"
        if self.found.low >= self.high:
            return "above"
        return "below" if self.found.high <= self.low else "across"


def judge_figure(found: Interval, claimed: Interval, *, seeds: int, better: Better | None) -> Label:
    """Judge a figure.

    Args:
        found: where one more seed may fall.
        claimed: what was printed, with all that rounds to it.
        seeds: that ``found`` rests on.
        better: which way the metric is better; None where neither is.
    """
    if not exclude(found, claimed):
        return "reproduced" if seeds >= LEAST_SEEDS else "undecided"
    higher = found.low > claimed.high
    return "exceeded" if better == ("higher" if higher else "lower") else "not reproduced"


def judge_statement(checks: Sequence[Check], *, better: Better | None) -> Label:
    """Judge a statement that says something of each of ``checks``.

    Args:
        checks: at least one.
        better: which way beyond the claimed range is better; None where neither is.
    """
    places = {check.place for check in checks}
    good = {"higher": "above", "lower": "below", None: None}[better]
    if places & {"above", "below"} - {good}:
        return "not reproduced"
    if "across" in places:
        return "undecided"
    return "exceeded" if good in places else "reproduced"


def with_its_source(outcome: Label, *, contradicted: bool) -> Label:
    """Return the outcome, given whether another claim of the same source excludes this one."""
    return "contradicted by its own source" if contradicted and outcome != "reproduced" else outcome


def exclude(one: Interval, other: Interval) -> bool:
    """Return whether two printed figures of one quantity cannot both be right."""
    return one.low > other.high or other.low > one.high


def as_printed(printed: str, low: float, high: float) -> Interval:
    """Return a claimed range with all that rounds to its ends as they are printed.

    >>> as_printed("87.3%", 0.873, 0.873).low
    0.8725

    A figure with a sign such as ``>99.5%``, and one without digits, stands for what it says.
    """
    half = 0.0 if printed.strip().startswith((">", "<", "≥", "≤")) else _half_unit(printed)
    middle = (low + high) / 2 if math.isfinite(high) else low
    return Interval(estimate=middle, low=low - half, high=high + half)


def _half_unit(printed: str) -> float:
    found = _NUMBER.search(printed)
    if not found or "," in found[0]:  # a count with thousands separators is exact
        return 0.0
    unit = 10.0 ** -len(found[1] or "")
    return unit / 200 if re.search(r"%|points", printed) else unit / 2
