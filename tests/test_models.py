"""The architectures: what they map, and how many parameters they have, counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from models import MODELS

NAMES = list(MODELS)

PUBLISHED = {
    "dense_128": 784 * 128 + 128 + 128 * 10 + 10,
    "cnn_64": 640 + 64 * 577 + 1600 * 128 + 128 + 1290,
    "cnn_32": 320 + 32 * 289 + 800 * 128 + 128 + 1290,
    "single_conv": 640 + 13 * 13 * 64 * 128 + 128 + 1290,
    "single_conv_32": 320 + 13 * 13 * 32 * 128 + 128 + 1290,
    "triple_conv": 640 + 2 * 64 * 577 + 64 * 128 + 128 + 1290,
}
"""Each convolution, then the flattened head of 128 units, then ten classes."""


def built(name: str) -> Any:
    """Build a registered architecture as a trial does."""
    from importlib import import_module

    module, function = MODELS[name].builder.split(":")
    return getattr(import_module(module), function)(**MODELS[name].arguments)


@pytest.mark.keras
@pytest.mark.parametrize("name", PUBLISHED)
def test_an_architecture_has_its_published_layers(name: str) -> None:
    """The registered builder gives exactly the parameters that its description adds up to."""
    assert built(name).count_params() == PUBLISHED[name]


def test_the_counts_above_are_the_corrected_ones() -> None:
    """The sums come to the figures that the audit of the published work gives."""
    corrected = [101_770, 243_786, 113_386, 1_386_506, 693_962, 84_106]
    assert list(PUBLISHED.values()) == corrected


@pytest.mark.keras
@pytest.mark.parametrize("name", NAMES)
def test_an_architecture_maps_images_to_probabilities(name: str) -> None:
    """Any image becomes ten probabilities that add up to one."""
    import numpy as np

    images = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    probabilities = built(name).predict_on_batch(images)
    assert probabilities.shape == (3, 10)
    assert probabilities.sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-5)


@pytest.mark.keras
def test_hidden_layers_and_their_units_are_parameters_of_the_builder() -> None:
    """Two hidden layers of 16 units have the parameters of two such layers."""
    from models.dense import dense

    expected = 784 * 16 + 16 + 16 * 16 + 16 + 16 * 10 + 10
    assert dense(units=16, hidden_layers=2).count_params() == expected


@pytest.mark.keras
@pytest.mark.parametrize("builder", ["dense", "convolutional"])
def test_probabilities_are_float32_at_any_precision(builder: str) -> None:
    """A softmax over ten classes is not rounded to bfloat16, whatever the layers below compute."""
    import keras

    from models.convolutional import convolutional
    from models.dense import dense

    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = dense() if builder == "dense" else convolutional()
    finally:
        keras.config.set_dtype_policy("float32")
    assert [model.layers[-2].compute_dtype, model.outputs[0].dtype] == ["bfloat16", "float32"]
