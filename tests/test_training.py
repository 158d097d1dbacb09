"""Schedules, losses, Muon and augmentation, against their formulas written out here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.keras


def rates(name: str, *, steps: int, warm_up: float) -> list[float]:
    """Return the rate of each step and of one after the last, at a peak of 2."""
    from fitting_room.training import schedules

    schedule = getattr(schedules, name)(2.0, steps, warm_up)
    return [float(schedule(step)) for step in range(steps + 1)]


def test_one_cycle_is_that_of_pytorch() -> None:
    """From 1/25 of the peak, both ways along half cosines, to 1/250,000 of it."""
    low, end = 2 / 25, 2 / 250_000
    found = rates("one_cycle", steps=6, warm_up=2 / 6)
    middles = [(low + 2) / 2, (end + 2) / 2]
    assert [found[step] for step in (0, 1, 2, 4, 6)] == pytest.approx(
        [low, middles[0], 2, middles[1], end], abs=1e-6
    )


def test_recipes_know_every_schedule() -> None:
    """What a recipe may name is a function of ``training.schedules``, or no schedule at all."""
    from fitting_room.spec import SCHEDULES
    from fitting_room.training import schedules

    assert [name for name in SCHEDULES[1:] if not callable(getattr(schedules, name, None))] == []


QUARTER = 1 + math.cos(math.pi / 4)


@pytest.mark.parametrize(
    ("name", "warm_up", "expected"),
    [
        ("linear_to_zero", 0.2, [0.2, 1.1, *(2 - 0.25 * step for step in range(9))]),
        ("linear_to_zero", 0, [2, 1.5, 1, 0.5, 0]),
        ("cosine_to_zero", 0, [2, QUARTER, 1, 2 - QUARTER, 0]),
    ],
)
def test_a_schedule_rises_from_a_tenth_and_falls_to_zero(
    name: str, warm_up: float, expected: list[float]
) -> None:
    """Along a line or half a wave; without a warm-up the first step is the peak."""
    found = rates(name, steps=len(expected) - 1, warm_up=warm_up)
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_rate_stays_at_its_end() -> None:
    """Steps beyond the last are no reason to rise again."""
    from fitting_room.training.schedules import linear_to_zero

    assert float(linear_to_zero(2.0, 10, 0.2)(25)) == 0


def saved(kind: str) -> tuple[Any, Any]:
    """Return something with settings of its own, and what Keras reads back of it."""
    import keras

    from fitting_room.training import augmentation, losses, muon, schedules

    made: Any
    if hasattr(schedules, kind):
        made = keras.optimizers.SGD(getattr(schedules, kind)(0.5, 20, 0.3))
        again = keras.optimizers.deserialize(keras.optimizers.serialize(made))
        return made._learning_rate, again._learning_rate
    if kind == "KernelMuon":
        made = muon.KernelMuon(0.07, adam_lr_ratio=0.3, momentum=0.8, beta_2=0.95, weight_decay=0.1)
        return made, keras.optimizers.deserialize(keras.optimizers.serialize(made))
    if hasattr(augmentation, kind):
        made = layer(kind)
        return made, type(made).from_config(made.get_config())
    made = losses.SmoothedCrossentropy(0.2)
    return made, keras.losses.deserialize(keras.losses.serialize(made))


LAYERS = ["RandomAffine", "RandomFlip", "AlternatingFlip", "RandomErasing"]
SCHEDULES = ["linear_to_zero", "cosine_to_zero", "one_cycle"]


@pytest.mark.parametrize("kind", [*SCHEDULES, "KernelMuon", "SmoothedCrossentropy", *LAYERS])
def test_it_is_saved_by_its_arguments(kind: str) -> None:
    """What is read back has the same settings."""
    made, again = saved(kind)
    assert again.get_config() == made.get_config()


LABELS = np.array([0, 2, 1], np.uint8)

PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.05, 0.9, 0.05]], np.float32)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
def test_smoothed_cross_entropy_is_that_of_smoothed_labels(smoothing: float) -> None:
    """The truth keeps 1 − s, and s is spread over the three classes."""
    from fitting_room.training.losses import SmoothedCrossentropy

    truth = (1 - smoothing) * np.eye(3)[LABELS] + smoothing / 3
    expected = -(truth * np.log(PROBABILITIES)).sum(axis=1).mean()
    found = float(SmoothedCrossentropy(smoothing)(LABELS, PROBABILITIES))
    assert found == pytest.approx(expected, rel=1e-5)


def step(shape: tuple[int, ...], *, rate: float = 0.1, **arguments: Any) -> tuple[Any, Any]:
    """Return a random variable before and after one step along a random gradient."""
    import keras

    from fitting_room.training.muon import KernelMuon

    rng = np.random.default_rng(0)
    variable = keras.Variable(rng.normal(size=shape).astype(np.float32), name="kernel")
    before = np.asarray(keras.ops.convert_to_tensor(variable)).copy()
    optimizer = KernelMuon(rate, **arguments)
    gradient = keras.ops.convert_to_tensor(rng.normal(size=shape).astype(np.float32))
    optimizer.apply([gradient], [variable])
    return before, np.asarray(keras.ops.convert_to_tensor(variable)).copy()


@pytest.mark.parametrize(
    ("shape", "scale"), [((3, 3, 2, 9), 1.0), ((1, 1, 4, 16), 2.0), ((3, 3, 8, 6), 1.0)]
)
def test_a_step_of_a_kernel_has_singular_values_about_one(
    shape: tuple[int, ...], scale: float
) -> None:
    """The step is a matrix of output channels, times the rate and the root of columns over rows."""
    before, after = step(shape)
    moved = (before - after).reshape(-1, shape[-1]) / (0.1 * scale)
    assert np.linalg.svd(moved, compute_uv=False).min() > 0.4
    assert np.linalg.svd(moved, compute_uv=False).max() < 1.4


@pytest.mark.parametrize("shape", [(12, 10), (10,)])
def test_a_head_or_a_bias_goes_by_adam(shape: tuple[int, ...]) -> None:
    """Adam's first step is the rate in each place, here times its ratio."""
    before, after = step(shape, adam_lr_ratio=0.5)
    assert np.abs(before - after) == pytest.approx(np.full(shape, 0.05), rel=1e-3)


def test_only_kernels_decay() -> None:
    """With a decay, a kernel loses rate × decay of itself besides, and a head nothing."""
    plain, decayed = step((3, 3, 2, 4)), step((3, 3, 2, 4), weight_decay=0.5)
    assert plain[1] - decayed[1] == pytest.approx(0.1 * 0.5 * plain[0], abs=1e-5)
    assert np.array_equal(step((12, 10), weight_decay=0.5)[1], step((12, 10))[1])


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
    """It learns nothing, and computes in float32 whatever the precision around it."""
    import keras

    made, images = layer(name), digits()
    assert np.array_equal(made(images), images)
    assert not np.array_equal(made(images, training=True), images)
    assert made.trainable_weights == []
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        changed = layer(name)(images, training=True)
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
    """Half of a thousand images begin flipped; after an epoch of two batches all turn around."""
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
