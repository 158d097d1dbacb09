"""Accuracy against what it costs: every seed, what was published, and the frontier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fitting_room.analysis.rows import Row
from fitting_room.report.plots.theme import Line, Look, Theme, label, logarithmic, note, percent

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


WIDTHS = (2.1, 1)
"""Of two tasks beside each other: the first has more architectures."""

SHORTEST = 22.0
"""Pixels between a claim and a measurement that leave room for an arrow."""

Marker = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What an architecture asks for."""

    axis: str
    """With its unit."""
    of: Callable[[Row], tuple[float, float, float] | None]
    """Lower quartile, value, upper quartile; all the same where it is exact."""
    claimed: str = ""
    """The metric whose published figure is shown; none where that is another machine's."""


def _parameters(row: Row) -> tuple[float, float, float] | None:
    return (row.parameters,) * 3 if row.parameters else None


def _seconds(row: Row) -> tuple[float, float, float] | None:
    found = row.seconds_per_epoch
    return (found.lower, found.median, found.upper) if found else None


PARAMETERS = Cost(axis="parameters (log scale)", of=_parameters, claimed="parameters")
SECONDS = Cost(axis="median seconds per epoch (log)", of=_seconds)


@dataclass(frozen=True, kw_only=True)
class _Spot:
    """Where an architecture stands."""

    name: str
    cost: tuple[float, float, float]
    values: tuple[float, ...]
    mean: float
    claim: Marker | None

    @property
    def point(self) -> Marker:
        return self.cost[1], self.mean

    @property
    def paths(self) -> list[Line]:
        """What a name must not cover."""
        low, middle, high = self.cost
        seeds: list[Line] = [[(middle, value)] for value in self.values]
        claim: list[Line] = [[self.claim, self.point]] if self.claim else []
        return [*seeds, [(low, self.mean), (high, self.mean)], *claim]


def tradeoff(
    panels: Sequence[tuple[str, Sequence[Row]]], cost: Cost, theme: Theme, *, small_print: str
) -> Figure:
    """Draw test accuracy against a cost, one panel for each title and its rows."""
    figure = Figure(figsize=(8.4, 4.3))
    widths = WIDTHS if len(panels) == len(WIDTHS) else (1,) * len(panels)
    grid = figure.subplots(1, len(panels), squeeze=False, width_ratios=widths)[0]
    found = [_spots(rows, cost) for _, rows in panels]
    for axes, (title, _), spots in zip(grid, panels, found, strict=True):
        axes.set(title=title, xlabel=cost.axis)
        _draw(axes, spots, theme)
    grid[0].set_ylabel("test accuracy after the last epoch (%)")
    claimed = any(spot.claim for spots in found for spot in spots)
    figure.legend(handles=_key(theme, cost, claimed=claimed), loc="outside upper center", ncols=4)
    note(figure, small_print, theme)
    figure.draw_without_rendering()
    for axes, spots in zip(grid, found, strict=True):
        _arrows(axes, spots, theme)
        paths = [path for spot in spots for path in spot.paths]
        best = steps(frontier([spot.point for spot in spots]))
        label(axes, [(spot.name, *spot.point) for spot in spots], avoid=[*paths, best])
    return figure


def _spots(rows: Sequence[Row], cost: Cost) -> list[_Spot]:
    return [
        _Spot(
            name=row.architecture,
            cost=at,
            values=row.test_accuracy.values,
            mean=row.test_accuracy.mean,
            claim=_claim(row, cost),
        )
        for row in rows
        if row.test_accuracy and (at := cost.of(row))
    ]


def _claim(row: Row, cost: Cost) -> Marker | None:
    """Return the published point; of a range such as "more than 99.5 %" the lower end."""
    x, y = row.published.get(cost.claimed), row.published.get("test_accuracy")
    return (x.low, y.low) if x and y else None


def _draw(axes: Axes, spots: Sequence[_Spot], theme: Theme) -> None:
    logarithmic(axes.xaxis)
    percent(axes.yaxis)
    best = steps(frontier([spot.point for spot in spots]))
    axes.plot(*np.transpose(best), color=theme.muted, lw=1, ls=":")
    for spot in spots:
        low, middle, high = spot.cost
        axes.plot([middle] * len(spot.values), spot.values, **_seed(theme))
        axes.plot([low, high], [spot.mean] * 2, **_quartiles(theme))
        axes.plot(*spot.point, **_average(theme))
        if spot.claim:
            axes.plot(*spot.claim, **_published(theme))
    axes.margins(0.14, 0.08)


def _arrows(axes: Axes, spots: Sequence[_Spot], theme: Theme) -> None:
    """Point from each claim to its measurement, where there is room between them."""
    for spot in spots:
        ends = [spot.claim or spot.point, spot.point]
        begin, end = axes.transData.transform(ends)
        if np.hypot(*(end - begin)) > SHORTEST:
            look = {"arrowstyle": "->", "color": theme.muted, "lw": 0.8, "shrinkA": 4, "shrinkB": 6}
            axes.annotate("", ends[1], ends[0], arrowprops=look, in_layout=False)


def _seed(theme: Theme) -> Look:
    return {"ls": "", "marker": "_", "color": theme.test, "ms": 10, "mew": 1, "alpha": 0.7}


def _average(theme: Theme) -> Look:
    return {"ls": "", "marker": "D", "color": theme.test, "ms": 6.5, "mec": theme.paper, "mew": 0.8}


def _quartiles(theme: Theme) -> Look:
    return {"color": theme.test, "lw": 1.2}


def _published(theme: Theme) -> Look:
    hollow = {"mfc": theme.paper, "mec": theme.published, "mew": 1.4, "ms": 6}
    return {"ls": "", "marker": "s", **hollow}


def _key(theme: Theme, cost: Cost, *, claimed: bool) -> list[Line2D]:
    looks = {"mean over seeds": _average(theme), "one seed": _seed(theme)}
    if claimed:
        looks["as published"] = _published(theme)
    if not cost.claimed:
        looks["quartiles of the seconds"] = _quartiles(theme)
    looks["frontier of the means"] = {"color": theme.muted, "lw": 1, "ls": ":"}
    return [Line2D([], [], label=name, **look) for name, look in looks.items()]
