"""The weights with which a network looks at the pixels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bench.harness.report.pictures.style import INK, bare, figure, png

MOST = 144
"""Filters in one picture: more could not be told apart."""

NUMBERED = 64
"""Up to so many filters have their number above them."""

STRONG = 0.98
"""Share of the weights that the colours tell apart; the few beyond have the deepest."""


def filters(weights: NDArray[np.float32], *, title: str) -> bytes:
    """Return a PNG of weights, shape (height, width, filters): blue is negative, red positive.

    All share one scale, so a pale filter is a weak one.
    """
    shown = weights[..., :MOST]
    count = shown.shape[-1]
    columns = math.ceil(math.sqrt(2 * count))
    rows = math.ceil(count / columns)
    edge = 0.62
    drawn = figure(edge * columns + 0.9, edge * rows + 0.7)
    more = f" (the first {MOST} of {weights.shape[-1]})" if count < weights.shape[-1] else ""
    drawn.suptitle(title + more, fontsize=10, color=INK)
    axes = drawn.subplots(rows, columns, squeeze=False)
    limit = float(np.quantile(np.abs(shown), STRONG)) or 1.0
    for number, place in enumerate(axes.ravel()):
        bare(place)
        if number < count:
            if count <= NUMBERED:
                place.set_title(str(number), fontsize=6, color=INK, pad=2)
            last = place.imshow(shown[..., number], cmap="RdBu_r", vmin=-limit, vmax=limit)
    bar = drawn.colorbar(last, ax=axes, fraction=0.04, pad=0.02, extend="both")
    bar.set_label("weight", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return png(drawn)
