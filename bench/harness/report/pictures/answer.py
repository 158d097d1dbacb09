"""One image, its ten probabilities, and how far such probabilities can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from bench.harness.record import Confidence
from bench.harness.report.answers import Answer
from bench.harness.report.pictures.reliability import reliability
from bench.harness.report.pictures.style import BLUE, INK, ORANGE, RED, figure, image, png


def draw(
    pixels: NDArray[np.uint8], answer: Answer, found: Sequence[Confidence], *, title: str
) -> bytes:
    """Return a PNG of an image, shape (28, 28), of its answer, and of all seeds' calibration."""
    panels = 3 if found else 2
    drawn = figure(3.4 * panels + 0.6, 3.9)
    drawn.suptitle(title, fontsize=11, color=INK)
    widths = [2.6, 4.0, 3.4][:panels]
    axes = drawn.subplots(1, panels, width_ratios=widths)
    image(axes[0], pixels, title=_label(answer), size=9)
    _bars(axes[1], answer)
    if found:
        reliability(axes[2], found)
    return png(drawn)


def _label(answer: Answer) -> str:
    if answer.truth is None:
        return "label unknown"
    return f"label: {answer.named(answer.truth)}"


def _bars(axes: Axes, answer: Answer) -> None:
    """Probabilities of this model as bars, of other seeds as dots, published ones as crosses."""
    rows = np.arange(len(answer.classes))
    shares = np.array(answer.probabilities)
    right = answer.truth in (None, answer.label)
    colours = [ORANGE if label == answer.label and not right else BLUE for label in rows]
    axes.barh(rows, shares, color=colours, height=0.7)
    axes.barh([0], [0], color=BLUE, label="this model")
    for row, share in enumerate(shares):
        axes.text(1.02, row, f"{share:.3f}", va="center", fontsize=8, color=INK)
    if answer.seeds:
        seeds = np.array(answer.seeds)
        spread = np.linspace(-0.22, 0.22, len(seeds))
        axes.plot(
            seeds.ravel(),
            (rows[np.newaxis] + spread[:, np.newaxis]).ravel(),
            "o",
            color=INK,
            markersize=2.6,
            alpha=0.8,
            label=f"{len(seeds)} seeds",
        )
    known = [(row, p) for row, p in zip(rows, answer.published or (), strict=False) if p]
    if known:
        at, published = zip(*known, strict=True)
        axes.plot(published, at, "x", color=RED, markersize=7, mew=2, label="published")
    _finish(axes, rows, answer)


def _finish(axes: Axes, rows: Any, answer: Answer) -> None:
    axes.set_yticks(rows, answer.classes, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("probability", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if answer.seeds or answer.published:
        axes.legend(fontsize=7, frameon=False, loc="center right", bbox_to_anchor=(1.0, 0.45))
