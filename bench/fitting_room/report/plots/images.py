"""What a model sees, has learned and answers: images, layers, probabilities, mistakes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MultipleLocator
from numpy.typing import NDArray

from fitting_room.analysis.mistakes import FEWEST, Confusion, Pair, bins
from fitting_room.analysis.trials import figure as values
from fitting_room.format import accuracy
from fitting_room.record import Confidence
from fitting_room.report.model import Answer
from fitting_room.report.plots import Look, Theme, explained, marks, note, percent


def show(axes: Axes, pixels: Any, *, title: str = "", **look: Any) -> None:
    """Show an image, shape (height, width), in greys or another ``cmap``; or in its own colours."""
    axes.imshow(pixels, **{"cmap": "gray", "interpolation": "nearest", **look})
    axes.grid(visible=False)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    if title:
        axes.set_title(title, loc="center", fontsize=8, fontweight="normal", pad=3)


def mosaic(images: NDArray[Any], columns: int, *, gap: int = 2) -> NDArray[Any]:
    """Return images, shape (n, height, width, …), in rows of one array, with NaN between them.

    Many images in one are drawn in a tenth of the time that axes for each of them would take.
    """
    rows, (height, width), more = -(-len(images) // columns), images.shape[1:3], images.shape[3:]
    around = [(0, rows * columns - len(images)), (0, gap), (0, gap), *[(0, 0) for _ in more]]
    padded = np.pad(images.astype(float), around, constant_values=np.nan)
    grid = padded.reshape(rows, columns, height + gap, width + gap, *more).swapaxes(1, 2)
    return grid.reshape(rows * (height + gap), columns * (width + gap), *more)[:-gap, :-gap]


LEFT: Look = {"rotation": 0, "ha": "right", "va": "center", "fontsize": 9}
"""How a row of images is labelled."""

WIDTHS = (2.6, 4.2, 3.4)
"""Inches of the panels: the image, its probabilities, and all seeds' calibration."""


def answer_picture(
    pixels: NDArray[np.uint8] | None,
    answer: Answer,
    found: Sequence[Confidence],
    title: str,
    theme: Theme,
) -> Figure:
    """Draw an image, where it can be shown, the answer, and the calibration that records have."""
    image, bars, calibration = WIDTHS
    wide = [*([] if pixels is None else [image]), bars, *([calibration] if found else [])]
    figure = Figure(figsize=(sum(wide) + 0.6, 4.0))
    figure.suptitle(title, fontsize=11)
    axes = figure.subplots(1, len(wide), width_ratios=wide, squeeze=False)[0]
    label = "unknown" if answer.truth is None else answer.named(answer.truth)
    if pixels is None:
        axes[0].set_title(f"label: {label}", fontsize=8)
    else:
        show(axes[0], pixels, title=f"label: {label}")
    _bars(axes[len(wide) - 1 - bool(found)], answer, theme)
    if found:
        _calibration(axes[-1], found, theme)
    return figure


def _calibration(axes: Axes, found: Sequence[Confidence], theme: Theme) -> None:
    shares(axes, found, theme)
    errors = [100 * each.calibration_error for each in found]
    span = f"{min(errors):.1f}–{max(errors):.1f} %" if len(errors) > 1 else f"{errors[0]:.1f} %"
    axes.set_title(f"calibration error {span}, n = {len(errors)}", fontsize=9)
    axes.set(xlabel="probability given (%)", ylabel="classified rightly (%)")


def _bars(axes: Axes, answer: Answer, theme: Theme) -> None:
    """Probabilities of this model as bars, of other seeds as dots, published ones as crosses."""
    rows = np.arange(len(answer.classes))
    right = answer.truth in (None, answer.label)
    for row, share in enumerate(answer.probabilities):
        wrong = row == answer.label and not right
        axes.barh(row, share, color=theme.other if wrong else theme.test, height=0.7)
        axes.text(1.02, row, f"{share:.3f}", va="center", fontsize=8)
    axes.barh(0, 0, color=theme.test, label="this model")
    if answer.seeds:
        seeds = np.array(answer.seeds)
        up_and_down = np.linspace(-0.22, 0.22, len(seeds))[:, np.newaxis]
        look = marks("o", theme.ink, ms=3, mew=0, alpha=0.8)
        axes.plot(seeds, rows + up_and_down, **look)
        axes.plot([], [], label=f"{len(seeds)} seeds", **look)
    known = [(share, row) for row, share in enumerate(answer.published) if share is not None]
    if known:
        look = marks("x", theme.other, ms=7, mew=2)
        axes.plot(*zip(*known, strict=True), **look, label="published")
    axes.set_yticks(range(len(answer.classes)), answer.classes)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="probability")
    axes.grid(visible=False, axis="y")
    if answer.seeds or answer.published:
        axes.legend(loc="center right", bbox_to_anchor=(1.0, 0.42))


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
    """Draw a row a class, its first images, (n, height, width) or in colour, in the row."""
    figure = Figure(figsize=(0.72 * EACH + 1.2, 0.72 * len(classes) + 0.4))
    figure.suptitle(title, fontsize=11)
    rows = figure.subplots(len(classes), squeeze=False)[:, 0]
    for axes, (label, name) in zip(rows, enumerate(classes), strict=True):
        _row(axes, images, np.flatnonzero(labels == label), EACH)
        axes.set_ylabel(name, **LEFT)
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
    sheet = mosaic(strip, most)
    if sheet.ndim == 3:  # nothing is transparent, as in greys
        there = ~np.isnan(sheet[..., :1])
        sheet = np.concatenate([np.nan_to_num(sheet) / 255, there], axis=2)
    show(axes, sheet, vmin=0, vmax=255)


MOST = 144
"""Filters in one picture: more could not be told apart."""

STRONG = 0.98
"""Share of the weights that the colours tell apart; the few beyond have the deepest."""


def filters(weights: NDArray[np.float32], title: str, theme: Theme) -> Figure:
    """Draw weights, shape (height, width, filters): blue is negative, red positive.

    All share one scale, so a pale filter is a weak one.
    """
    shown = np.moveaxis(weights[..., :MOST], 2, 0)
    count, height, width = shown.shape
    columns = math.ceil(math.sqrt(2 * count))
    gap = max(1, width // 5)
    figure = Figure(figsize=(10, 10 * math.ceil(count / columns) / columns + 0.6))
    more = f" (the first {MOST} of {weights.shape[-1]})" if count < weights.shape[-1] else ""
    figure.suptitle(title + more, fontsize=11)
    axes = figure.subplots()
    limit = float(np.quantile(np.abs(shown), STRONG)) or 1.0
    sheet = mosaic(shown, columns, gap=gap)
    show(axes, sheet, cmap="RdBu_r", vmin=-limit, vmax=limit)
    for number in range(count):
        x, y = number % columns * (width + gap), number // columns * (height + gap)
        axes.text(x - 0.5, y - 0.6, str(number), fontsize=5.5, va="bottom", color=theme.muted)
    bar = figure.colorbar(axes.images[0], ax=axes, fraction=0.03, pad=0.01, extend="both")
    bar.set_label("weight")
    return figure


Activations = Mapping[str, NDArray[np.float32]]
"""Layer → shape (images, height, width, filters), in order."""


def activations(
    images: Mapping[str, NDArray[np.uint8]],
    layers: Activations,
    filters: Sequence[int],
    title: str,
    theme: Theme,
) -> Figure:
    """Draw a block for each of the filters, in it a row an image, and a column a layer.

    What a layer makes of a place is to be seen and not how strongly, so each square has its scale.
    """
    columns, rows = 1 + len(layers), len(images)
    figure = Figure(figsize=(1.3 * columns + 1.1, (1.3 * rows + 0.4) * len(filters) + 0.6))
    figure.suptitle(title, fontsize=11)
    blocks = figure.subfigures(len(filters), 1, squeeze=False)[:, 0]
    for block, chosen in zip(blocks, filters, strict=True):
        _block(block, images, layers, chosen)
    said = "Each square from its least to its greatest activation; all dark: silent."
    note(figure, said, theme)
    return figure


def _block(
    block: SubFigure, images: Mapping[str, NDArray[np.uint8]], layers: Activations, chosen: int
) -> None:
    axes = block.subplots(len(images), 1 + len(layers), squeeze=False)
    block.suptitle(f"filter {chosen}", fontsize=9)
    for row, (name, pixels) in enumerate(images.items()):
        show(axes[row, 0], pixels)
        axes[row, 0].set_ylabel(name, **LEFT)
        for column, (layer, found) in enumerate(layers.items(), start=1):
            height, width = found.shape[1:3]
            of = f"{layer} {height}×{width}" if row == 0 else ""
            show(axes[row, column], found[row, :, :, chosen], title=of, cmap="viridis")


LEAST = 0.0005
"""Smallest share that is written into its square."""

LETTERS = 40
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
    axes.set_xticks(places, classes, **(SLANTED if len("".join(classes)) > LETTERS else {}))
    axes.set_yticks(places, classes)
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for place in zip(*np.nonzero(found.mean >= LEAST), strict=True):
        row, column = place
        ink = theme.paper if mean[place] > 30 else theme.ink
        # Within its square, so that the layout need not measure it.
        look: Look = {"ha": "center", "va": "center", "color": ink, "in_layout": False}
        above = 0.0 if sd is None else -0.12
        axes.text(column, row + above, f"{mean[place]:.1f}", size=8.5, **look)
        if sd is not None:
            axes.text(column, row + 0.24, f"± {sd[place]:.1f}", size=6.5, **look)
    note(figure, small_print, theme)
    return figure


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
    return explained(figure, _shares_looks(theme), small_print, theme, columns=2)


def shares(axes: Axes, found: Sequence[Confidence], theme: Theme) -> None:
    """Draw the share right against the probability given: a dot for each seed and bin."""
    looks = _shares_looks(theme)
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


def _shares_looks(theme: Theme) -> dict[str, Look]:
    return {
        DOT: marks("o", theme.test, ms=4.5, mew=0, alpha=0.55),
        EVEN: {"color": theme.muted, "lw": 1, "ls": ":"},
    }
