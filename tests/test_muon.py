"""Muon: steps of kernels are orthogonal, and everything else is left to Adam."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.keras


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
    """As a matrix of output channels, times the rate and the root of columns over rows."""
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


def test_it_is_saved_by_its_arguments() -> None:
    """What is read back has the same settings."""
    import keras

    from fitting_room.training.muon import KernelMuon

    made = KernelMuon(0.07, adam_lr_ratio=0.3, momentum=0.8, beta_2=0.95, weight_decay=0.1)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(made))
    assert again.get_config() == made.get_config()
