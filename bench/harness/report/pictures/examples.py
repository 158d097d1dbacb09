"""Images of a data set: some of each class, and those that are taken for another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from bench.harness.report.confusion import Pair
from bench.harness.report.pictures.style import INK, bare, figure, image, label_row, png

EACH = 10
"""Samples of a class."""

SHOWN = 6
"""Mistakes of a pair, each way."""


def samples(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], classes: Sequence[str], *, title: str
) -> bytes:
    """Return a PNG: a row a class, its first images of shape (n, 28, 28) in the row."""
    drawn = figure(0.72 * EACH + 1.2, 0.72 * len(classes) + 0.4)
    drawn.suptitle(title, fontsize=11, color=INK)
    axes = drawn.subplots(len(classes), EACH)
    for label, name in enumerate(classes):
        found = np.flatnonzero(labels == label)[:EACH]
        _row(axes[label], images, found.tolist())
        label_row(axes[label, 0], name)
    return png(drawn)


def confused(
    images: NDArray[np.uint8],
    pairs: Sequence[Pair],
    classes: Sequence[str],
    *,
    title: str,
) -> bytes:
    """Return a PNG: a row a pair of classes, the mistakes one way left and the other way right."""
    drawn = figure(0.72 * 2 * SHOWN + 0.8, 0.98 * len(pairs) + 0.4)
    drawn.suptitle(title, fontsize=11, color=INK)
    for row, pair in zip(drawn.subfigures(len(pairs), 1, squeeze=False)[:, 0], pairs, strict=True):
        halves = row.subfigures(1, 2, wspace=0.04)
        ways = (pair.classes, pair.classes[::-1])
        for half, way, count, found in zip(halves, ways, pair.counts, pair.images, strict=True):
            truth, answer = (classes[label] for label in way)
            half.suptitle(f"{truth} taken for {answer}: {count:.3g}", fontsize=8, color=INK)
            _row(half.subplots(1, SHOWN), images, found[:SHOWN])
    return png(drawn)


def _row(axes: Sequence[Axes], images: NDArray[np.uint8], found: Sequence[int]) -> None:
    for number, place in enumerate(axes):
        if number < len(found):
            image(place, images[found[number]])
        else:
            bare(place)
