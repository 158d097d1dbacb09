"""Whether arrays are the data set they are said to be: by checksum, and by look."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fitting_room.data.arrays import FILES, Arrays
from fitting_room.data.catalogue import KNOWN, Known
from fitting_room.data.progress import RejectedError

_CLASSES = 10
_MEAN_TOLERANCE = 0.01
"""Look.pixel_mean has two decimals."""


def verify(known: Known, arrays: Arrays) -> None:
    """Raise RejectedError unless ``arrays`` are ``known``; it says what they are instead."""
    verify_checksums(known.title, known.checksums, arrays)
    differences = look_differences(known, arrays)
    if differences:
        raise RejectedError(f"it does not look like {known.title}: {'; '.join(differences)}")


def verify_checksums(title: str, expected: Mapping[str, str], arrays: Arrays) -> None:
    """Raise RejectedError unless each array has the SHA-256 that ``expected`` holds for it."""
    found = arrays.checksums()
    wrong = [name for name in FILES if found[name] != expected[name]]
    if wrong:
        files = ", ".join(FILES[name] for name in wrong)
        raise RejectedError(f"not {title} by SHA-256 of {files}: {_identity(wrong, found, arrays)}")


def _identity(wrong: list[str], found: Mapping[str, str], arrays: Arrays) -> str:
    for other in KNOWN.values():
        if all(found[name] == other.checksums[name] for name in wrong):
            return f"these are {other.title}'s files"
    for other in KNOWN.values():
        if not look_differences(other, arrays):
            return f"they look like {other.title}, changed or damaged"
    return "they are no data set known here"


def look_differences(known: Known, arrays: Arrays) -> list[str]:
    """Return what is to be seen in ``arrays`` that is not so in ``known``, in words."""
    look = known.look
    return [
        *_images("training", arrays.train_images, sum(look.train_counts)),
        *_images("test", arrays.test_images, sum(look.test_counts)),
        *_labels("training", arrays.train_labels, look.train_counts),
        *_labels("test", arrays.test_labels, look.test_counts),
        *_pixels(arrays.train_images, look.pixel_mean),
    ]


def _images(part: str, images: NDArray[np.uint8], number: int) -> list[str]:
    expected = (number, 28, 28)
    if images.shape == expected and images.dtype == np.uint8:
        return []
    return [f"{part} images are {images.dtype} {images.shape}, not uint8 {expected}"]


def _labels(part: str, labels: NDArray[np.uint8], expected: tuple[int, ...]) -> list[str]:
    if labels.ndim != 1 or labels.dtype != np.uint8:
        return [f"{part} labels are {labels.dtype} {labels.shape}, not uint8 ({sum(expected)},)"]
    counts = class_counts(labels)
    return [] if counts == expected else [f"{part} images per class are {counts}, not {expected}"]


def _pixels(images: NDArray[np.uint8], expected: float) -> list[str]:
    mean = float(images.mean()) if images.size else 0.0
    if abs(mean - expected) < _MEAN_TOLERANCE:
        return []
    return [f"the mean pixel of the training images is {mean:.2f}, not {expected:.2f}"]


def class_counts(labels: NDArray[np.uint8]) -> tuple[int, ...]:
    """Return how many of ``labels``, shape (n,), uint8, each class has, from class 0 on."""
    return tuple(int(count) for count in np.bincount(labels, minlength=_CLASSES))
