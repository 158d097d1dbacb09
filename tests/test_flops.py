"""Operations and parameters against counts made by hand."""

from __future__ import annotations

import pytest
from test_models import built

BY_HAND = {
    "dense_128": 784 * 128 + 128 * 10,
    "cnn_64": 26 * 26 * 9 * 64 + 11 * 11 * 9 * 64 * 64 + 1600 * 128 + 1280,
    "cnn_32": 26 * 26 * 9 * 32 + 11 * 11 * 9 * 32 * 32 + 800 * 128 + 1280,
    "single_conv": 26 * 26 * 9 * 64 + 10816 * 128 + 1280,
    "single_conv_32": 26 * 26 * 9 * 32 + 5408 * 128 + 1280,
    "triple_conv": 26 * 26 * 9 * 64 + (11 * 11 + 3 * 3) * 9 * 64 * 64 + 64 * 128 + 1280,
}
"""Multiply-adds of one image: places × kernel for convolutions, weights for dense layers."""


@pytest.mark.keras
@pytest.mark.parametrize("name", BY_HAND)
def test_a_forward_pass_costs_two_operations_per_multiply_add(name: str) -> None:
    """What the layers add up to is twice the multiply-adds counted by hand."""
    from fitting_room.trial.measure import size

    assert size(built(name)).flops_per_image == 2 * BY_HAND[name]


@pytest.mark.keras
def test_parameters_that_training_leaves_alone_are_counted_apart() -> None:
    """Of batch normalisation's four numbers a channel, two are trained and two are not."""
    import keras

    from fitting_room.trial.measure import size

    normalised = [keras.Input((8,)), keras.layers.Dense(5), keras.layers.BatchNormalization()]
    counted = size(keras.Sequential(normalised))
    assert (counted.trainable_parameters, counted.non_trainable_parameters) == (45 + 10, 10)
    assert counted.parameters == 65


@pytest.mark.keras
def test_a_random_generator_is_no_parameter() -> None:
    """Dropout keeps a seed among its variables, and adds nothing to the count."""
    import keras

    from fitting_room.trial.measure import size

    layers = [keras.Input((8,)), keras.layers.Dense(5), keras.layers.Dropout(0.5)]
    assert size(keras.Sequential(layers)).parameters == 45
