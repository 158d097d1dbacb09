"""Augmentation: what each layer does to images when its chances are fixed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.keras

LAYERS = ["RandomAffine", "RandomFlip", "AlternatingFlip", "RandomErasing"]


def digits(n: int = 6) -> np.ndarray:
    """Return images of whole 1/255 with a black edge of 5 pixels, (n, 28, 28, 1), float32."""
    images = np.zeros((n, 28, 28, 1), np.float32)
    pixels = np.random.default_rng(0).integers(0, 256, (n, 18, 18, 1))
    images[:, 5:-5, 5:-5] = pixels.astype(np.float32) / 255
    return images


def layer(name: str) -> Any:
    """Return a layer that surely changes something."""
    from fitting_room.training import augmentation

    arguments: dict[str, dict[str, Any]] = {
        "RandomAffine": {"degrees": 10.0, "pixels": 2.0, "zoom": 0.1},
        "AlternatingFlip": {"steps": 1},
        "RandomErasing": {"pixels": 20},
    }
    return getattr(augmentation, name)(**arguments.get(name, {}))


def fixed(made: Any, *amounts: float) -> Any:
    """Let the chances of a layer be these, one after another, for every image."""
    left = iter(amounts)
    made.uniform = lambda *shape: np.full([int(n) for n in shape], next(left), np.float32)
    return made


@pytest.mark.parametrize("name", LAYERS)
def test_it_changes_nothing_but_in_training(name: str) -> None:
    """Inference sees the images as they are, and training does not."""
    made, images = layer(name), digits()
    assert np.array_equal(made(images), images)
    assert not np.array_equal(made(images, training=True), images)


@pytest.mark.parametrize("name", LAYERS)
def test_it_has_no_parameters_and_is_saved_by_its_arguments(name: str) -> None:
    """A layer made anew from its configuration has the same, and neither learns anything."""
    made = layer(name)
    again = type(made).from_config(made.get_config())
    assert again.get_config() == made.get_config()
    assert made.trainable_weights == []


@pytest.mark.parametrize("name", LAYERS)
def test_precision_around_it_is_not_its_own(name: str) -> None:
    """In a model that computes in bfloat16, images are still changed in float32."""
    import keras

    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        changed = layer(name)(digits(), training=True)
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(changed.dtype) == "float32"


def test_each_image_has_its_own_amounts() -> None:
    """The same image four times in one batch becomes four images, and others in the next."""
    made, images = layer("RandomAffine"), np.repeat(digits(1), 4, axis=0)
    first, second = (np.asarray(made(images, training=True)) for _ in range(2))
    assert len(np.unique(first.round(4), axis=0)) == 4
    assert not np.allclose(first, second)


@pytest.mark.parametrize("amount", [-1, -0.2, 0, 0.5, 0.999])
def test_a_shift_alone_moves_whole_pixels(amount: float) -> None:
    """Nothing is blurred: each image is itself, rolled, for its edge is black."""
    from fitting_room.training.augmentation import RandomAffine

    made = fixed(RandomAffine(pixels=2), 0, 0, 0, amount, 0)
    moved = np.asarray(made(digits(), training=True))
    by = {-1: 2, -0.2: 0, 0: 0, 0.5: -1, 0.999: -2}[amount]
    assert moved == pytest.approx(np.roll(digits(), by, axis=2), abs=1e-6)


def test_all_shifts_are_as_likely() -> None:
    """Five shifts of up to two pixels come up about equally often."""
    from fitting_room.training.augmentation import RandomAffine

    shifts = np.asarray(RandomAffine(pixels=2)._shift(5000))
    values, counts = np.unique(shifts, return_counts=True)
    assert values.tolist() == [-2, -1, 0, 1, 2]
    assert 900 < counts.min() <= counts.max() < 1100


def test_a_quarter_turn_is_that_of_numpy() -> None:
    """The centre of the turn is that of the image, and no pixel is lost."""
    from fitting_room.training.augmentation import RandomAffine

    made = fixed(RandomAffine(degrees=90), 1, 0, 0, 0, 0)
    turned = np.asarray(made(digits(), training=True))
    assert turned == pytest.approx(np.rot90(digits(), axes=(1, 2)), abs=1e-4)


def test_zoom_stretches_about_the_centre() -> None:
    """An axis stretched by 1.5 keeps its middle and shows two thirds of what it did."""
    from fitting_room.training.augmentation import RandomAffine

    ramp = np.tile(np.arange(28, dtype=np.float32)[None, None, :, None], (1, 28, 1, 1))
    made = fixed(RandomAffine(zoom=0.5), 0, 1, 0, 0, 0)
    stretched = np.asarray(made(ramp, training=True))[0, 14, :, 0]
    assert stretched == pytest.approx(13.5 + (np.arange(28) - 13.5) / 1.5, abs=1e-4)


def test_alternating_flips_show_each_side_every_other_epoch() -> None:
    """Of a thousand images half begin flipped; after an epoch of two batches all turn around."""
    from fitting_room.training.augmentation import AlternatingFlip

    images = np.random.default_rng(1).integers(0, 256, (1000, 28, 28, 1)).astype(np.float32) / 255
    made = AlternatingFlip(steps=2)
    shown = [np.asarray(made(images, training=True)) for _ in range(5)]
    flipped = np.all(shown[0] == images[:, :, ::-1], axis=(1, 2, 3))
    assert 400 < flipped.sum() < 600
    assert np.array_equal(shown[0], shown[1])
    assert np.array_equal(shown[2], shown[0][:, :, ::-1])
    assert np.array_equal(shown[4], shown[0])


def test_half_of_all_images_are_flipped_by_chance() -> None:
    """Each is itself or its mirror image."""
    images = np.repeat(digits(1), 400, axis=0)
    shown = np.asarray(layer("RandomFlip")(images, training=True))
    mirrored = np.all(shown == images[:, :, ::-1], axis=(1, 2, 3))
    same = np.all(shown == images, axis=(1, 2, 3))
    assert np.all(mirrored ^ same)
    assert 140 < mirrored.sum() < 260


@pytest.mark.parametrize(("amount", "black"), [(0.0, 36), (-1.0, 9), (0.9999, 9)])
def test_a_square_is_put_out(amount: float, black: int) -> None:
    """It has its side where it lies within the image, and half of that at a corner."""
    from fitting_room.training.augmentation import RandomErasing

    made = fixed(RandomErasing(pixels=6), amount, amount)
    shown = np.asarray(made(np.ones((2, 28, 28, 1), np.float32), training=True))
    assert [int(n) for n in (shown == 0).sum(axis=(1, 2, 3))] == [black, black]
