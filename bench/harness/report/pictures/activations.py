"""What the layers of a network see in a few images, through one filter or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from bench.harness.report.pictures.squares import label_row, show
from bench.harness.report.plots.canvas import note
from bench.harness.report.plots.theme import Theme

Activations = Mapping[str, NDArray[np.float32]]
"""Layer → shape (images, height, width, filters), in order."""

SAID = "Each square from its least to its greatest activation; all dark: silent."


def activations(
    images: Mapping[str, NDArray[np.uint8]],
    layers: Activations,
    filters: Sequence[int],
    title: str,
    theme: Theme,
) -> Figure:
    """Draw a block a filter, in it a row an image, and a column a layer.

    What a layer makes of a place is to be seen and not how strongly, so each square has its scale.

    Args:
        images: What each shows → shape (28, 28), in the order of the activations.
        layers: What they made of the images.
        filters: Which of each layer's to show, from 0.
        title: Above all.
        theme: Its colours.
    """
    columns, rows = 1 + len(layers), len(images)
    figure = Figure(figsize=(1.3 * columns + 1.1, (1.3 * rows + 0.4) * len(filters) + 0.6))
    figure.suptitle(title, fontsize=11)
    blocks = figure.subfigures(len(filters), 1, squeeze=False)[:, 0]
    for block, chosen in zip(blocks, filters, strict=True):
        _block(block, images, layers, chosen)
    note(figure, SAID, theme)
    return figure


def _block(
    block: SubFigure, images: Mapping[str, NDArray[np.uint8]], layers: Activations, chosen: int
) -> None:
    axes = block.subplots(len(images), 1 + len(layers), squeeze=False)
    block.suptitle(f"filter {chosen}", fontsize=9)
    for row, (name, pixels) in enumerate(images.items()):
        show(axes[row, 0], pixels)
        label_row(axes[row, 0], name)
        for column, (layer, found) in enumerate(layers.items(), start=1):
            height, width = found.shape[1:3]
            of = f"{layer} {height}×{width}" if row == 0 else ""
            square = found[row, :, :, chosen]
            least, most = float(square.min()), float(square.max())
            most = most if most > least else least + 1
            show(axes[row, column], square, title=of, cmap="viridis", vmin=least, vmax=most)
