"""Axes as a reader expects them: as many as there are cases, in per cent, counts, whole epochs."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator, NullLocator


def panels(count: int, *, across: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """Return a figure, and that many axes that share their scales, ``across`` in a row.

    ``size`` is width and height of one in inches, without what the figure adds around them.
    """
    columns, rows = min(count, across), math.ceil(count / across)
    figure = Figure(figsize=(max(5.6, 0.7 + size[0] * columns), 0.6 + size[1] * rows))
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    found: list[Axes] = list(grid.flat)
    for axes in found[count:]:
        axes.set_axis_off()
    for axes in found[:count]:
        axes.tick_params(labelbottom=True)
    return figure, found[:count]


def percent(axis: Axis) -> None:
    """Show fractions as per cent; the sign belongs into the axis' label."""
    axis.set_major_formatter(FuncFormatter(lambda fraction, _: f"{100 * fraction:.4g}"))


def logarithmic(axis: Axis) -> None:
    """Label 1, 2 and 5 of each decade: 100k, 200k, 500k, 1M."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})  # type: ignore[attr-defined]
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(EngFormatter(sep=""))


def whole(axis: Axis) -> None:
    """Label whole numbers only."""
    axis.set_major_locator(MaxNLocator(integer=True))
