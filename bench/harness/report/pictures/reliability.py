"""The reliability diagram: what share is right of the answers that a model is so sure of."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import binomtest

from bench.harness.record import Confidence
from bench.harness.report.pictures.style import BLUE, FAINT, INK, figure, png

FEW = 10
"""Answers in a bin below which a single seed's share says nothing."""


def reliability(axes: Axes, found: Sequence[Confidence]) -> None:
    """Draw share right against probability, bin by bin; below, where the answers are.

    Seeds answer the same images, so their scatter is shown, a dot each, and no interval over all;
    one seed alone has Wilson's 95 % interval. Guo et al., "On Calibration of Modern Neural
    Networks", ICML 2017.
    """
    images = np.sum([each.images for each in found], axis=0)
    right = np.sum([each.right for each in found], axis=0)
    sums = np.sum([np.multiply(each.images, each.mean) for each in found], axis=0)
    some = images >= FEW
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle="--")
    sure, share = sums[some] / images[some], right[some] / images[some]
    if len(found) > 1:
        axes.plot(*_dots(found), ".", color=BLUE, alpha=0.35, markersize=4)
        axes.plot(sure, share, "o", color=BLUE, markersize=5)
    else:
        error = _wilson(right[some], images[some])
        axes.errorbar(sure, share, error, fmt="o", color=BLUE, markersize=5, capsize=2)
    bins = len(images)
    middle = (np.arange(bins) + 0.5) / bins
    axes.bar(middle, 0.25 * images / images.max(), width=0.85 / bins, color=BLUE, alpha=0.25)
    _label(axes, [each.calibration_error for each in found])


def diagram(found: Sequence[Confidence], *, title: str) -> bytes:
    """Return the diagram of a case as a PNG of its own."""
    drawn = figure(4.6, 4.9)
    drawn.suptitle(title, fontsize=11, color=INK)
    reliability(drawn.subplots(), found)
    return png(drawn)


def _dots(found: Sequence[Confidence]) -> tuple[list[float], list[float]]:
    """Return probability and share right of every bin of every seed that has enough answers."""
    dots = [
        (sure, right / images)
        for each in found
        for sure, right, images in zip(each.mean, each.right, each.images, strict=True)
        if images >= FEW
    ]
    return [sure for sure, _ in dots], [share for _, share in dots]


def _wilson(right: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Return how far the interval reaches below and above each share, shape (2, bins)."""
    ends = [
        binomtest(int(k), int(n)).proportion_ci(method="wilson")
        for k, n in zip(right, images, strict=True)
    ]
    share = right / images
    reach: np.ndarray = np.abs(np.transpose(ends) - share)
    return reach


def _label(axes: Axes, errors: Sequence[float]) -> None:
    low, high = min(errors), max(errors)
    seeds = f" ({100 * low:.1f}–{100 * high:.1f}, {len(errors)} seeds)" if len(errors) > 1 else ""
    axes.set_title(
        f"expected calibration error {100 * mean(errors):.1f} %{seeds}", fontsize=9, color=INK
    )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_aspect("equal")
    axes.set_xlabel("probability of the class predicted\nbars: where the answers are", fontsize=9)
    axes.set_ylabel("share right, all seeds and each" if seeds else "share right", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
