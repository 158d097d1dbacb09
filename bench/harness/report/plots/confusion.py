"""Which class is taken for which, over all test images and seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure

from bench.harness.report.mistakes import Confusion
from bench.harness.report.plots.canvas import note
from bench.harness.report.plots.theme import Look, Theme

SHOWN = 0.0005
"""Smallest share that is written into its square."""

MOST = 40
"""Letters of all classes that fit beside each other."""

SLANTED: Look = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}


def confusion_matrix(
    found: Confusion, classes: Sequence[str], title: str, theme: Theme, *, small_print: str
) -> Figure:
    """Draw the share of each true class, a row, that each class was predicted for, a column."""
    figure = Figure(figsize=(7.2, 7.2))
    axes = figure.subplots()
    axes.set(xlabel="class predicted", ylabel="true class", aspect="equal")
    axes.set_title(f"{title}: % of each true class")
    mean, sd = 100 * found.mean, None if found.sd is None else 100 * found.sd
    shades = LinearSegmentedColormap.from_list("shares", [theme.paper, theme.test])
    places, norm = np.arange(len(mean)), PowerNorm(0.5, 0, 100)  # so that small errors show
    axes.pcolormesh(places, places, mean, cmap=shades, norm=norm)
    axes.invert_yaxis()
    axes.set_xticks(places, classes, **(SLANTED if len("".join(classes)) > MOST else {}))
    axes.set_yticks(places, classes)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for place in zip(*np.nonzero(found.mean >= SHOWN), strict=True):
        _write(axes, place, mean[place], None if sd is None else sd[place], theme)
    note(figure, small_print, theme)
    return figure


def _write(axes: Axes, place: tuple[int, int], mean: float, sd: float | None, theme: Theme) -> None:
    row, column = place
    ink = theme.paper if mean > 30 else theme.ink
    above = 0.0 if sd is None else -0.12
    axes.text(column, row + above, f"{mean:.1f}", ha="center", va="center", color=ink, size=8.5)
    if sd is not None:
        axes.text(column, row + 0.24, f"± {sd:.1f}", ha="center", va="center", color=ink, size=6.5)
