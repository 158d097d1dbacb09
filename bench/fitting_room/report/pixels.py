"""Inputs of any data set as bytes that can be shown, or in words why they cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def why_unseen(shape: tuple[int, ...]) -> str:
    """Return why an input of a shape has no picture, as the end of a sentence; empty if it has."""
    if len(shape) == 1:
        return f"its inputs are vectors of {shape[0]} features, which have no picture"
    if len(shape) == 3 and shape[2] != 3:
        return f"its images have {shape[2]} channels, and pictures are grey or have three"
    return ""


def shown(images: NDArray[Any]) -> NDArray[np.uint8]:
    """Return images of any shape as bytes.

    Floats from 0 to 1 become 0 to 255; others are stretched from their least to their greatest.
    """
    if images.dtype == np.uint8:
        return images
    low, high = float(images.min()), float(images.max())
    if 0 <= low <= high <= 1:
        low, high = 0.0, 1.0
    found: NDArray[np.uint8] = ((images - low) * (255 / ((high - low) or 1))).round().astype("u1")
    return found
