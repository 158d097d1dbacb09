"""A data set in memory, its four arrays on disk, and IDX, the format that they come in."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitting_room.errors import UserError
from fitting_room.spec import Dataset

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
