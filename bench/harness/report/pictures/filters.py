"""The weights with which a network looks at the pixels."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.harness.report.pictures.squares import mosaic, show
from bench.harness.report.plots.theme import Theme

MOST = 144
"""Filters in one picture: more could not be told apart."""

STRONG = 0.98
"""Share of the weights that the colours tell apart; the few beyond have the deepest."""


def filters(weights: NDArray[np.float32], title: str, theme: Theme) -> Figure:
    """Draw weights, shape (height, width, filters): blue is negative, red positive.

    All share one scale, so a pale filter is a weak one.
    """
    shown = np.moveaxis(weights[..., :MOST], 2, 0)
    count, height, width = shown.shape
    columns = math.ceil(math.sqrt(2 * count))
    gap = max(1, width // 5)
    figure = Figure(figsize=(10, 10 * math.ceil(count / columns) / columns + 0.6))
    more = f" (the first {MOST} of {weights.shape[-1]})" if count < weights.shape[-1] else ""
    figure.suptitle(title + more, fontsize=11)
    axes = figure.subplots()
    limit = float(np.quantile(np.abs(shown), STRONG)) or 1.0
    sheet = mosaic(shown, columns, gap=gap)
    show(axes, sheet, cmap="RdBu_r", vmin=-limit, vmax=limit)
    for number in range(count):
        x, y = number % columns * (width + gap), number // columns * (height + gap)
        axes.text(x - 0.5, y - 0.6, str(number), fontsize=5.5, va="bottom", color=theme.muted)
    bar = figure.colorbar(axes.images[0], ax=axes, fraction=0.03, pad=0.01, extend="both")
    bar.set_label("weight")
    return figure
