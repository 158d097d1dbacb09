"""Calibration of a model, and which class is taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from fitting_room.analysis.mistakes import FEWEST, Confusion, bins
from fitting_room.analysis.trials import figure as values
from fitting_room.format import accuracy
from fitting_room.record import Confidence
from fitting_room.report.plots.theme import Look, Theme, explained, marks, note, percent

SHOWN = 0.0005
"""Smallest share that is written into its square."""

MOST = 40
"""Letters of all classes that fit beside each other."""

DOT = f"one seed and bin, of {FEWEST} images or more"
EVEN = "as sure as right"

SLANTED: Look = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}


def confusion_matrix(
    found: Confusion, classes: Sequence[str], title: str, theme: Theme, *, small_print: str
) -> Figure:
    """Draw the share of each true class, a row, that each class was predicted for, a column."""
    figure = Figure(figsize=(7.2, 7.2))
    axes = figure.subplots()
    axes.set(xlabel="class predicted", ylabel="true class", aspect="equal")
    axes.set_title(f"{title}: % of each true class")
    mean, sd = 100 * found.mean, None if found.sd is None else 100 * found.sd
    # Shades of one colour, so that a page can change it.
    shades = LinearSegmentedColormap.from_list("shares", [(theme.test, 0), (theme.test, 1)])
    places, norm = np.arange(len(mean)), PowerNorm(0.5, 0, 100)  # so that small errors show
    axes.pcolormesh(places, places, mean, cmap=shades, norm=norm)
    axes.invert_yaxis()
    axes.set_xticks(places, classes, **(SLANTED if len("".join(classes)) > MOST else {}))
    axes.set_yticks(places, classes)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for place in zip(*np.nonzero(found.mean >= SHOWN), strict=True):
        _write(axes, place, mean[place], None if sd is None else sd[place], theme)
    note(figure, small_print, theme)
    return figure


def _write(axes: Axes, place: tuple[int, int], mean: float, sd: float | None, theme: Theme) -> None:
    row, column = place
    ink = theme.paper if mean > 30 else theme.ink
    above = 0.0 if sd is None else -0.12
    axes.text(column, row + above, f"{mean:.1f}", ha="center", va="center", color=ink, size=8.5)
    if sd is not None:
        axes.text(column, row + 0.24, f"± {sd:.1f}", ha="center", va="center", color=ink, size=6.5)


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
    return explained(figure, _looks(theme), small_print, theme, columns=2)


def shares(axes: Axes, found: Sequence[Confidence], theme: Theme) -> None:
    """Draw the share right against the probability given: a dot for each seed and bin."""
    looks = _looks(theme)
    axes.plot([0, 1], [0, 1], **looks[EVEN])
    for each in map(bins, found):
        axes.plot([one.sure for one in each], [one.right for one in each], **looks[DOT])
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


def _looks(theme: Theme) -> dict[str, Look]:
    return {
        DOT: marks("o", theme.test, ms=4.5, mew=0, alpha=0.55),
        EVEN: {"color": theme.muted, "lw": 1, "ls": ":"},
    }
