"""What the layers of a network see in a few images, through one filter or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import SubFigure
from numpy.typing import NDArray

from bench.harness.report.pictures.style import INK, figure, image, label_row, png

Activations = Mapping[str, NDArray[np.float32]]
"""Layer → shape (images, height, width, filters), in order."""


def activations(
    images: NDArray[np.uint8],
    names: Sequence[str],
    layers: Activations,
    filters: Sequence[int],
    *,
    title: str,
) -> bytes:
    """Return a PNG: a block a filter, in it a row an image, and a column a layer.

    Each picture is scaled by itself, from its least to its greatest activation: what a layer makes
    of a place is to be seen, not how strongly. One that is black all over is silent.

    Args:
        images: Shape (n, 28, 28).
        names: What each shows.
        layers: What they made of the images.
        filters: Which of each layer's filters to show, from 0.
        title: Above all.
    """
    columns, rows = 1 + len(layers), len(images)
    drawn = figure(1.25 * columns + 1.1, (1.25 * rows + 0.35) * len(filters) + 0.4)
    drawn.suptitle(title, fontsize=11, color=INK)
    blocks = drawn.subfigures(len(filters), 1, squeeze=False)[:, 0]
    for block, chosen in zip(blocks, filters, strict=True):
        _block(block, images, names, layers, chosen)
    return png(drawn)


def _block(
    block: SubFigure,
    images: NDArray[np.uint8],
    names: Sequence[str],
    layers: Activations,
    chosen: int,
) -> None:
    axes = block.subplots(len(images), 1 + len(layers), squeeze=False)
    block.suptitle(f"filter {chosen}", fontsize=9, color=INK)
    for row, (pixels, name) in enumerate(zip(images, names, strict=True)):
        image(axes[row, 0], pixels)
        label_row(axes[row, 0], name)
        for column, (layer, found) in enumerate(layers.items(), start=1):
            height, width = found.shape[1:3]
            of = f"{layer} {height}×{width}" if row == 0 else ""
            shown = axes[row, column]
            image(shown, found[row, :, :, chosen], title=of)
            shown.images[0].set_cmap("viridis")
            silent = not np.ptp(found[row, :, :, chosen])
            shown.images[0].set_clim(*((0, 1) if silent else (None, None)))
