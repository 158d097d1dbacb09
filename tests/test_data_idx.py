"""The IDX format, there and back."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from fitting_room.data import arrays as idx

SHAPES = array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)
KINDS = st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"])
NUMBERS = KINDS.flatmap(lambda kind: arrays(kind, SHAPES))


@settings(deadline=None)  # a busy machine is no fault
@given(array=NUMBERS)
def test_decoding_gives_back_what_was_encoded(array: NDArray[Any]) -> None:
    """No shape and no value is lost on the way."""
    decoded = idx.decode(idx.encode(array))

    assert decoded.shape == array.shape
    assert np.array_equal(decoded, array, equal_nan=True)


@settings(deadline=None)  # a busy machine is no fault
@given(array=NUMBERS, data=st.data())
def test_a_file_cut_anywhere_is_refused(array: NDArray[Any], data: st.DataObject) -> None:
    """No beginning of an IDX file passes for a whole one."""
    content = idx.encode(array)
    length = data.draw(st.integers(0, len(content) - 1))

    with pytest.raises(ValueError, match=r"IDX|bytes|header"):
        idx.decode(content[:length])


@settings(deadline=None)  # a busy machine is no fault
@given(array=NUMBERS)
def test_the_checksum_is_that_of_the_encoded_file(array: NDArray[Any]) -> None:
    """The checksum without a copy equals hashlib's over the file, for any memory order."""
    expected = hashlib.sha256(idx.encode(array)).hexdigest()

    assert idx.checksum(np.asfortranarray(array)) == expected


def test_the_bytes_are_those_the_format_prescribes() -> None:
    """A 1 × 2 array gives the bytes written out by hand from the format's description."""
    expected = bytes.fromhex("00 00 08 02  00 00 00 01  00 00 00 02  07 ff")

    assert idx.encode(np.array([[7, 255]], np.uint8)) == expected


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b\x08\x00", b"\0\0\x0a\x01\0\0\0\0", b"\0\0\x08\0"]
)
def test_what_is_no_idx_file_of_bytes_is_refused(content: bytes) -> None:
    """An empty file, gzip, an unknown type and no dimension at all are each refused."""
    with pytest.raises(ValueError, match="no IDX file"):
        idx.decode(content)


def test_trailing_bytes_are_refused() -> None:
    """One byte too many makes a file another file."""
    with pytest.raises(ValueError, match="holds 11 bytes, and its header announces 10"):
        idx.decode(idx.encode(np.zeros(2, np.uint8)) + b"\0")
