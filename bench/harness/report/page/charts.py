"""Small charts as plain geometry, for a template to turn into SVG; colours are the page's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360, 230
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 42
"""Margins; all in the units of the view box."""

MOST_TICKS = 6

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What a coordinate means, and how far it goes."""

    label: str
    """With its unit."""
    low: float
    high: float
    whole: bool = False
    """Whether only whole numbers are labelled."""
    scale: float = 1
    """What values are multiplied with before they are shown, such as 100 for per cent."""

    def share(self, value: float) -> float:
        """Return where a value lies, from 0 at the low end to 1 at the high one."""
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Return the round values within the axis, with their labels."""
        low, high = self.scale * self.low, self.scale * self.high
        step = _step(high - low)
        step = max(1, math.ceil(step)) if self.whole else step
        places = max(0, -math.floor(math.log10(step) + 1e-9))
        found = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
        return [(number * step / self.scale, f"{number * step:.{places}f}") for number in found]


def over(
    values: Sequence[float],
    label: str,
    *,
    whole: bool = False,
    scale: float = 1,
    zero: bool = False,
) -> Axis:
    """Return an axis that holds all values with a little room, from 0 on if ``zero``."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = 0.05 * (high - low) or 0.5 / scale
    return Axis(
        label=label, low=0 if zero else low - room, high=high + room, whole=whole, scale=scale
    )


def _step(span: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that gives few enough ticks."""
    power: float = 10 ** math.floor(math.log10(span / MOST_TICKS))
    return next(power * digit for digit in (1, 2, 5, 10) if span / (power * digit) <= MOST_TICKS)


@dataclass(frozen=True, kw_only=True)
class Line:
    """Points in order, drawn in the way of one CSS class."""

    kind: str
    points: Points


@dataclass(frozen=True, kw_only=True)
class Dot:
    """One measurement, told in words to who points at it."""

    kind: str
    x: float
    y: float
    told: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """All that the template needs; ``place`` turns values into coordinates."""

    title: str
    x: Axis
    y: Axis
    lines: Sequence[Line] = ()
    dots: Sequence[Dot] = ()
    key: Sequence[tuple[str, str]] = ()
    """CSS class and words of each kind of line or dot."""
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM

    def across(self, value: float) -> str:
        """Return the horizontal coordinate of a value."""
        return f"{LEFT + self.x.share(value) * (self.right - LEFT):.1f}"

    def down(self, value: float) -> str:
        """Return the vertical coordinate of a value."""
        return f"{self.bottom - self.y.share(value) * (self.bottom - TOP):.1f}"

    def path(self, line: Line) -> str:
        """Return the points of a line as SVG takes them."""
        return " ".join(f"{self.across(x)},{self.down(y)}" for x, y in line.points)
