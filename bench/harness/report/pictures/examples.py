"""Images of a data set: some of each class, and those that are taken for another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.harness.report.confusion import Pair
from bench.harness.report.pictures.squares import label_row, mosaic, show
from bench.harness.report.plots.canvas import note
from bench.harness.report.plots.theme import Theme

EACH = 10
"""Samples of a class."""

SHOWN = 6
"""Mistakes of a pair, each way."""


def samples(
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    classes: Sequence[str],
    title: str,
    _: Theme,
) -> Figure:
    """Draw a row a class, its first images, of shape (n, 28, 28), in the row."""
    figure = Figure(figsize=(0.72 * EACH + 1.2, 0.72 * len(classes) + 0.4))
    figure.suptitle(title, fontsize=11)
    for axes, (label, name) in zip(figure.subplots(len(classes)), enumerate(classes), strict=True):
        _row(axes, images, np.flatnonzero(labels == label), EACH)
        label_row(axes, name)
    return figure


def confused(
    images: NDArray[np.uint8],
    pairs: Sequence[Pair],
    classes: Sequence[str],
    title: str,
    theme: Theme,
    *,
    small_print: str,
) -> Figure:
    """Draw a row a pair of classes, the mistakes one way left and the other way right."""
    figure = Figure(figsize=(0.72 * 2 * SHOWN + 0.8, 0.98 * len(pairs) + 0.6))
    figure.suptitle(title, fontsize=11)
    rows = figure.subfigures(len(pairs), 1, squeeze=False)[:, 0]
    for row, pair in zip(rows, pairs, strict=True):
        halves = row.subplots(1, 2)
        ways = (pair.classes, pair.classes[::-1])
        for half, way, count, found in zip(halves, ways, pair.counts, pair.images, strict=True):
            truth, answer = (classes[label] for label in way)
            _row(half, images, np.array(found, int), SHOWN)
            half.set_title(f"{truth} taken for {answer}: {count:.3g}", fontsize=8.5, pad=4)
    note(figure, small_print, theme)
    return figure


def _row(axes: Axes, images: NDArray[np.uint8], found: NDArray[np.int_], most: int) -> None:
    """Draw the first of those found beside each other, with room for ``most``."""
    strip = np.full((most, *images.shape[1:]), np.nan)
    strip[: len(found)] = images[found[:most]]
    show(axes, mosaic(strip, most), vmin=0, vmax=255)
