"""The compact family: parameters counted by hand, and words that mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.keras

HEAD = 8 * 10 + 10
STEM = 9 * 8 + 4 * 8
"""A convolution of eight channels, and four numbers of normalisation for each."""


@pytest.mark.parametrize(
    ("body", "parameters"),
    [
        ("8", STEM + HEAD),
        ("8 p b8 a", STEM + 2 * (9 * 8 * 8 + 4 * 8) + HEAD),
        ("4 b8", 9 * 4 + 16 + (9 * 4 * 8 + 32) + (9 * 8 * 8 + 32) + (4 * 8 + 32) + HEAD),
        ("4 d8", 9 * 4 + 16 + (9 * 4 + 16) + (4 * 8 + 32) + HEAD),
        ("p8 a 8", STEM + (9 * 8 * 8 + 32) + HEAD),
        ("8 e4", STEM + (8 * 2 + 2) + (2 * 8 + 8) + HEAD),
    ],
)
def test_every_number_is_counted(body: str, parameters: int) -> None:
    """Kernels, normalisation with its statistics, shortcuts, weights of channels, and the head."""
    from fitting_room.trial.measure import size
    from models.compact import compact

    assert size(compact(body=body)).parameters == parameters


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_a_block_begins_as_its_shortcut(pooling: str) -> None:
    """Untrained, a block of as many channels changes nothing of what a ReLU gave."""
    from models.compact import compact

    plain, deep = (compact(body=body, pooling=pooling) for body in ("8", "8 b8"))
    plain.set_weights(deep.get_weights()[:5] + deep.get_weights()[-2:])
    images = np.random.default_rng(0).random((2, 28, 28, 1), np.float32)
    one, other = (np.asarray(model(images)) for model in (plain, deep))
    assert one == pytest.approx(other, abs=1e-6)


def test_a_default_network_is_under_the_published_size() -> None:
    """The published work's triple convolution was printed with 294,922 parameters."""
    from models.compact import compact

    model = compact(dropout=0.1)
    assert model.count_params() < 294_922
    assert model.output_shape == (None, 10)


def test_pooling_before_normalisation_is_pooling_after_it() -> None:
    """In inference, where no channel is scaled below zero, both give the same."""
    from models.compact import compact

    after, before = (compact(body=body) for body in ("6 p", "p6"))
    before.set_weights(after.get_weights())
    images = np.random.default_rng(0).random((2, 28, 28, 1), np.float32)
    one, other = (np.asarray(model(images)) for model in (after, before))
    assert one == pytest.approx(other, abs=1e-5)


def test_learned_pooling_has_a_weight_for_each_place() -> None:
    """The kernel has a weight for each of 7×7 places, in each of eight channels."""
    from models.compact import compact

    average, learned = (compact(body="8 p p", pooling=each) for each in ("average", "learned"))
    assert learned.count_params() - average.count_params() == 7 * 7 * 8


@pytest.mark.parametrize("word", ["x", "8v", "b", "q2"])
def test_a_word_without_meaning_is_refused(word: str) -> None:
    """The message names it, and words that are known."""
    from models.compact import compact

    with pytest.raises(ValueError, match=f"'{word}' is no word of a body; known are such as 32"):
        compact(body=f"8 {word}")


def test_an_unknown_pooling_is_refused() -> None:
    """There are three."""
    from models.compact import compact

    with pytest.raises(ValueError, match="must be one of average, max, learned, not 'mean'"):
        compact(pooling="mean")
