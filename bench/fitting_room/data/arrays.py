"""A data set in memory: its four arrays on disk, IDX, their usual format, and whether they will do.

``collected`` says whether arrays can be trained on, and ``verify`` whether they are the data set
that they are said to be.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitting_room.errors import UserError
from fitting_room.spec import TASKS, Dataset, Look, Recipe


class SourceError(Exception):
    """A source gave nothing; the message says why, as the end of a sentence."""


class UnavailableError(SourceError):
    """The source is not there: no such folder, no network, no such program."""


class RejectedError(SourceError):
    """What should be there is not as it should be: damaged, cut short, another data set."""


TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""Code of an element in an IDX file → its type, big-endian."""


def header(array: NDArray[Any]) -> bytes:
    """Return the bytes that come before those of ``array`` in an IDX file."""
    code = next(code for code, kind in TYPES.items() if np.dtype(kind) == _big(array.dtype))
    return struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)


def _big(kind: np.dtype[Any]) -> np.dtype[Any]:
    return kind.newbyteorder(">")


def encode(array: NDArray[Any]) -> bytes:
    """Return ``array``, of any shape with at least one dimension, as an IDX file."""
    return header(array) + array.astype(_big(array.dtype), copy=False).tobytes()


def decode(content: bytes) -> NDArray[Any]:
    """Return the array of an IDX file; it is read-only and shares ``content``.

    Raises ValueError where the file is no IDX file, too short or too long.
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in TYPES or content[3] == 0:
        raise ValueError("is no IDX file")
    kind, dimensions = np.dtype(TYPES[content[2]]), content[3]
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise ValueError("ends within its header")
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    expected = start + kind.itemsize * math.prod(shape)
    if len(content) != expected:
        raise ValueError(f"holds {len(content):,} bytes, and its header announces {expected:,}")
    return np.frombuffer(content, kind, offset=start).reshape(shape)


def checksum(array: NDArray[Any]) -> str:
    """Return the SHA-256 of ``encode(array)``, in hexadecimal; bytes are hashed without a copy."""
    digest = hashlib.sha256(header(array))
    digest.update(np.ascontiguousarray(array, _big(array.dtype)).data)
    return digest.hexdigest()


FILES: Mapping[str, str] = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
"""Array → IDX file, in the order of every checksum; the cache form is ``<array>.npy``."""


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """A data set in memory.

    Images are grey, (n, height, width), or have channels, (n, height, width, channels): uint8 from
    0 to 255, or float32. Feature vectors are (n, features), float32. Labels are (n,), uint8.
    """

    train_images: NDArray[Any]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[Any]
    test_labels: NDArray[np.uint8]

    def checksums(self) -> dict[str, str]:
        """Return array → SHA-256 of the IDX file that holds it."""
        return {name: checksum(getattr(self, name)) for name in FILES}


def combined(checksums: Mapping[str, str]) -> str:
    """Return the one SHA-256 that names a data set, given those of its four IDX files."""
    return hashlib.sha256("".join(checksums[name] for name in FILES).encode("ascii")).hexdigest()


def read_folder(folder: Path) -> Arrays:
    """Map the four ``.npy`` files of ``folder`` into memory, read-only, unverified.

    Raises OSError or ValueError where one is missing or is no plain array. Nothing is unpickled.
    """
    return Arrays(**{name: read_array(folder / f"{name}.npy") for name in FILES})


def read_array(path: Path) -> NDArray[Any]:
    """Map one ``.npy`` file into memory, read-only; raises OSError or ValueError."""
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # a damaged header fails in numpy, ast and tokenize in many ways
        raise ValueError(f"{path.name} is damaged ({error})") from error
    if array.dtype not in (np.uint8, np.float32):
        raise ValueError(f"{path.name} holds {array.dtype}, not uint8 or float32")
    return array


def load(dataset: Dataset) -> Arrays:
    """Return the arrays of a data set that ``find`` or ``sample`` gave, mapped into memory.

    Raises UserError where its folder was removed or damaged since.
    """
    try:
        return read_folder(Path(dataset.folder))
    except (OSError, ValueError) as error:
        raise UserError(
            f"The copy of {dataset.name} in {dataset.folder} cannot be read: {error}.\n"
            f"It was whole when it was found. Run `fitting-room data {dataset.name}` to mend it."
        ) from error


MOST_CLASSES = 256
"""Records hold the predicted class of each image in a byte."""


def collected(found: Any, classes: int) -> Arrays:
    """Return what a loader found as arrays that can be trained on.

    It is four arrays in the order of ``FILES``, or two pairs of images and labels, as
    ``keras.datasets`` returns them. Grey images may have a channel axis of one, and labels are
    integers below ``classes``. Raises RejectedError, which says what array will not do, and why.
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


TRAIN_PER_CLASS, TEST_PER_CLASS = 100, 50
"""Images of each class in a sample."""


def chosen(labels: NDArray[np.uint8], *, per_class: int) -> NDArray[np.intp]:
    """Return ``per_class`` indices of each class of ``labels``, shape (n,), in rising order.

    They are spread evenly over the data set, whose last images may be of another origin than its
    first; without a random generator, whose stream may change.
    """
    parts = []
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        taken = min(per_class, len(places))
        parts.append(places[np.arange(taken) * len(places) // taken])
    return np.sort(np.concatenate(parts))


def reduced(arrays: Arrays) -> Arrays:
    """Return the sample of a whole data set."""
    train = chosen(arrays.train_labels, per_class=TRAIN_PER_CLASS)
    test = chosen(arrays.test_labels, per_class=TEST_PER_CLASS)
    return Arrays(
        train_images=arrays.train_images[train],
        train_labels=arrays.train_labels[train],
        test_images=arrays.test_images[test],
        test_labels=arrays.test_labels[test],
    )


def write_idx(arrays: Arrays, folder: Path) -> None:
    """Write ``arrays`` to ``folder`` as compressed IDX files, as a sample is shipped."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in FILES.items():
        packed = gzip.compress(encode(getattr(arrays, name)), 9, mtime=0)
        (folder / f"{file}.gz").write_bytes(packed)


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
