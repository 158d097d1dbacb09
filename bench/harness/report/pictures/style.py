"""What all pictures have in common: colours, fonts, how they are written."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours, which people tell apart who do not see all of them.
BLUE, ORANGE, GREEN, RED = "#0072b2", "#e69f00", "#009e73", "#d55e00"
INK, PAPER, FAINT = "#1a1a1a", "#ffffff", "#9a9a9a"

DPI = 130


def figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches, with room made for what it will hold."""
    return Figure(figsize=(width, height), layout="constrained", facecolor=PAPER)


def png(drawn: Figure) -> bytes:
    """Return a figure as a PNG file, the same bytes for the same figure."""
    file = io.BytesIO()
    drawn.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return file.getvalue()


def image(axes: Axes, pixels: Any, *, title: str = "", size: float = 8.0) -> None:
    """Show an image, shape (height, width), in greys, its pixels as squares, without axes."""
    axes.imshow(pixels, cmap="gray", interpolation="nearest")
    bare(axes)
    if title:
        axes.set_title(title, fontsize=size, color=INK, pad=3)


def bare(axes: Axes) -> None:
    """Take ticks and frame away."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def label_row(axes: Axes, text: str) -> None:
    """Write text left of a row's first picture."""
    axes.set_ylabel(text, rotation=0, ha="right", va="center", fontsize=9, color=INK)
