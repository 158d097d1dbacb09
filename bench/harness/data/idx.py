"""IDX, the format in which MNIST was published: a magic number, the dimensions, the bytes.

Format: http://yann.lecun.com/exdb/mnist/, "The IDX file format". Only unsigned bytes are known.
"""

from __future__ import annotations

import hashlib
import math
import struct

import numpy as np
from numpy.typing import NDArray

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
