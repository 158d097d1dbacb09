"""The architectures: what they map, how many parameters they have, and what their words mean."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
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


def made(builder: str, **arguments: Any) -> Any:
    """Build a model by ``module:function`` of ``models``."""
    module, function = builder.removeprefix("models.").split(":")
    return getattr(import_module(f"models.{module}"), function)(**arguments)


def built(name: str) -> Any:
    """Build a registered architecture as a trial does."""
    return made(MODELS[name].builder, **MODELS[name].arguments)


def minimal(**arguments: Any) -> Any:
    """Build a model of the minimal family."""
    return made("minimal:minimal", **arguments)


def compact(**arguments: Any) -> Any:
    """Build a model of the compact family."""
    return made("compact:compact", **arguments)


def answers(*models: Any) -> list[np.ndarray]:
    """Return what each model gives for the same images."""
    images = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    return [np.asarray(model(images)) for model in models]


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
    images = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    probabilities = built(name).predict_on_batch(images)
    assert probabilities.shape == (3, 10)
    assert probabilities.sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-5)


@pytest.mark.keras
def test_hidden_layers_and_their_units_are_parameters_of_the_builder() -> None:
    """Two hidden layers of 16 units have the parameters of two such layers."""
    expected = 784 * 16 + 16 + 16 * 16 + 16 + 16 * 10 + 10
    assert made("dense:dense", units=16, hidden_layers=2).count_params() == expected


@pytest.mark.keras
@pytest.mark.parametrize(
    ("builder", "layer"),
    [("dense:dense", -2), ("convolutional:convolutional", -2), ("minimal:minimal", 1)],
)
def test_probabilities_are_float32_at_any_precision(builder: str, layer: int) -> None:
    """A softmax over ten classes is not rounded to bfloat16, whatever the layers below compute."""
    import keras

    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = made(builder)
    finally:
        keras.config.set_dtype_policy("float32")
    found = [model.layers[layer].compute_dtype, model.outputs[0].dtype]
    assert found == ["bfloat16", "float32"]


def head(channels: int) -> int:
    """Return the parameters of ten classes from so many channels."""
    return channels * 10 + 10


@pytest.mark.keras
@pytest.mark.parametrize(
    ("arguments", "trainable", "statistics"),
    [
        ({"body": "8v 12"}, 9 * 8 + 8 + 9 * 8 * 12 + 12 + head(12), 2 * (8 + 12)),
        ({"body": "8v p 8 a r8"}, 9 * 8 + 8 + 2 * (9 * 8 * 8 + 8) + head(8), 2 * 24),
        ({"body": "8k5s 4k1"}, 25 * 8 + 8 + 8 * 4 + 4 + head(4), 2 * 12),
        ({"body": "8", "gamma": 1}, 9 * 8 + 8 + 8 + head(8), 2 * 8),
        ({"body": "8", "head_bias": 0, "dropout": 0.5}, 9 * 8 + 8 + 80, 2 * 8),
        ({"body": "8v p p", "pooling": "learned"}, 9 * 8 + 8 + 6 * 6 * 8 + head(8), 2 * 8),
    ],
)
def test_every_number_of_a_minimal_network_is_counted(
    arguments: dict[str, Any], trainable: int, statistics: int
) -> None:
    """Kernels, normalisation with its statistics, the pooling's weights, and the head."""
    from fitting_room.trial.measure import size

    counted = size(minimal(**arguments))
    found = (counted.trainable_parameters, counted.non_trainable_parameters)
    assert found == (trainable, statistics)
    assert counted.parameters == trainable + statistics


STEM = 9 * 8 + 4 * 8
"""A convolution of eight channels, and four numbers of normalisation for each."""


@pytest.mark.keras
@pytest.mark.parametrize(
    ("body", "parameters"),
    [
        ("8", STEM + head(8)),
        ("8 p b8 a", STEM + 2 * (9 * 8 * 8 + 4 * 8) + head(8)),
        ("4 b8", 9 * 4 + 16 + (9 * 4 * 8 + 32) + (9 * 8 * 8 + 32) + (4 * 8 + 32) + head(8)),
        ("4 d8", 9 * 4 + 16 + (9 * 4 + 16) + (4 * 8 + 32) + head(8)),
        ("p8 a 8", STEM + (9 * 8 * 8 + 32) + head(8)),
        ("8 e4", STEM + (8 * 2 + 2) + (2 * 8 + 8) + head(8)),
    ],
)
def test_every_number_of_a_compact_network_is_counted(body: str, parameters: int) -> None:
    """Kernels, normalisation with its statistics, shortcuts, weights of channels, and the head."""
    from fitting_room.trial.measure import size

    assert size(compact(body=body)).parameters == parameters


@pytest.mark.keras
@pytest.mark.parametrize(
    ("arguments", "kernels", "normalised"),
    [
        ({}, 9 * 8 * 8, 6),
        ({"body": "p a b p a b"}, 2 * 9 * 8 * 8, 5),
        ({"body": "a a a a", "residual": 1}, 9 * 8 * 8, 5),
    ],
)
def test_a_tied_kernel_counts_once(
    arguments: dict[str, Any], kernels: int, normalised: int
) -> None:
    """However often it is used; each use has a normalisation of its own."""
    expected = 9 * 8 + kernels + 3 * 8 * normalised + head(8)
    assert made("tied:tied", **arguments).count_params() == expected


@pytest.mark.keras
@pytest.mark.parametrize("pooling", ["average", "max"])
def test_a_block_begins_as_its_shortcut(pooling: str) -> None:
    """Untrained, a block of as many channels changes nothing of what a ReLU gave."""
    plain, deep = (compact(body=body, pooling=pooling) for body in ("8", "8 b8"))
    plain.set_weights(deep.get_weights()[:5] + deep.get_weights()[-2:])
    one, other = answers(plain, deep)
    assert one == pytest.approx(other, abs=1e-6)


@pytest.mark.keras
def test_pooling_before_normalisation_is_pooling_after_it() -> None:
    """In inference, where no channel is scaled below zero, both give the same."""
    after, before = (compact(body=body) for body in ("6 p", "p6"))
    before.set_weights(after.get_weights())
    one, other = answers(after, before)
    assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.keras
def test_learned_pooling_begins_as_the_average() -> None:
    """With the same weights everywhere else, both poolings give the same."""
    average, learned = (minimal(body="4v p 6", pooling=p) for p in ("average", "learned"))
    theirs = learned.get_weights()
    place = next(i for i, weights in enumerate(theirs) if weights.shape == (13, 13, 6, 1))
    average.set_weights(theirs[:place] + theirs[place + 1 :])
    one, other = answers(average, learned)
    assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.keras
def test_learned_pooling_has_a_weight_for_each_place() -> None:
    """The kernel has a weight for each of 7×7 places, in each of eight channels."""
    average, learned = (compact(body="8 p p", pooling=each) for each in ("average", "learned"))
    assert learned.count_params() - average.count_params() == 7 * 7 * 8


@pytest.mark.keras
def test_a_default_network_is_under_the_published_size() -> None:
    """The published work's triple convolution was printed with 294,922 parameters."""
    model = compact(dropout=0.1)
    assert model.count_params() < 294_922
    assert model.output_shape == (None, 10)


@pytest.mark.keras
@pytest.mark.parametrize(
    ("builder", "words", "known"),
    [("minimal:minimal", "x 16q p2 v16 r", 16), ("compact:compact", "x 8v b q2", 32)],
)
def test_a_word_without_meaning_is_refused(builder: str, words: str, known: int) -> None:
    """The message names it, and words that are known."""
    for word in words.split():
        said = f"'{word}' is no word of a body; known are such as {known}"
        with pytest.raises(ValueError, match=said):
            made(builder, body=f"8 {word} 8")


@pytest.mark.keras
def test_an_unknown_pooling_is_refused() -> None:
    """There are two in one family, and three in the other."""
    with pytest.raises(ValueError, match="must be 'average' or 'learned', not 'max'"):
        minimal(pooling="max")
    with pytest.raises(ValueError, match="must be one of average, max, learned, not 'mean'"):
        compact(pooling="mean")
