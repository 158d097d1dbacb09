"""Whether a model is right as often as it is sure: one dot for each seed and bin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator

from bench.harness.record import Confidence
from bench.harness.report.calibration import FEWEST, bins
from bench.harness.report.cells import accuracy
from bench.harness.report.figures import figure as values
from bench.harness.report.plots.canvas import note
from bench.harness.report.plots.scales import percent
from bench.harness.report.plots.theme import Look, Theme


def reliability(
    found: Sequence[Confidence], title: str, theme: Theme, *, small_print: str
) -> Figure:
    """Draw the share right against the probability given, above how many images have it."""
    figure = Figure(figsize=(5.6, 5.8))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    error = values([each.calibration_error for each in found])
    upper.set_title(title)
    said = f"expected calibration error (%)\nmean ± sd (seeds): {accuracy(error)}"
    upper.text(0.98, 0.05, said, ha="right", transform=upper.transAxes)
    shares(upper, found, theme)
    upper.set(ylabel="classified rightly (%)")
    _histogram(lower, found, theme)
    lower.set(xlabel="probability given to the class predicted (%)", ylabel="test images (%)")
    percent(lower.yaxis)
    figure.legend(handles=_key(theme), loc="outside upper center", ncols=2)
    note(figure, small_print, theme)
    return figure


def shares(axes: Axes, found: Sequence[Confidence], theme: Theme) -> None:
    """Draw the share right against the probability given: a dot for each seed and bin."""
    axes.plot([0, 1], [0, 1], color=theme.muted, lw=1, ls=":")
    for each in map(bins, found):
        axes.plot([one.sure for one in each], [one.right for one in each], **_dot(theme))
    axes.set(ylim=(-0.03, 1.03), xlim=(0, 1.01))
    for axis in (axes.xaxis, axes.yaxis):
        percent(axis)
        axis.set_major_locator(MultipleLocator(0.2))


def _histogram(axes: Axes, found: Sequence[Confidence], theme: Theme) -> None:
    """Draw a bar from the least to the most of the seeds on top of what they agree on."""
    shares = np.array([np.array(each.images) / sum(each.images) for each in found])
    count = shares.shape[1]
    left, low, high = np.arange(count) / count, shares.min(axis=0), shares.max(axis=0)
    look = {"width": 0.9 / count, "align": "edge", "color": theme.test, "lw": 0}
    axes.bar(left, low, **look, alpha=0.8)
    axes.bar(left, high - low, bottom=low, **look, alpha=0.4)


def _dot(theme: Theme) -> Look:
    return {"ls": "", "marker": "o", "color": theme.test, "ms": 4.5, "mew": 0, "alpha": 0.55}


def _key(theme: Theme) -> list[Line2D]:
    looks = {
        f"one seed and bin, of {FEWEST} images or more": _dot(theme),
        "as sure as right": {"color": theme.muted, "lw": 1, "ls": ":"},
    }
    return [Line2D([], [], label=name, **look) for name, look in looks.items()]
