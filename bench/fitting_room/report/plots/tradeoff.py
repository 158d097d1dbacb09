"""Accuracy against what it costs: every seed, what was published, and the frontier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from fitting_room.analysis.rows import Row
from fitting_room.report.plots.theme import Look, Theme, explained, logarithmic, marks, percent

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

MEAN, SEED, PUBLISHED = "mean over seeds", "one seed", "as published"
QUARTILES, FRONTIER = "quartiles of the seconds", "frontier of the means"
"""What is drawn, as the key has it."""


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
    claim: Point | None

    @property
    def point(self) -> Point:
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
    explained(figure, _key(theme, cost, claimed=claimed), small_print, theme)
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


def _claim(row: Row, cost: Cost) -> Point | None:
    """Return the published point; of a range such as "more than 99.5 %" the lower end."""
    x, y = row.published.get(cost.claimed), row.published.get("test_accuracy")
    return (x.low, y.low) if x and y else None


def _draw(axes: Axes, spots: Sequence[_Spot], theme: Theme) -> None:
    logarithmic(axes.xaxis)
    percent(axes.yaxis)
    best = steps(frontier([spot.point for spot in spots]))
    look = _looks(theme)
    axes.plot(*np.transpose(best), **look[FRONTIER])
    for spot in spots:
        low, middle, high = spot.cost
        axes.plot([middle] * len(spot.values), spot.values, **look[SEED])
        axes.plot([low, high], [spot.mean] * 2, **look[QUARTILES])
        axes.plot(*spot.point, **look[MEAN])
        if spot.claim:
            axes.plot(*spot.claim, **look[PUBLISHED])
    axes.margins(0.14, 0.08)


def _arrows(axes: Axes, spots: Sequence[_Spot], theme: Theme) -> None:
    """Point from each claim to its measurement, where there is room between them."""
    for spot in spots:
        ends = [spot.claim or spot.point, spot.point]
        begin, end = axes.transData.transform(ends)
        if np.hypot(*(end - begin)) > SHORTEST:
            look = {"arrowstyle": "->", "color": theme.muted, "lw": 0.8, "shrinkA": 4, "shrinkB": 6}
            axes.annotate("", ends[1], ends[0], arrowprops=look, in_layout=False)


def _looks(theme: Theme) -> dict[str, Look]:
    hollow = {"mfc": theme.paper, "mec": theme.published, "mew": 1.4, "ms": 6}
    return {
        MEAN: marks("D", theme.test, ms=6.5, mec=theme.paper, mew=0.8),
        SEED: marks("_", theme.test, ms=10, mew=1, alpha=0.7),
        PUBLISHED: {"ls": "", "marker": "s", **hollow},
        QUARTILES: {"color": theme.test, "lw": 1.2},
        FRONTIER: {"color": theme.muted, "lw": 1, "ls": ":"},
    }


def _key(theme: Theme, cost: Cost, *, claimed: bool) -> dict[str, Look]:
    unused = {*([] if claimed else [PUBLISHED]), *([QUARTILES] if cost.claimed else [])}
    return {name: look for name, look in _looks(theme).items() if name not in unused}


PLACES = (
    *((8, 0), (-8, 0), (0, 8), (0, -8), (7, 6), (7, -6), (-7, 6), (-7, -6)),
    *((9, 14), (9, -14), (-9, 14), (-9, -14)),
)
"""Offsets of a name in points, the best first."""

AROUND = 3.0
"""Pixels that a point takes to each side, and the distance between those of a line."""

Line = Sequence[Point]
"""A line from point to point, or a single point; coordinates of the axes."""


def label(
    axes: Axes, names: Sequence[tuple[str, float, float]], *, avoid: Sequence[Line]
) -> list[Annotation]:
    """Write each (name, x, y) beside its point, at the place that hides least.

    Args:
        axes: Laid out, with their final limits; what does not fit into them is not free.
        names: With the coordinates of their points.
        avoid: Points and lines that are to stay visible.
    """
    FigureCanvasAgg(axes.figure.get_figure(root=True))  # it measures text
    paths = [*avoid, *([(x, y)] for _, x, y in names)]
    taken = np.concatenate([_squares(axes.transData.transform(path)) for path in paths])
    written, room = [], np.array(axes.bbox.extents)
    for name, x, y in names:
        text = axes.annotate(
            name, (x, y), (0, 0), textcoords="offset points", fontsize=8.5, in_layout=False
        )
        boxes = [_moved(text, place) for place in PLACES]
        hidden = [_shared(box, taken) - _shared(box, room) for box in boxes]
        areas = [_shared(box, box) for box in boxes]
        best = min(range(len(boxes)), key=lambda at: hidden[at] + areas[at])
        taken = np.vstack([taken, _moved(text, PLACES[best])])
        written.append(text)
    return written


def _moved(text: Annotation, place: tuple[float, float]) -> np.ndarray:
    """Put a name at an offset from its point; return what it covers: left, bottom, right, top."""
    x, y = np.sign(place).astype(int)
    text.set(position=place, ha=("center", "left", "right")[x], va=("center", "bottom", "top")[y])
    return np.array(text.get_window_extent().extents)


def _squares(path: np.ndarray) -> np.ndarray:
    """Cover a path, shape (points, 2), pixels, with small squares, shape (n, 4)."""
    points = [path[0]]
    for begin, end in pairwise(path):
        steps = max(1, int(np.hypot(*(end - begin)) / AROUND))
        points += [begin + (end - begin) * step / steps for step in range(1, steps + 1)]
    return np.hstack([np.array(points) - AROUND, np.array(points) + AROUND])


def _shared(box: np.ndarray, others: np.ndarray) -> float:
    """Return the area, in pixels, that a rectangle shares with others, shape (..., 4)."""
    sides = np.minimum(box[2:], others[..., 2:]) - np.maximum(box[:2], others[..., :2])
    return float(np.prod(np.maximum(sides, 0), axis=-1).sum())
