"""The minimal family: parameters counted by hand, and words that mean what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.keras


def head(channels: int) -> int:
    """Return the parameters of ten classes from so many channels."""
    return channels * 10 + 10


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
def test_every_number_is_counted(
    arguments: dict[str, Any], trainable: int, statistics: int
) -> None:
    """Kernels, normalisation with its statistics, the pooling's weights, and the head."""
    from fitting_room.trial.measure import size
    from models.minimal import minimal

    counted = size(minimal(**arguments))
    assert (counted.trainable_parameters, counted.non_trainable_parameters) == (
        trainable,
        statistics,
    )
    assert counted.parameters == trainable + statistics


def test_learned_pooling_begins_as_the_average() -> None:
    """With the same weights everywhere else, both poolings give the same."""
    from models.minimal import minimal

    average, learned = (minimal(body="4v p 6", pooling=p) for p in ("average", "learned"))
    theirs = learned.get_weights()
    place = next(i for i, weights in enumerate(theirs) if weights.shape == (13, 13, 6, 1))
    average.set_weights(theirs[:place] + theirs[place + 1 :])
    images = np.random.default_rng(0).random((3, 28, 28, 1), np.float32)
    one, other = (np.asarray(model(images)) for model in (average, learned))
    assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize("word", ["x", "16q", "p2", "v16", "r"])
def test_a_word_without_meaning_is_refused(word: str) -> None:
    """The message names it, and words that are known."""
    from models.minimal import minimal

    with pytest.raises(ValueError, match=f"'{word}' is no word of a body; known are such as 16"):
        minimal(body=f"8 {word} 8")


def test_an_unknown_pooling_is_refused() -> None:
    """There are two."""
    from models.minimal import minimal

    with pytest.raises(ValueError, match="must be 'average' or 'learned', not 'max'"):
        minimal(pooling="max")


def test_probabilities_are_float32_at_any_precision() -> None:
    """The softmax is not rounded to bfloat16."""
    import keras

    from models.minimal import minimal

    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = minimal()
    finally:
        keras.config.set_dtype_policy("float32")
    assert (model.layers[1].compute_dtype, model.outputs[0].dtype) == ("bfloat16", "float32")


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
    from models.tied import tied

    assert tied(**arguments).count_params() == 9 * 8 + kernels + 3 * 8 * normalised + head(8)
