"""One image, its ten probabilities, and how far such probabilities can be trusted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.harness.record import Confidence
from bench.harness.report.answers import Answer
from bench.harness.report.pictures.squares import show
from bench.harness.report.plots.reliability import shares
from bench.harness.report.plots.theme import Theme

WIDTHS = (2.6, 4.2, 3.4)
"""Inches of the panels: the image, its probabilities, and all seeds' calibration."""


def answer_picture(
    pixels: NDArray[np.uint8], answer: Answer, found: Sequence[Confidence], title: str, theme: Theme
) -> Figure:
    """Draw an image, shape (28, 28), the answer, and the calibration where records have it."""
    panels = 3 if found else 2
    figure = Figure(figsize=(sum(WIDTHS[:panels]) + 0.6, 4.0))
    figure.suptitle(title, fontsize=11)
    axes = figure.subplots(1, panels, width_ratios=WIDTHS[:panels])
    show(axes[0], pixels, title=_label(answer))
    _bars(axes[1], answer, theme)
    if found:
        shares(axes[2], found, theme)
        errors = [100 * each.calibration_error for each in found]
        span = f"{min(errors):.1f}–{max(errors):.1f} %" if len(errors) > 1 else f"{errors[0]:.1f} %"
        axes[2].set_title(f"calibration error {span}, n = {len(errors)}", fontsize=9)
        axes[2].set(xlabel="probability given (%)", ylabel="classified rightly (%)")
    return figure


def _label(answer: Answer) -> str:
    return "label unknown" if answer.truth is None else f"label: {answer.named(answer.truth)}"


def _bars(axes: Axes, answer: Answer, theme: Theme) -> None:
    """Probabilities of this model as bars, of other seeds as dots, published ones as crosses."""
    rows = np.arange(len(answer.classes))
    right = answer.truth in (None, answer.label)
    for row, share in enumerate(answer.probabilities):
        wrong = row == answer.label and not right
        axes.barh(row, share, color=theme.bad if wrong else theme.test, height=0.7)
        axes.text(1.02, row, f"{share:.3f}", va="center", fontsize=8)
    axes.barh(0, 0, color=theme.test, label="this model")
    if answer.seeds:
        seeds = np.array(answer.seeds)
        up_and_down = np.linspace(-0.22, 0.22, len(seeds))[:, np.newaxis]
        look = {"color": theme.ink, "ms": 3, "mew": 0, "alpha": 0.8}
        axes.plot(seeds, rows + up_and_down, "o", **look)  # type: ignore[arg-type]
        axes.plot([], [], "o", label=f"{len(seeds)} seeds", **look)  # type: ignore[arg-type]
    known = [(share, row) for row, share in enumerate(answer.published) if share is not None]
    if known:
        axes.plot(
            *zip(*known, strict=True), "x", color=theme.published, ms=7, mew=2, label="published"
        )
    _finish(axes, answer)


def _finish(axes: Axes, answer: Answer) -> None:
    axes.set_yticks(range(len(answer.classes)), answer.classes)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="probability")
    axes.grid(visible=False, axis="y")
    if answer.seeds or answer.published:
        axes.legend(loc="center right", bbox_to_anchor=(1.0, 0.42))
