"""The verdict on one metric, the bound that it is held to, and the rules for published claims.

A claim is judged from numbers alone, by one of two rules:

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
from statistics import fmean
from typing import Literal

from fitting_room.format import Interval, shown_limits
from fitting_room.metrics import Better

Outcome = Literal["pass", "fail", "undecided", "not comparable"]
Question = Literal["within this bound", "same as that base", "as published"]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The answer to one question about one subject: the only kind of answer there is."""

    subject: str = ""
    """The name of the case or the claim that it is about; empty until the caller fills it in."""
    metric: str
    question: Question = "within this bound"
    against: str
    """The bound, the base's figure or the published one, in words: ``≥ 89.0 %``."""
    outcome: Outcome
    label: str = ""
    """The outcome in the words of its question: ``regression``, ``reproduced``."""
    estimate: float | None
    """The measured value in the metric's own unit: a mean over seeds, or a difference of two."""
    interval: Interval | None = None
    """The confidence interval of the estimate, or the prediction interval of one more seed."""
    n: int
    """Number of seeds (pairs, for times) it rests on."""
    reason: str
    """One line for a person, with the numbers; complete without colour."""
    epoch: int | None = None
    """Epoch of a learning curve that decided, from 1."""
    records: tuple[str, ...] = ()
    """Keys of the records that it rests on."""

    @property
    def passed(self) -> bool:
        """Whether the bound is met; undecided is not passed."""
        return self.outcome == "pass"


def verdict_on(
    bound: Bound, outcome: Outcome, values: Sequence[float | None], reason: str
) -> Verdict:
    """Return the verdict that rests on the seeds ``values``, None for those that diverged."""
    numbers = [value for value in values if value is not None]
    return Verdict(
        metric=bound.metric,
        outcome=outcome,
        estimate=fmean(numbers) if numbers else None,
        n=len(values),
        against=bound.words,
        reason=reason,
    )


EPOCHS, TO_TARGET = "epochs_to_target", "seconds_to_target"
KINDS = {"exactly": "= ", "at_least": "≥ ", "at_most": "≤ ", "between": ""}
"""Kind of limit → the sign before it, in words."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """One of four kinds of limit; ``sd``, ``reference_seeds`` and ``mean`` are all given or none.

    Accuracies are fractions, losses are in nats, epochs and parameters are counts.

    Raises:
        ValueError: not exactly one kind, no reason, a number that is not finite, a band upside
            down, half a reference, or a reference that would not meet the bound itself.
    """

    metric: str
    exactly: int | None = None
    at_least: float | None = None
    at_most: float | None = None
    between: tuple[float, float] | None = None
    """Lowest and highest accepted."""
    reason: str
    sd: float | None = None
    """Standard deviation between the reference seeds."""
    reference_seeds: int | None = None
    mean: float | None = None
    """Mean of the reference seeds."""

    def __post_init__(self) -> None:
        """Refuse a bound that cannot be applied."""
        kinds = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise ValueError(f"one of {', '.join(KINDS)} is needed; found {kinds or 'none'}")
        if not self.reason.strip():
            raise ValueError("a reason is needed: why the bound sits where it does")
        numbers = [*self.limits, self.sd or 0.0, self.mean or 0.0]
        if self.metric == EPOCHS:  # a target that need not be reached at all
            numbers = [number for number in numbers if number != math.inf]
        if not all(map(math.isfinite, numbers)):
            raise ValueError("every number must be finite")
        if self.limits[0] > self.limits[-1]:
            raise ValueError("the lower end of the band lies above its upper end")
        self._check_reference()

    def _check_reference(self) -> None:
        if self.sd is self.reference_seeds is self.mean is None:
            return
        if self.sd is None or self.reference_seeds is None or self.mean is None:
            raise ValueError("sd, seeds and mean describe one reference: give all three or none")
        if self.exactly is not None:
            raise ValueError("an exact count has no scatter: leave sd, seeds and mean out")
        if self.metric == TO_TARGET:
            raise ValueError("each seed is held to it by itself: leave sd, seeds and mean out")
        if self.sd <= 0 or self.reference_seeds < 2:
            raise ValueError("a reference needs sd > 0 from at least 2 seeds")
        if not self.lowest < self.mean < self.highest:
            raise ValueError("the mean of the reference does not meet the bound itself")

    @property
    def kind(self) -> str:
        """One of ``KINDS``."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def limits(self) -> tuple[float, ...]:
        """The numbers of the bound: two for a band, else one."""
        return self.between or (getattr(self, self.kind),)

    @property
    def lowest(self) -> float:
        """The smallest accepted value; -inf where nothing is too small."""
        return -math.inf if self.at_most is not None else self.limits[0]

    @property
    def highest(self) -> float:
        """The largest accepted value; inf where nothing is too large."""
        return math.inf if self.at_least is not None else self.limits[-1]

    @property
    def has_reference(self) -> bool:
        """Whether the reference's standard deviation is known, which the sequential test needs."""
        return self.sd is not None

    @property
    def words(self) -> str:
        """The bound as a person reads it: ``≥ 89.0 %``, ``= 243,786``, ``0.281–0.305``."""
        return KINDS[self.kind] + shown_limits(self.metric, self.limits)

    def met_by(self, value: float) -> bool:
        """Return whether a value lies within, ends included."""
        return self.lowest <= value <= self.highest

    def margin(self, value: float) -> float:
        """Return the distance to the nearest end: positive within the bound, negative outside."""
        return min(value - self.lowest, self.highest - value)


ClaimLabel = Literal[
    "reproduced",
    "exceeded",
    "not reproduced",
    "contradicted by its own source",
    "undecided",
    "not comparable",
]
CLAIM_OUTCOMES: Mapping[ClaimLabel, Outcome] = {
    "reproduced": "pass",
    "exceeded": "pass",
    "not reproduced": "fail",
    "contradicted by its own source": "fail",
    "undecided": "undecided",
    "not comparable": "not comparable",
}

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


def judge_figure(
    found: Interval, claimed: Interval, *, seeds: int, better: Better = "neither"
) -> ClaimLabel:
    """Judge a figure by where one more seed may fall, which is ``found`` from so many seeds.

    ``claimed`` is what was printed, with all that rounds to it.
    """
    if not exclude(found, claimed):
        return "reproduced" if seeds >= LEAST_SEEDS else "undecided"
    higher = found.low > claimed.high
    return "exceeded" if better == ("higher" if higher else "lower") else "not reproduced"


def judge_statement(checks: Sequence[Check], *, better: Better = "neither") -> ClaimLabel:
    """Judge a statement that says something of each of ``checks``, at least one.

    Beyond the claimed range it is exceeded on the better side.
    """
    places = {check.place for check in checks}
    good = {"higher": "above", "lower": "below", "neither": ""}[better]
    if places & {"above", "below"} - {good}:
        return "not reproduced"
    if "across" in places:
        return "undecided"
    return "exceeded" if good in places else "reproduced"


def with_its_source(outcome: ClaimLabel, *, contradicted: bool) -> ClaimLabel:
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
