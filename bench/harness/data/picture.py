"""A PNG or JPEG of anybody's, opened with suspicion."""

from __future__ import annotations

import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from bench.harness.errors import UserError

LEAST_EDGE = 8
"""Pixels: in fewer there is nothing to see."""

MOST_PIXELS = 64_000_000
"""More than a camera gives; decoded, such a picture takes 200 MB."""

LEAST_CONTRAST = 16
"""Grey levels, of 255, between the darkest and the brightest pixel."""

BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, MemoryError)
"""What Pillow raises where a file is not what it says; some of it depends on the byte."""


@dataclass(frozen=True)
class Picture:
    """A picture as it was meant to be seen."""

    pixels: NDArray[Any]
    """Shape (height, width, 3), RGB, 0–255."""
    steps: tuple[str, ...]
    """What was done to it so far, in words."""

    @property
    def grey(self) -> NDArray[np.float64]:
        """Luma of each pixel, shape (height, width), 0–255, as ITU-R BT.601 weighs the colours."""
        weighed: NDArray[np.float64] = self.pixels @ np.array([0.299, 0.587, 0.114])
        return weighed


def read_picture(path: Path) -> Picture:
    """Read a PNG or JPEG of at least 8 × 8 pixels.

    Raises:
        UserError: It cannot be read, is of another kind, animated, too large, too small, or blank.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "JPEG")) as image:
                _check(image, path)
                picture = _upright(image)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _refused(path, f"it has more than {MOST_PIXELS:,} pixels") from error
    except UnidentifiedImageError as error:
        raise _refused(path, "it is no PNG and no JPEG") from error
    except BROKEN as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise _refused(path, said) from error
    if np.ptp(picture.grey) < LEAST_CONTRAST:
        raise _refused(path, "there is nothing to see on it: all of its pixels are nearly alike")
    return picture


def _check(image: Image.Image, path: Path) -> None:
    """Refuse what the header tells, before a pixel is decoded."""
    width, height = image.size
    if image.format == "PNG" and getattr(image, "is_animated", False):
        raise _refused(path, "it is animated: save one of its frames")
    if width * height > MOST_PIXELS:
        raise _refused(path, f"it has {width:,} × {height:,} pixels, {MOST_PIXELS:,} are the most")
    if min(width, height) < LEAST_EDGE:
        said = f"it has {width} × {height} pixels, {LEAST_EDGE} × {LEAST_EDGE} are the least"
        raise _refused(path, said)


def _upright(image: Image.Image) -> Picture:
    """Decode it, turned as its camera was held, on an opaque ground."""
    width, height = image.size
    steps = [f"read {width} × {height} pixels, {image.mode}"]
    upright = ImageOps.exif_transpose(image)
    if image.getexif().get(0x0112, 1) != 1:
        steps.append("turned as its camera was held")
    if upright.mode.startswith("I"):  # 16 bits of grey, which Pillow would cut off and not scale
        grey = (np.asarray(upright, np.float64) / 257).round().clip(0, 255).astype(np.uint8)
        return Picture(np.repeat(grey[..., np.newaxis], 3, axis=2), tuple(steps))
    if not upright.has_transparency_data:
        return Picture(np.asarray(upright.convert("RGB")), tuple(steps))
    pixels = np.asarray(upright.convert("RGBA"), np.float64)
    opaque = pixels[..., 3:] / 255
    shown = (pixels[..., :3] * opaque).sum() / max(3 * opaque.sum(), 1)
    ground, name = (255.0, "white") if shown < 128 else (0.0, "black")
    flat = (pixels[..., :3] * opaque + ground * (1 - opaque)).round().astype(np.uint8)
    if opaque.min() < 1:
        steps.append(f"put on {name}, for it is transparent")
    return Picture(flat, tuple(steps))


def _refused(path: Path, why: str) -> UserError:
    return UserError(
        f"{path} cannot be used: {why}. Expected is a PNG or JPEG of one thing, or one digit, "
        "on an even ground."
    )
