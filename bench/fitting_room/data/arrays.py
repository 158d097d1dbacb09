"""A data set in memory, its four arrays on disk, and IDX, the format that they come in."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fitting_room.errors import UserError
from fitting_room.spec import Dataset

_UNSIGNED_BYTE = 0x08


def header(array: NDArray[np.uint8]) -> bytes:
    """Return the bytes that come before those of ``array`` in an IDX file."""
    return struct.pack(f">HBB{array.ndim}I", 0, _UNSIGNED_BYTE, array.ndim, *array.shape)


def encode(array: NDArray[np.uint8]) -> bytes:
    """Return ``array``, uint8 of any shape with at least one dimension, as an IDX file."""
    return header(array) + array.tobytes()


def decode(content: bytes) -> NDArray[np.uint8]:
    """Return the uint8 array of an IDX file; it is read-only and shares ``content``.

    Raises ValueError where the file is no IDX file of unsigned bytes, too short or too long.
    """
    shape = _shape(content)
    start = 4 + 4 * len(shape)
    expected = start + math.prod(shape)
    if len(content) != expected:
        raise ValueError(f"holds {len(content):,} bytes, and its header announces {expected:,}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _shape(content: bytes) -> tuple[int, ...]:
    if len(content) < 4 or content[:3] != bytes((0, 0, _UNSIGNED_BYTE)) or content[3] == 0:
        raise ValueError("is no IDX file of unsigned bytes")
    dimensions = content[3]
    if len(content) < 4 + 4 * dimensions:
        raise ValueError("ends within its header")
    return struct.unpack_from(f">{dimensions}I", content, 4)


def checksum(array: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of ``encode(array)``, in hexadecimal, without making that copy."""
    digest = hashlib.sha256(header(array))
    digest.update(np.ascontiguousarray(array).data)
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
    """A data set: images (n, 28, 28) and labels (n,), all uint8, pixels 0–255, labels 0–9."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
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


def read_array(path: Path) -> NDArray[np.uint8]:
    """Map one ``.npy`` file of bytes into memory, read-only; raises OSError or ValueError."""
    try:
        array: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # a damaged header fails in numpy, ast and tokenize in many ways
        raise ValueError(f"{path.name} is damaged ({error})") from error
    if array.dtype != np.uint8:
        raise ValueError(f"{path.name} holds {array.dtype}, not uint8")
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
            f"It was whole when it was found. Run `python -m bench data {dataset.name}` to mend it."
        ) from error
