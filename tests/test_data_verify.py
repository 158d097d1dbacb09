"""Data sets are known by checksum and by look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from data_world import know, tiny

from fitting_room.data.arrays import FILES, combined
from fitting_room.data.catalogue import KNOWN, Look
from fitting_room.data.progress import RejectedError
from fitting_room.data.verify import class_counts, look_differences, verify

LOOK = Look(train_counts=(100,) * 10, test_counts=(50,) * 10, pixel_mean=0.0)


def test_a_data_set_passes_as_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The very content is accepted by checksum and by look."""
    verify(know(monkeypatch, "mnist"), tiny("mnist"))


def test_one_changed_pixel_is_noticed_and_the_look_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single changed bit fails the checksum, though it still looks like MNIST."""
    known, arrays = know(monkeypatch, "mnist"), tiny("mnist")
    images = arrays.train_images.copy()
    images[0, 0, 0] ^= 1

    with pytest.raises(RejectedError, match="look like MNIST, changed or damaged"):
        verify(known, replace(arrays, train_images=images))


def test_data_of_unknown_origin_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is neither data set by checksum nor by look is said to be none."""
    known, arrays = know(monkeypatch, "mnist"), tiny("mnist")

    with pytest.raises(RejectedError, match="no data set known here"):
        verify(known, replace(arrays, train_images=255 - arrays.train_images))


@pytest.mark.parametrize(
    ("look", "told"),
    [
        (replace(LOOK, pixel_mean=72.94), "the mean pixel of the training images is"),
        (replace(LOOK, train_counts=(99, 101, *(100,) * 8)), "training images per class are"),
        (replace(LOOK, test_counts=(50,) * 9), "test images are uint8 (500, 28, 28), not uint8"),
    ],
)
def test_the_look_is_judged_even_where_the_checksum_agrees(
    monkeypatch: pytest.MonkeyPatch, look: Look, told: str
) -> None:
    """A wrong table of checksums cannot let another data set pass: its look betrays it."""
    known = know(monkeypatch, "mnist")

    with pytest.raises(RejectedError) as error:
        verify(replace(known, look=look), tiny("mnist"))

    assert "it does not look like MNIST" in str(error.value)
    assert told in str(error.value)


def test_arrays_of_a_wrong_kind_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels in two dimensions and empty images are told, and break nothing."""
    known, arrays = know(monkeypatch, "mnist"), tiny("mnist")
    strange = replace(
        arrays,
        train_labels=np.zeros((1000, 1), np.uint8),
        train_images=np.zeros((0, 28, 28), np.uint8),
    )

    told = " ".join(look_differences(known, strange))

    assert "training labels are uint8 (1000, 1), not uint8 (1000,)" in told
    assert "training images are uint8 (0, 28, 28), not uint8 (1000, 28, 28)" in told


def test_the_known_data_sets_share_no_file() -> None:
    """No checksum stands for both data sets, and every one is a whole SHA-256."""
    digests = [known.checksums[name] for known in KNOWN.values() for name in FILES]

    assert len(set(digests)) == 8
    assert all(len(bytes.fromhex(digest)) == 32 for digest in digests)


def test_the_known_looks_have_as_many_images_as_published() -> None:
    """Both data sets have 60,000 training and 10,000 test images in ten classes."""
    for known in KNOWN.values():
        assert sum(known.look.train_counts) == 60_000
        assert sum(known.look.test_counts) == 10_000
        assert len(known.look.train_counts) == len(known.look.test_counts) == 10


def test_the_combined_checksum_depends_on_which_array_is_which() -> None:
    """Exchanging the checksums of two arrays gives another combined one."""
    plain = dict.fromkeys(FILES, "a" * 64)

    assert combined({**plain, "train_images": "b" * 64}) != combined(
        {**plain, "test_images": "b" * 64}
    )


def test_classes_are_counted_from_zero_to_nine() -> None:
    """Classes without images are counted as 0."""
    assert class_counts(np.array([3, 3, 9], np.uint8)) == (0, 0, 0, 2, 0, 0, 0, 0, 0, 1)
