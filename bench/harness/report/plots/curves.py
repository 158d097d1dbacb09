"""Accuracy and loss after each epoch, of training and test images: every seed a line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.harness.record import Record
from bench.harness.report.plots.canvas import note
from bench.harness.report.plots.scales import percent, whole
from bench.harness.report.plots.theme import Look, Theme

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
