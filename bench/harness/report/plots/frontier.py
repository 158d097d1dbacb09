"""The Pareto frontier: what nothing else beats at less cost."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, float]
"""Cost and gain."""


def frontier(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other one beats, cheapest first.

    One beats another that costs as much or more and gains no more, unless they are the same.
    """
    best: list[Point] = []
    for point in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or point[1] > best[-1][1]:
            best.append(point)
    return best


def steps(best: Sequence[Point]) -> list[Point]:
    """Return the corners of the line that bounds what can be had at each cost."""
    corners = [(after[0], before[1]) for before, after in pairwise(best)]
    return [point for pair in zip(best, [*corners, best[-1]], strict=True) for point in pair]
