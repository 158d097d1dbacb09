"""What a thing lies on in a picture: how bright it is, and how to get rid of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FUZZ = 0.05
"""Distance from the ground, over the largest in RGB, that Fashion MNIST still trims off."""

SPECK = 0.01
"""Part of the largest stroke below which a separate one is dirt."""

Grey = NDArray[np.float64]
"""Shape (height, width), 0–255."""


@dataclass(frozen=True)
class Ground:
    """The even ground of a picture."""

    level: float
    """Its grey, 0–255: the median of the four corners."""
    light: bool
    """Whether what lies on it is darker."""

    def blackened(self, grey: Grey) -> tuple[Grey, list[str]]:
        """Negate what is dark on light and make the ground black; say which was done."""
        level, steps = self.level, []
        if self.light:
            grey, level = 255 - grey, 255 - self.level
            steps.append("negated, for it is dark on light")
        if level >= 1:
            grey = ((grey - level) * 255 / (255 - level)).clip(0, 255)
            steps.append(f"ground of grey {level:.0f} made black")
        return grey, steps


def ground_of(grey: Grey) -> Ground:
    """Judge the ground by the corners, and whether it is light by what differs from it."""
    level = float(np.median(_corners(grey)))
    thing = grey[np.abs(grey - level) > FUZZ * 255]
    return Ground(level=level, light=bool(level > np.median(thing)) if thing.size else level > 127)


def trimmed(pixels: NDArray[Any]) -> NDArray[Any]:
    """Cut the edges off RGB pixels, shape (height, width, 3), that are as the corners are."""
    apart = np.sqrt(((pixels - np.median(_corners(pixels), axis=0)) ** 2).mean(axis=2))
    thing = apart > FUZZ * 255
    return pixels[_box(thing)] if thing.any() else pixels


def ink(grey: Grey) -> tuple[NDArray[np.bool_], float]:
    """Return the box of what is bright on black, without specks of dirt, and from which grey."""
    threshold = otsu(grey)
    parts, _ = ndimage.label(grey > threshold, structure=np.ones((3, 3)))
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0  # the ground
    stroke = ((sizes > 0) & (sizes >= SPECK * sizes.max()))[parts]
    return stroke[_box(stroke)], threshold


def otsu(grey: Grey) -> float:
    """Return the grey level that best parts two classes, the upper one above it.

    Otsu, "A threshold selection method from gray-level histograms", 1979: it maximises the
    variance between the classes.
    """
    counts = np.histogram(grey, bins=256, range=(0, 256))[0].astype(float)
    below, sums = np.cumsum(counts), np.cumsum(counts * np.arange(256))
    above = below[-1] - below
    apart = sums / np.maximum(below, 1) - (sums[-1] - sums) / np.maximum(above, 1)
    between = below * above * apart**2
    return float(np.flatnonzero(between == between.max()).mean())


def _corners(pixels: NDArray[Any]) -> NDArray[Any]:
    corners: NDArray[Any] = pixels[[0, 0, -1, -1], [0, -1, 0, -1]]
    return corners


def _box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
