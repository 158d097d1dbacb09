"""Any picture, made into an image of a data set.

Each pixel becomes its distance in grey from the picture's border; what stands out is cut out and
scaled into the frame of the data set.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage

from fitting_room.errors import UserError
from fitting_room.spec import Task

LEAST_EDGE = 8
"""Pixels: in fewer there is nothing to see."""

MOST_PIXELS = 64_000_000
"""More than a camera gives; decoded, such a picture takes 200 MB."""

LEAST_CONTRAST = 16
"""Grey levels, of 255, by which something must differ from the border."""

STANDS_OUT = 0.1
"""Part of the largest distance from the border above which a pixel belongs to the thing shown."""

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class Converted:
    """An image as a model of the data set expects it."""

    pixels: Grey
    """Shape (height, width), bright on black."""
    steps: tuple[str, ...]
    """What was done, in words and in order."""


def read_picture(path: Path) -> Grey:
    """Read a PNG or JPEG of at least 8 × 8 pixels, upright; shape (height, width).

    Raises:
        UserError: It cannot be read, is of another kind, animated, too large, or too small.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path, formats=("PNG", "JPEG")) as image:
                if (why := _unfit(image)) is None:
                    return _grey(image)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            why = f"it has more than {MOST_PIXELS:,} pixels"
        except UnidentifiedImageError:
            why = "it is no PNG and no JPEG"
        except Exception as error:  # what Pillow raises of a damaged file depends on the byte
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    raise _refused(path, why)


def _unfit(image: Image.Image) -> str | None:
    """Return why the header alone excludes a picture, before a pixel is decoded."""
    width, height = image.size
    if image.format == "PNG" and getattr(image, "is_animated", False):
        return "it is animated: save one of its frames"
    if width * height > MOST_PIXELS:
        return f"it has {width:,} × {height:,} pixels, {MOST_PIXELS:,} are the most"
    if min(width, height) < LEAST_EDGE:
        return f"it has {width} × {height} pixels, {LEAST_EDGE} × {LEAST_EDGE} are the least"
    if image.mode.startswith("I"):
        return "it has 16 bits a pixel: save it with 8"
    return None


def _grey(image: Image.Image) -> Grey:
    """Decode it on white, turned as its camera was held."""
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        white = Image.new("RGBA", upright.size, "white")
        upright = Image.alpha_composite(white, upright.convert("RGBA"))
    return np.asarray(upright.convert("L"))


def _refused(path: Path, why: str) -> UserError:
    return UserError(
        f"{path} cannot be used: {why}. Expected is a PNG or JPEG of one thing, or one digit, "
        "on an even background."
    )


def convert(path: Path, task: Task, shape: tuple[int, ...]) -> Converted:
    """Return the picture in a file as the data set of ``task`` would hold it, of that shape.

    Raises:
        UserError: It cannot be read, nothing stands out on it, or images of the task are not grey.
    """
    if len(shape) != 2:
        raise UserError(
            f"A picture can be made into a grey image alone, and one of {task.title} has the "
            f"shape {shape}. Name a test image with --index."
        )
    grey = read_picture(path).astype(float)
    height, width = grey.shape
    border = float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    apart = np.abs(grey - border)
    if apart.max() < LEAST_CONTRAST:
        raise _refused(path, "nothing on it stands out: all of its pixels are nearly alike")
    steps = [f"read {width} × {height} pixels", f"grey, as distance from the border's {border:.0f}"]
    if grey.shape != shape:
        apart, framed = _framed(apart, task, shape)
        steps += framed
    return Converted(apart.round().astype(np.uint8), tuple(steps))


def _framed(
    apart: NDArray[np.float64], task: Task, shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], list[str]]:
    """Cut out what stands out, scale its longest side, and centre it on black."""
    thing = (apart > STANDS_OUT * apart.max()).astype(int)
    cut = apart[ndimage.find_objects(thing)[0]].round().astype(np.uint8)
    sides = list(zip(cut.shape, shape, strict=True))
    scale = min(min(task.longest or frame, frame) / side for side, frame in sides)
    height, width = (max(1, round(side * scale)) for side in cut.shape)
    small = np.asarray(Image.fromarray(cut).resize((width, height)))
    room = [frame - side for side, frame in zip(small.shape, shape, strict=True)]
    corner = [free // 2 for free in room]
    if task.centred == "mass":
        mass = ndimage.center_of_mass(small)
        corner = [
            min(max(round(frame / 2 - m), 0), free)
            for m, frame, free in zip(mass, shape, room, strict=True)
        ]
    canvas = np.zeros(shape)
    canvas[corner[0] : corner[0] + height, corner[1] : corner[1] + width] = small
    return canvas, [
        *([f"cut to {cut.shape[1]} × {cut.shape[0]}"] if cut.shape != apart.shape else []),
        *([f"scaled to {width} × {height}"] if cut.shape != (height, width) else []),
        *([f"centred by its {task.centred} in {shape[1]} × {shape[0]}"] if any(room) else []),
    ]
