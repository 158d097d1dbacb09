"""Anybody's picture, made into an image as the data set's own were made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from bench.harness.data.ground import Grey, Ground, ground_of, ink, trimmed
from bench.harness.data.picture import Picture

EDGE = 28
"""Pixels along an image of either data set."""

BOX = 20
"""Pixels of the longest side of an MNIST digit."""

CENTRE = 14
"""Row and column, from 0, on which the mass of an MNIST digit is centred."""


@dataclass(frozen=True)
class Converted:
    """An image as a model of the data set expects it."""

    pixels: NDArray[np.uint8]
    """Shape (28, 28), bright on black."""
    steps: tuple[str, ...]
    """What was done, in words and in order."""


def convert(picture: Picture, task: str) -> Converted:
    """Return the picture as the data set of ``task`` would hold it.

    One that has 28 × 28 pixels is taken as it is, but for its ground, which becomes black.
    """
    ground = ground_of(picture.grey)
    if picture.pixels.shape[:2] == (EDGE, EDGE):
        grey, steps = ground.blackened(picture.grey)
        steps = ["28 × 28 already: neither cut nor moved", *steps]
    else:
        grey, steps = PIPELINES[task](picture, ground)
    pixels = grey.round().clip(0, 255).astype(np.uint8)
    return Converted(pixels, (*picture.steps, *steps))


def as_clothing(picture: Picture, ground: Ground) -> tuple[Grey, list[str]]:
    """Trim, 28 pixels along the longest edge, sharpen, extend, negate, grey.

    Xiao, Rasul and Vollgraf, "Fashion-MNIST", 2017, section 2. Their pictures were dark on white.
    """
    cut = trimmed(picture.pixels)
    width, height = _scaled(cut, EDGE)
    small = Image.fromarray(cut).resize((width, height), Image.Resampling.NEAREST)
    sharp = ndimage.convolve(np.asarray(small, float), SHARPEN[..., np.newaxis], mode="nearest")
    grey, blackened = ground.blackened(Picture(sharp.clip(0, 255), ()).grey)
    canvas = np.zeros((EDGE, EDGE))
    top, left = (EDGE - height) // 2, (EDGE - width) // 2
    canvas[top : top + height, left : left + width] = grey
    return canvas, [
        f"ground trimmed off: {cut.shape[1]} × {cut.shape[0]} left",
        f"longest edge to {EDGE} by leaving out rows and columns: {width} × {height}",
        "sharpened (Gaussian, radius and sd of a pixel)",
        *blackened,
        f"extended to {EDGE} × {EDGE}, centred",
    ]


def as_digit(picture: Picture, ground: Ground) -> tuple[Grey, list[str]]:
    """Black and white, 20 pixels along the longest side with grey edges, centred by its mass.

    LeCun, Cortes and Burges, "The MNIST database of handwritten digits": NIST's were bilevel.
    """
    grey, blackened = ground.blackened(picture.grey)
    stroke, threshold = ink(grey)
    width, height = _scaled(stroke, BOX)
    large = Image.fromarray(stroke.astype(np.float32) * 255)
    canvas = np.zeros((EDGE, EDGE))
    canvas[:height, :width] = np.asarray(large.resize((width, height), Image.Resampling.BOX))
    mass = ndimage.center_of_mass(canvas)
    room = (EDGE - height, EDGE - width)
    moved = [min(max(round(CENTRE - m), 0), most) for m, most in zip(mass, room, strict=True)]
    return np.roll(canvas, moved, axis=(0, 1)), [
        *blackened,
        f"ink is what exceeds grey {threshold:.0f}, Otsu's threshold",
        f"its box of {stroke.shape[1]} × {stroke.shape[0]} to {width} × {height}, edges grey",
        f"centre of mass to row and column {CENTRE} of {EDGE} × {EDGE}",
    ]


PIPELINES: dict[str, Callable[[Picture, Ground], tuple[Grey, list[str]]]] = {
    "fashion_mnist": as_clothing,
    "mnist": as_digit,
}
"""Task → how the images of its data set were made."""


def _gaussian_sharpening() -> NDArray[np.float64]:
    """A sharpening kernel, (3, 3), as ImageMagick's ``-sharpen 1x1`` has it: it adds up to 1."""
    y, x = np.mgrid[-1:2, -1:2]
    kernel = -np.exp(-(x**2 + y**2) / 2)
    kernel[1, 1] = -2 * kernel.sum()
    sharpening: NDArray[np.float64] = kernel / kernel.sum()
    return sharpening


SHARPEN = _gaussian_sharpening()


def _scaled(pixels: NDArray[Any], longest: int) -> tuple[int, int]:
    """Return width and height with the same ratio, the larger of them ``longest``."""
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))
