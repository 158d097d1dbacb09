"""What can be trained on, and what a data set is known by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_world import know, tiny
from records import make_record

from fitting_room.data.arrays import (
    FILES,
    Arrays,
    RejectedError,
    collected,
    combined,
    look_differences,
    look_of,
    scaled,
    shared_images,
    verify,
)
from fitting_room.errors import UserError
from fitting_room.spec import TASKS, Recipe

IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
LABELS = np.array([0, 1, 1])
GOOD = (IMAGES, LABELS, IMAGES[:2], LABELS[:2])


def changed(**parts: Any) -> tuple[Any, ...]:
    """Return four good arrays of two classes, with some in the place of others."""
    return tuple({**dict(zip(FILES, GOOD, strict=True)), **parts}.values())


def floats(value: float) -> Any:
    """Return three float images, one pixel of which has the value."""
    images = np.zeros((3, 4, 5))
    images[1, 0, 0] = value
    return images


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (changed(train_images=floats(np.nan)), "1 of 3 training images hold NaN or infinite"),
        (changed(train_images=floats(np.inf)), "1 of 3 training images hold NaN or infinite"),
        (changed(train_images=floats(1e300)), "1 of 3 training images hold NaN or infinite"),
        (changed(train_labels=[0, 1, 2]), "1 of 3 training labels lie outside the 2 classes"),
        (changed(test_labels=[0, -1]), "1 of 2 test labels .*0 to 1: they go from -1 to 0"),
        (changed(test_labels=[0, 0]), "no test image is of class 1"),
        (changed(train_labels=[1, 1, 1]), "no training image is of class 0"),
        (changed(test_images=[]), "there are no test images"),
        (changed(train_labels=[0, 1]), "there are 3 training images, and 2 labels of them"),
        (changed(train_images=np.array([{}, {}, {}])), "are an array of object, not of numbers"),
        (changed(train_images=[[1], [1, 2]]), "the training images are no array"),
        (changed(train_labels=["a", "b", "c"]), "training labels are an array of <U1"),
        (changed(train_labels=[0.0, 1.0, 1.0]), "are float64 .*, not integers"),
        (changed(train_labels=np.eye(3, 2)), r"are float64 \(3, 2\), not integers"),
        (
            changed(train_images=IMAGES.astype(int) + 300),
            "int64 from 300 to 359, not from 0",
        ),
        (changed(train_images=np.zeros(3)), r"have the shape \(3,\), not \(n, height, width\)"),
        (changed(test_images=IMAGES[:2, :3]), r"image is uint8 \(4, 5\), and a test .* \(3, 5\)"),
        (changed(test_images=floats(0)[:2]), "a test image float32"),
        (GOOD[:3], "it gave 3 arrays, not 4: train_images"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_with_the_reason(found: Any, said: str) -> None:
    """Before anything is trained, and by name and number."""
    with pytest.raises(RejectedError, match=said):
        collected(found, 2)


def test_more_classes_than_a_byte_holds_are_refused() -> None:
    """A record keeps the class of each image in one."""
    with pytest.raises(RejectedError, match="257 classes, and 256 are the most"):
        collected(changed(train_labels=np.zeros(3, int), test_labels=np.zeros(2, int)), 257)


@pytest.mark.parametrize(
    ("images", "shape", "dtype"),
    [
        (IMAGES, (4, 5), "uint8"),
        (IMAGES[..., np.newaxis], (4, 5), "uint8"),
        (IMAGES.astype(np.int64), (4, 5), "uint8"),
        (floats(0.5), (4, 5), "float32"),
        (np.zeros((3, 4, 5, 3), np.uint8), (4, 5, 3), "uint8"),
        (IMAGES[:, 0], (5,), "float32"),
    ],
)
def test_images_of_any_shape_and_feature_vectors_are_taken(
    images: Any, shape: tuple[int, ...], dtype: str
) -> None:
    """Bytes stay bytes; floats and features are float32; labels are bytes."""
    found = collected(changed(train_images=images, test_images=images[:2]), 2)
    assert (found.train_images.shape[1:], str(found.train_images.dtype)) == (shape, dtype)
    assert found.train_labels.dtype == np.uint8
    look = look_of(found, 2)
    assert (look.shape, look.dtype, look.train, look.test) == (shape, dtype, (1, 2), (1, 1))


def test_test_images_that_are_training_images_are_counted() -> None:
    """Byte for byte, whatever their labels."""
    assert shared_images(collected(GOOD, 2)) == 2
    assert shared_images(tiny("mnist")) == 0


def of_floats(highest: float) -> Arrays:
    """Return arrays of float images up to a value."""
    return collected(changed(train_images=floats(highest), test_images=floats(0)[:2]), 2)


def test_floats_are_scaled_already() -> None:
    """They are never divided by 255; beyond 0–1 they are refused where a recipe scales."""
    assert not scaled(of_floats(1.0), Recipe(epochs=1)).scale_pixels
    assert scaled(collected(GOOD, 2), Recipe(epochs=1)).scale_pixels
    raw = Recipe(epochs=1, scale_pixels=False)
    assert scaled(of_floats(7.0), raw) == raw
    with pytest.raises(UserError, match=r"floats from 0 to 7, .* scale_pixels=False"):
        scaled(of_floats(7.0), Recipe(epochs=1))


def test_a_data_set_passes_as_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The very content is accepted by checksum and by look."""
    pin = know(monkeypatch, "mnist").pin
    assert pin
    verify("MNIST", pin.checksums, tiny("mnist"), pin.look)


@pytest.mark.parametrize(("last", "said"), [(0, "damaged"), (1, "no data set known here")])
def test_another_content_is_told_by_its_look(
    monkeypatch: pytest.MonkeyPatch, last: int, said: str
) -> None:
    """With the look of a known data set it is a damaged one; else it is none."""
    pin = know(monkeypatch, "mnist").pin
    assert pin
    arrays = tiny("mnist")
    images = arrays.train_images[::-1] if last == 0 else 255 - arrays.train_images
    with pytest.raises(RejectedError, match=f"not MNIST by SHA-256 of train_images: .*{said}"):
        verify("MNIST", pin.checksums, replace(arrays, train_images=images))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"mean": 72.94}, "mean is 33.5422, not 72.94"),
        ({"train": (99, 101, *(100,) * 8)}, "train is (100, 100"),
        ({"shape": (32, 32, 3)}, "shape is (28, 28), not (32, 32, 3)"),
        ({"dtype": "float32"}, "dtype is uint8, not float32"),
        ({"highest": 1.0}, "highest is 255.0, not 1.0"),
    ],
)
def test_the_look_is_judged_even_where_the_checksum_agrees(
    change: dict[str, Any], told: str
) -> None:
    """A wrong table of checksums cannot let another data set pass: its look betrays it."""
    arrays = tiny("mnist")
    look = replace(look_of(arrays, 10), **change)
    with pytest.raises(RejectedError) as error:
        verify("MNIST", arrays.checksums(), arrays, look)
    assert "it does not look like MNIST" in str(error.value)
    assert told in str(error.value)
    assert len(look_differences(look, arrays)) == 1


def test_the_pins_of_this_project_are_whole() -> None:
    """No checksum stands for two arrays; both have 60,000 + 10,000 images, and none in both."""
    pins = [task.pin for task in TASKS.values() if task.pin]
    digests = [of[name] for pin in pins for of in (pin.checksums, pin.sample) for name in FILES]
    assert len(set(digests)) == 16
    assert all(len(bytes.fromhex(digest)) == 32 for digest in digests)
    for pin in pins:
        assert (sum(pin.look.train), sum(pin.look.test), pin.look.shared) == (60_000, 10_000, 0)


def test_the_combined_checksum_depends_on_which_array_is_which() -> None:
    """Exchanging the checksums of two arrays gives another combined one."""
    plain = dict.fromkeys(FILES, "a" * 64)
    one, other = ({**plain, name: "b" * 64} for name in ("train_images", "test_images"))
    assert combined(one) != combined(other)


@pytest.mark.keras
@pytest.mark.parametrize(
    ("images", "shape", "highest"),
    [
        (IMAGES, (4, 5, 1), 59 / 255),
        (np.full((3, 4, 5, 3), 51, np.uint8), (4, 5, 3), 0.2),
        (floats(0.5), (4, 5, 1), 0.5),
        (floats(7.0)[:, :, 0], (4,), 7.0),
    ],
)
def test_a_model_sees_images_with_channels_and_features_as_they_are(
    tmp_path: Path, images: Any, shape: tuple[int, ...], highest: float
) -> None:
    """Bytes are scaled to 0–1, grey images get an axis of channels, features are left alone."""
    from fitting_room.trial.run import _load

    arrays = collected(changed(train_images=images, test_images=images[:2]), 2)
    for name in FILES:
        np.save(tmp_path / f"{name}.npy", getattr(arrays, name))
    spec = make_record().spec
    dataset = replace(spec.dataset, folder=str(tmp_path))
    training, _, (test, labels) = _load(replace(spec, dataset=dataset))
    assert (training.images.shape[1:], test.shape, labels.tolist()) == (shape, (2, *shape), [0, 1])
    assert float(training.images.max()) == pytest.approx(highest)
