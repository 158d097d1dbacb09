"""The validation split: training images alone, whatever lies beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data_world import tiny

from fitting_room import data
from fitting_room.data.arrays import FILES, Arrays
from fitting_room.data.split import validation_split
from fitting_room.errors import UserError
from fitting_room.spec import Dataset


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def without_test_images() -> Dataset:
    """Return a data set whose test arrays are gone: whoever opens them fails."""
    dataset = data.sample("mnist")
    for name in ("test_images", "test_labels"):
        (Path(dataset.folder) / f"{name}.npy").unlink()
    return dataset


def test_the_last_training_images_take_the_place_of_the_test_set(
    without_test_images: Dataset,
) -> None:
    """It needs no file of the test set, and what it holds are the training images in order."""
    found, whole = data.load(validation_split(without_test_images, 100)), tiny("mnist")
    assert (len(found.train_images), len(found.test_images)) == (900, 100)
    images = np.concatenate([found.train_images, found.test_images])
    labels = np.concatenate([found.train_labels, found.test_labels])
    assert np.array_equal(images, whole.train_images)
    assert np.array_equal(labels, whole.train_labels)


def test_no_test_image_is_in_its_folder() -> None:
    """A trial that is given the folder cannot meet one, under any name."""
    whole = tiny("mnist")
    folder = Path(validation_split(data.sample("mnist"), 100).folder)
    arrays = {path.name: np.load(path) for path in folder.glob("*.npy")}
    assert sorted(arrays) == sorted(f"{name}.npy" for name in FILES)
    known = {image.tobytes() for image in whole.train_images}
    images = np.concatenate([arrays["train_images.npy"], arrays["test_images.npy"]])
    assert {image.tobytes() for image in images} <= known


def test_it_says_what_it_is() -> None:
    """Its source, its mark and its checksum are its own."""
    whole = data.sample("mnist")
    split = validation_split(whole, 100)
    assert split.source == "validation split of the training images (last 100)"
    assert (split.name, split.validation, whole.validation) == ("mnist", True, False)
    assert split.folder != whole.folder
    assert len({split.checksum, whole.checksum, validation_split(whole, 50).checksum}) == 3


def test_a_damaged_split_is_made_anew() -> None:
    """It is held against the training images whenever it is asked for."""
    path = Path(validation_split(data.sample("mnist"), 100).folder) / "test_images.npy"
    np.save(path, np.zeros((100, 28, 28), np.uint8))
    found: Arrays = data.load(validation_split(data.sample("mnist"), 100))
    assert np.array_equal(found.test_images, tiny("mnist").train_images[-100:])


@pytest.mark.parametrize("held_out", [0, -1, 1000])
def test_too_few_or_too_many_cannot_be_held_out(held_out: int) -> None:
    """Some images must be left on either side."""
    with pytest.raises(UserError, match=r"of 1,000 training images cannot .* from 1 to 999"):
        validation_split(data.sample("mnist"), held_out)


def test_training_images_that_are_not_there_are_told(without_test_images: Dataset) -> None:
    """The message says how to mend them."""
    (Path(without_test_images.folder) / "train_labels.npy").unlink()
    with pytest.raises(UserError, match=r"cannot be read: .* Run `fitting-room data`"):
        validation_split(without_test_images, 100)
