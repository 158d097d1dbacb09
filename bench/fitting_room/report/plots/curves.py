"""Curves by epoch, seconds over a run, and the scatter of seeds beside their bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from fitting_room.analysis.figures import Figure as Values
from fitting_room.analysis.rows import Row
from fitting_room.disturbed import LIMIT, Chunk, chunks
from fitting_room.judge.verdict import Bound
from fitting_room.record import Record
from fitting_room.report.plots.theme import Look, Theme, note, percent, whole

ACROSS = 5
"""Columns beside each other."""

MEASURES = {"accuracy": "accuracy (%)", "loss": "loss (nats)"}
IMAGES = ("training", "test")


def curves(
    columns: Sequence[tuple[str, Sequence[Record]]], theme: Theme, *, small_print: str
) -> Figure:
    """Draw accuracy above loss, one column for each title and its completed records.

    A single one has them side by side, and many go on below.
    """
    figure, blocks = _layout(len(columns))
    for places, (measure, name) in zip(blocks, MEASURES.items(), strict=True):
        for number, (axes, (title, records)) in enumerate(zip(places, columns, strict=True)):
            _draw(axes, records, measure, theme)
            whole(axes.xaxis)
            size = 10 if len(columns) == 1 else min(10, 180 / len(title))
            axes.set_title(title if measure == "accuracy" else "", size=size)
            axes.tick_params(labelbottom=measure == "loss" or len(columns) == 1)
            axes.set_xlabel("epoch" if measure == "loss" or len(columns) == 1 else "")
            axes.set_ylabel("" if number % ACROSS else name)
    percent(blocks[0][0].yaxis)
    figure.legend(handles=_key(theme), loc="outside upper center", ncols=4)
    note(figure, small_print, theme)
    return figure


def _layout(count: int) -> tuple[Figure, list[list[Axes]]]:
    """Return the figure, and for accuracy and loss the axes of each column."""
    if count == 1:
        figure = Figure(figsize=(8.4, 3.3))
        return figure, [[axes] for axes in figure.subplots(1, 2, sharex=True)]
    rows, width = math.ceil(count / ACROSS), min(count, ACROSS)
    figure = Figure(figsize=(max(6.4, 1.2 + 1.75 * width), 0.6 + 4 * rows))
    grid = figure.subplots(2 * rows, width, sharex=True, squeeze=False)
    blocks: list[list[Axes]] = [list(grid[row::2].flat) for row in range(2)]
    for block in blocks:
        for number, axes in enumerate(block[1:], start=1):
            axes.sharey(block[0])
            axes.tick_params(labelleft=number % width == 0)
        for axes in block[count:]:
            axes.set_axis_off()
    return figure, [block[:count] for block in blocks]


def _draw(axes: Axes, records: Sequence[Record], measure: str, theme: Theme) -> None:
    for images in IMAGES:
        look = _look(images, theme)
        lines = [_line(record, f"{images}_{measure}") for record in records]
        for line in lines:
            axes.plot(*np.transpose(line), **{**look, **_seed()})
        axes.plot(*np.transpose(_mean(lines)), **look, **_average())


def _line(record: Record, metric: str) -> list[tuple[int, float]]:
    """Return epoch and value, where there is one."""
    pairs = ((epoch.number, getattr(epoch, metric)) for epoch in record.epochs)
    return [(number, value) for number, value in pairs if value is not None]


def _mean(lines: Sequence[Sequence[tuple[int, float]]]) -> list[tuple[int, float]]:
    """Return the mean of each epoch that every seed came to; later ones would be of a choice."""
    values = [dict(line) for line in lines]
    common = set.intersection(*map(set, values)) if values else set()
    return [(epoch, fmean(each[epoch] for each in values)) for epoch in sorted(common)]


def _look(images: str, theme: Theme) -> Look:
    dashes = {"training": (0, (4, 1.5)), "test": "-"}[images]
    return {"color": getattr(theme, images), "ls": dashes}


def _seed() -> Look:
    return {"lw": 0.8, "alpha": 0.45, "ls": "-"}


def _average() -> Look:
    return {"lw": 1.8}


def _key(theme: Theme) -> list[Line2D]:
    test = _look("test", theme)
    looks = {
        "test, after the epoch": test | _average(),
        "training, mean over the epoch": _look("training", theme) | _average(),
        "one seed": test | _seed(),
    }
    return [Line2D([], [], label=name, **look) for name, look in looks.items()]


KINDS = {
    "left alone": "one epoch",
    "disturbed": f"disturbed: over {LIMIT} × the least wall / CPU time",
    "tracing": "first of a seed, with tracing",
}
"""What became of an epoch, and in words."""


def seconds(records: Sequence[Record], title: str, theme: Theme, *, small_print: str) -> Figure:
    """Draw wall seconds of each epoch, seed after seed, above wall time per CPU time."""
    figure = Figure(figsize=(8.4, 4.4))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    found = chunks(records)
    for kind in KINDS:
        own = [(place, chunk) for place, chunk in enumerate(found) if _kind(chunk) == kind]
        places, look = [place for place, _ in own], _seconds_look(kind, theme)
        upper.plot(places, [chunk.epoch.seconds for _, chunk in own], **look)
        lower.plot(places, [chunk.ratio for _, chunk in own], **look)
    upper.set(title=title, ylabel="seconds per epoch", ylim=(0, None))
    lower.axhline(LIMIT, color=theme.bad, lw=1, ls="--")
    lower.set(ylabel="wall / CPU time,\nleast = 1", xlabel="seed, its epochs from left to right")
    _separate(lower, found)
    figure.legend(handles=_seconds_key(theme), loc="outside upper center", ncols=4)
    note(figure, small_print, theme)
    return figure


def _separate(axes: Axes, found: Sequence[Chunk]) -> None:
    """Set a line before each seed, and its number in its middle."""
    starts = [i for i, chunk in enumerate(found) if chunk.tracing]
    edges = [*starts, len(found)]
    middles = [(a + b - 1) / 2 for a, b in pairwise(edges)]
    axes.set_xticks(middles, [str(found[i].seed) for i in starts])
    axes.set_xticks([edge - 0.5 for edge in edges], minor=True)
    axes.set_xlim(-0.5, len(found) - 0.5)
    for each in axes.figure.axes:
        each.grid(visible=False, axis="x", which="major")
        each.grid(visible=True, axis="x", which="minor")
        each.tick_params(axis="x", which="major", length=0)


def _kind(chunk: Chunk) -> str:
    if chunk.tracing:
        return "tracing"
    return "disturbed" if chunk.disturbed else "left alone"


def _seconds_look(kind: str, theme: Theme) -> Look:
    looks: dict[str, Look] = {
        "left alone": {"marker": "o", "color": theme.test, "mec": theme.paper, "ms": 6},
        "tracing": {"marker": "o", "mfc": theme.paper, "mec": theme.test, "mew": 1.3, "ms": 5.5},
        "disturbed": {"marker": "x", "color": theme.bad, "mew": 1.5, "ms": 5.5},
    }
    return {"ls": "", **looks[kind]}


def _seconds_key(theme: Theme) -> list[Line2D]:
    return [
        Line2D([], [], label=name, **_seconds_look(kind, theme)) for kind, name in KINDS.items()
    ]


SEEDS = (-0.36, 0.12)
"""Where in a row, whose middle is 0, its seeds stand, the first one at the top."""

MEAN = 0.26
EDGE = 0.43

Bounds = Callable[[str, str], Bound | None]
"""Case and metric → what it is held to, if anything."""


@dataclass(frozen=True, kw_only=True)
class _Metric:
    of: Callable[[Row], Values | None]
    axis: str
    is_percent: bool


METRICS: Mapping[str, _Metric] = {
    "test_accuracy": _Metric(
        of=lambda row: row.test_accuracy, axis="test accuracy (%)", is_percent=True
    ),
    "test_loss": _Metric(of=lambda row: row.test_loss, axis="test loss (nats)", is_percent=False),
    "training_accuracy": _Metric(
        of=lambda row: row.training_accuracy, axis="training accuracy (%)", is_percent=True
    ),
}


def seeds(rows: Sequence[Row], bounds: Bounds, theme: Theme, *, small_print: str) -> Figure:
    """Draw one row for each case of a task, and one column for each metric of the last epoch."""
    figure = Figure(figsize=(8.4, 1.6 + 0.52 * len(rows)))
    grid = figure.subplots(1, len(METRICS), sharey=True)
    for axes, (name, metric) in zip(grid, METRICS.items(), strict=True):
        for place, row in enumerate(rows):
            _values(axes, place, metric.of(row), theme)
        held = [bounds(row.case, name) for row in rows]
        _make_room(axes, [bound for bound in held if bound])
        for place, bound in enumerate(held):
            _bound(axes, place, bound, theme)
        axes.set(xlabel=metric.axis, ylim=(len(rows) - 0.5, -0.5))
        axes.set_yticks(range(len(rows)), [row.architecture for row in rows])
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        if metric.is_percent:
            percent(axes.xaxis)
    figure.legend(handles=_seeds_key(theme), loc="outside upper center", ncols=4)
    note(figure, small_print, theme)
    return figure


def _values(axes: Axes, place: int, found: Values | None, theme: Theme) -> None:
    if found is None:
        return
    heights = place + np.linspace(*SEEDS, found.n + 2)[1:-1]
    axes.plot(found.values, heights, **_seed_marks(theme))
    if found.sd is not None:
        spread = [found.mean - found.sd, found.mean + found.sd]
        axes.plot(spread, [place + MEAN] * 2, **_spread(theme))
    axes.plot(found.mean, place + MEAN, **_average_mark(theme))


def _make_room(axes: Axes, bounds: Sequence[Bound]) -> None:
    """Extend the axis so that each limit stands within it; from then on it keeps its ends."""
    left, right = axes.get_xlim()
    pad = 0.04 * (right - left)
    limits = [limit for bound in bounds for limit in bound.limits if np.isfinite(limit)]
    axes.set_xlim(min([left, *(x - pad for x in limits)]), max([right, *(x + pad for x in limits)]))


def _bound(axes: Axes, place: int, bound: Bound | None, theme: Theme) -> None:
    """Draw the limits, and shade what lies beyond them to the ends of the axis.

    No further: viewers that count in single precision lose what lies a billion units away.
    """
    if bound is None:
        return
    ends = np.array([place - EDGE, place + EDGE])
    for limit, edge in zip((bound.lowest, bound.highest), axes.get_xlim(), strict=True):
        if np.isfinite(limit):
            axes.plot([limit] * 2, ends, color=theme.bad, lw=1.6, solid_capstyle="butt")
            axes.fill_betweenx(ends, limit, edge, **_beyond(theme))


def _seed_marks(theme: Theme) -> Look:
    return {"ls": "", "marker": "o", "color": theme.test, "ms": 3.5, "mew": 0, "alpha": 0.6}


def _average_mark(theme: Theme) -> Look:
    return {"ls": "", "marker": "D", "color": theme.ink, "ms": 4.5, "mec": theme.paper, "mew": 0.6}


def _spread(theme: Theme) -> Look:
    return {"color": theme.ink, "lw": 1.1}


def _beyond(theme: Theme) -> Look:
    return {"facecolor": theme.bad, "alpha": 0.13, "lw": 0}


def _seeds_key(theme: Theme) -> list[Line2D | Patch]:
    average = _average_mark(theme) | {"ls": "-"} | _spread(theme)
    return [
        Line2D([], [], label="one seed, the first at the top", **_seed_marks(theme)),
        Line2D([], [], label="mean ± sd", **average),
        Line2D([], [], label="bound", color=theme.bad, lw=1.6),
        Patch(label="not accepted", **_beyond(theme)),
    ]
