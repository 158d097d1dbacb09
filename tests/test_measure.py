"""Scores, confidence, sizes and the clock of inference, against figures taken by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from test_models import built

from fitting_room.record import Mistake
from fitting_room.trial.measure import (
    BATCH_SIZE,
    BINS,
    CALLS,
    CHUNKS,
    MISTAKES,
    confidence,
    measure_inference,
    score,
    score_probabilities,
    size,
    training_flops,
)


@pytest.mark.keras
@pytest.mark.parametrize("name", ["mnist-dense_128", "fashion_mnist-cnn_32"])
def test_a_score_is_what_keras_evaluates(name: str) -> None:
    """Accuracy agrees exactly and the loss to five places, over a last batch that is not full."""
    from test_fit import MORE, plain, sample_of

    arrays, model = sample_of(name), plain(name, images=MORE, epochs=2)
    images = (arrays.test_images[:487, ..., None] / 255).astype("float32")
    labels = arrays.test_labels[:487]
    loss, accuracy = model.evaluate(images, labels, verbose=0)
    found = score(model, images, np.asarray(labels))
    assert found.accuracy == pytest.approx(accuracy, abs=1e-7)
    assert found.loss == pytest.approx(loss)


@pytest.mark.parametrize(
    ("probabilities", "labels", "accuracy", "loss"),
    [
        (
            [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.2, 0.5, 0.3]],
            [0, 1, 2],
            2 / 3,
            -math.log(0.7 * 0.6 * 0.3) / 3,
        ),
        ([[0.5, 0.5], [0.75, 0.25]], [0, 1], 0.5, (math.log(2) + math.log(4)) / 2),
        ([[1.0, 0.0]], [1], 0, -math.log(1e-7)),
    ],
)
def test_a_score_is_that_of_its_definition(
    probabilities: list[list[float]], labels: list[int], accuracy: float, loss: float
) -> None:
    """The likeliest class counts, the truth costs its logarithm, being surely wrong 1e-7's."""
    found = score_probabilities(np.array(probabilities), np.array(labels, np.uint8))
    assert (found.accuracy, found.loss) == (pytest.approx(accuracy), pytest.approx(loss))
    assert found.classes.tolist() == [int(np.argmax(row)) for row in probabilities]
    assert found.classes.dtype.name == "uint8"


def drawn(seed: int, images: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Return random class probabilities, shape (images, 10), and labels that they half explain."""
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.full(10, 0.2), size=images)
    guessed = generator.random(images) < 0.5
    labels = np.where(guessed, probabilities.argmax(axis=1), generator.integers(10, size=images))
    return probabilities, labels


@pytest.mark.parametrize("seed", range(5))
def test_the_calibration_error_is_that_of_its_definition(seed: int) -> None:
    """Summed bin by bin as Guo et al. write it: share of images × |accuracy - confidence|."""
    probabilities, labels = drawn(seed)
    surest, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    expected = 0.0
    for low, high in zip(np.arange(BINS) / BINS, (np.arange(BINS) + 1) / BINS, strict=True):
        inside = (surest >= low) & (surest < high)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - surest[inside].mean())
    assert confidence(probabilities, labels).calibration_error == pytest.approx(expected)


def test_certainty_falls_into_the_last_bin() -> None:
    """A probability of 1 has no bin above it."""
    found = confidence(np.eye(10), np.arange(10))
    assert (found.images[-1], found.right[-1], found.calibration_error) == (10, 10, 0.0)


def test_the_surest_mistakes_come_first() -> None:
    """Right answers are none, however sure."""
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.99, 0.01]])
    found = confidence(probabilities, np.array([0, 0, 1])).mistakes
    assert found == (
        Mistake(image=2, predicted=0, probability=0.99),
        Mistake(image=1, predicted=1, probability=0.8),
    )


def test_no_more_mistakes_are_kept_than_can_be_shown() -> None:
    """A model that knows nothing does not fill its record."""
    probabilities, labels = drawn(0)
    assert len(confidence(probabilities, (labels + 1) % 10).mistakes) == MISTAKES


class Model:
    """Takes a millisecond per image, and a hundred times as long until it is warm."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[int] = []

    def predict_on_batch(self, images: np.ndarray) -> None:
        """Let time pass."""
        cold = len(images) not in self.calls
        self.calls.append(len(images))
        self.now += 0.001 * len(images) * (100 if cold else 1)

    def clock(self) -> float:
        """Tell the time."""
        return self.now


def images(n: int) -> np.ndarray:
    """Return blank images."""
    return np.zeros((n, 28, 28, 1), np.float32)


def test_latency_is_the_time_of_one_call_after_the_warm_up() -> None:
    """Each chunk's mean call takes what one image takes, and the slow first call is left out."""
    model = Model()
    found = measure_inference(model.predict_on_batch, images(5), model.clock)
    assert found.latency_seconds == pytest.approx([0.001] * CHUNKS)


def test_a_large_batch_is_timed_call_by_call_after_the_warm_up() -> None:
    """Each value is one call with all the images of a batch."""
    model = Model()
    found = measure_inference(model.predict_on_batch, images(BATCH_SIZE + 1), model.clock)
    assert found.batch_seconds == pytest.approx([0.001 * BATCH_SIZE] * CHUNKS)
    assert model.calls.count(BATCH_SIZE) == CHUNKS + 1


def test_a_batch_is_no_larger_than_there_are_images() -> None:
    """With five images the batch is of five, and says so."""
    model = Model()
    assert measure_inference(model.predict_on_batch, images(5), model.clock).batch_size == 5
    assert model.calls.count(1) == CALLS * (CHUNKS + 1)


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
    assert size(built(name)).flops_per_image == 2 * BY_HAND[name]


@pytest.mark.keras
@pytest.mark.parametrize(
    ("name", "first"),
    [("dense_128", 784 * 128), ("cnn_64", 26 * 26 * 9 * 64), ("triple_conv", 26 * 26 * 9 * 64)],
)
def test_training_costs_thrice_the_forward_pass_but_for_the_first_gradient(
    name: str, first: int
) -> None:
    """No layer before the first is trained, so that nothing needs the gradient of its input."""
    assert training_flops(built(name)) == 2 * (3 * BY_HAND[name] - first)


@pytest.mark.keras
def test_a_layer_that_is_not_trained_costs_its_forward_pass_alone() -> None:
    """Of 8 to 5 to 3 to 2 units with the first frozen, the second has no gradient of its input."""
    import keras

    model = keras.Sequential([keras.Input((8,)), *map(keras.layers.Dense, (5, 3, 2))])
    model.layers[0].trainable = False
    assert training_flops(model) == 2 * (8 * 5 + 2 * 5 * 3 + 3 * 3 * 2)


@pytest.mark.keras
def test_parameters_that_training_leaves_alone_are_counted_apart() -> None:
    """Batch normalisation has four numbers a channel: two are trained and two are not."""
    import keras

    normalised = [keras.Input((8,)), keras.layers.Dense(5), keras.layers.BatchNormalization()]
    counted = size(keras.Sequential(normalised))
    assert (counted.trainable_parameters, counted.non_trainable_parameters) == (45 + 10, 10)
    assert counted.parameters == 65


@pytest.mark.keras
def test_a_random_generator_is_no_parameter() -> None:
    """Dropout keeps a seed among its variables, and adds nothing to the count."""
    import keras

    layers = [keras.Input((8,)), keras.layers.Dense(5), keras.layers.Dropout(0.5)]
    assert size(keras.Sequential(layers)).parameters == 45
