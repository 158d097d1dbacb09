"""Whether arrays can be trained on, and whether they are the data set they are said to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitting_room.data.arrays import FILES, Arrays
from fitting_room.data.loaders import RejectedError
from fitting_room.errors import UserError
from fitting_room.spec import TASKS, Look, Recipe

MOST_CLASSES = 256
"""Records hold the predicted class of each image in a byte."""


def collected(found: Any, classes: int) -> Arrays:
    """Return what a loader found as arrays that can be trained on.

    Args:
        found: Four arrays in the order of ``FILES``, or two pairs of images and labels, as
            ``keras.datasets`` returns them. Grey images may have a channel axis of one.
        classes: Labels are integers from 0 to one below.

    Raises:
        RejectedError: They cannot be; it says which array, and why.
    """
    if isinstance(found, Arrays):
        parts: list[Any] = [getattr(found, name) for name in FILES]
    else:
        parts = [each for part in found for each in (part if isinstance(part, tuple) else (part,))]
    if len(parts) != len(FILES):
        raise RejectedError(f"it gave {len(parts)} arrays, not {len(FILES)}: {', '.join(FILES)}")
    train_images, train_labels, test_images, test_labels = parts
    arrays = Arrays(
        train_images=_images("training images", train_images),
        train_labels=_labels("training labels", train_labels, classes),
        test_images=_images("test images", test_images),
        test_labels=_labels("test labels", test_labels, classes),
    )
    if faults := list(_faults(arrays, classes)):
        raise RejectedError("; ".join(faults))
    return arrays


def _plain(what: str, found: Any) -> NDArray[Any]:
    try:
        array = np.asarray(found)
    except ValueError as error:  # rows of different length
        raise RejectedError(f"the {what} are no array: {error}") from error
    if array.dtype.kind not in "biuf":
        raise RejectedError(f"the {what} are an array of {array.dtype}, not of numbers")
    if not array.size:
        raise RejectedError(f"there are no {what}")
    return array


def _images(what: str, found: Any) -> NDArray[Any]:
    array = _plain(what, found)
    if array.ndim == 4 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3, 4):
        raise RejectedError(
            f"the {what} have the shape {array.shape}, not (n, height, width), "
            "(n, height, width, channels) or (n, features)"
        )
    if array.dtype.kind in "iu" and array.ndim > 2:
        if array.dtype != np.uint8 and (array.min() < 0 or array.max() > 255):
            raise RejectedError(
                f"the {what} are {array.dtype} from {array.min()} to {array.max()}, not from 0 to "
                "255: divide them, and hand over floats"
            )
        return array.astype(np.uint8, copy=False)
    with np.errstate(over="ignore"):
        floats = array.astype(np.float32, copy=False)
    if wrong := int(np.count_nonzero(~np.isfinite(floats).reshape(len(floats), -1).all(axis=1))):
        raise RejectedError(f"{wrong:,} of {len(floats):,} {what} hold NaN or infinite values")
    return floats


def _labels(what: str, found: Any, classes: int) -> NDArray[np.uint8]:
    array = _plain(what, found)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or array.dtype.kind == "f":
        raise RejectedError(f"the {what} are {array.dtype} {array.shape}, not integers (n,)")
    outside = int(np.count_nonzero((array < 0) | (array >= classes)))
    if outside:
        raise RejectedError(
            f"{outside:,} of {len(array):,} {what} lie outside the {classes} classes, which are 0 "
            f"to {classes - 1}: they go from {array.min()} to {array.max()}"
        )
    return array.astype(np.uint8, copy=False)


def _faults(arrays: Arrays, classes: int) -> Iterator[str]:
    train, test = arrays.train_images, arrays.test_images
    if classes > MOST_CLASSES:
        yield f"{classes} classes, and {MOST_CLASSES} are the most"
    if train.shape[1:] != test.shape[1:] or train.dtype != test.dtype:
        yield (
            f"a training image is {train.dtype} {train.shape[1:]}, and a test image "
            f"{test.dtype} {test.shape[1:]}"
        )
    parts = {
        "training": (train, arrays.train_labels),
        "test": (test, arrays.test_labels),
    }
    for part, (images, labels) in parts.items():
        if len(images) != len(labels):
            yield f"there are {len(images):,} {part} images, and {len(labels):,} labels of them"
        if missing := sorted({*range(classes)} - {*labels.tolist()}):
            yield f"no {part} image is of class {', '.join(map(str, missing))}"


def shared_images(arrays: Arrays) -> int:
    """Count the test images that are, byte for byte, training images as well."""
    known = {image.tobytes() for image in np.asarray(arrays.train_images)}
    return sum(image.tobytes() in known for image in np.asarray(arrays.test_images))


def scaled(arrays: Arrays, recipe: Recipe) -> Recipe:
    """Return the recipe as it is for these arrays: floats are scaled already, bytes are not.

    Raises:
        UserError: The recipe wants pixels in 0–1, and images are floats beyond that.
    """
    images = arrays.train_images
    if images.dtype == np.uint8 or not recipe.scale_pixels:
        return recipe
    low, high = float(images.min()), float(images.max())
    if images.ndim > 2 and not 0 <= low <= high <= 1:
        raise UserError(
            f"The training images are floats from {low:g} to {high:g}, and the recipe wants them "
            "from 0 to 1. Let the task's load scale them, hand over bytes, or say "
            "scale_pixels=False in the recipe."
        )
    return replace(recipe, scale_pixels=False)


def look_of(arrays: Arrays, classes: int) -> Look:
    """Return what is to be seen of a data set; counting what both parts share is left out."""
    images = arrays.train_images
    return Look(
        shape=images.shape[1:],
        dtype=str(images.dtype),
        lowest=float(min(images.min(), arrays.test_images.min())),
        highest=float(max(images.max(), arrays.test_images.max())),
        mean=float(f"{images.mean(dtype=np.float64):.6g}"),
        train=tuple(np.bincount(arrays.train_labels, minlength=classes).tolist()),
        test=tuple(np.bincount(arrays.test_labels, minlength=classes).tolist()),
    )


def look_differences(look: Look, arrays: Arrays) -> list[str]:
    """Return what is to be seen in ``arrays`` that is not so in ``look``, in words."""
    found = replace(look_of(arrays, len(look.train)), shared=look.shared)
    here, there = vars(found), vars(look)
    return [f"{x} is {here[x]}, not {there[x]}" for x in here if here[x] != there[x]]


def verify(
    title: str, checksums: Mapping[str, str], arrays: Arrays, look: Look | None = None
) -> None:
    """Raise RejectedError unless ``arrays`` have these checksums and this look.

    It says what they are instead.
    """
    found = arrays.checksums()
    if wrong := [name for name in FILES if found[name] != checksums[name]]:
        told = _identity(wrong, found, arrays)
        raise RejectedError(f"not {title} by SHA-256 of {', '.join(wrong)}: {told}")
    if look and (differences := look_differences(look, arrays)):
        raise RejectedError(f"it does not look like {title}: {'; '.join(differences)}")


def _identity(wrong: list[str], found: Mapping[str, str], arrays: Arrays) -> str:
    pins = [(task.title, task.pin) for task in TASKS.values() if task.pin]
    for title, pin in pins:
        if all(found[name] == pin.checksums[name] for name in wrong):
            return f"these are those of {title}"
    for title, pin in pins:
        if not look_differences(pin.look, arrays):
            return f"they look like {title}, changed or damaged"
    return "they are no data set known here"
