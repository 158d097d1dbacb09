"""Scores, against Keras' own evaluation and against logarithms taken by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fitting_room.trial.score import score, score_probabilities


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
    assert found.loss == pytest.approx(loss, abs=1e-5)


def test_accuracy_is_the_share_of_images_whose_likeliest_class_is_true() -> None:
    """Two of three right is two thirds, and the classes are told in order."""
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.2, 0.5, 0.3]])
    found = score_probabilities(probabilities, np.array([0, 1, 2], np.uint8))
    assert found.accuracy == pytest.approx(2 / 3)
    assert (found.classes.tolist(), found.classes.dtype.name) == ([0, 1, 1], "uint8")


def test_loss_is_the_mean_logarithm_of_the_truth() -> None:
    """Probabilities of one half and one quarter for the truth cost the mean of ln 2 and ln 4."""
    probabilities = np.array([[0.5, 0.5], [0.75, 0.25]])
    found = score_probabilities(probabilities, np.array([0, 1], np.uint8))
    assert found.loss == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_being_surely_wrong_has_a_finite_price() -> None:
    """A truth held impossible costs the logarithm of Keras' smallest probability, not infinity."""
    found = score_probabilities(np.array([[1.0, 0.0]]), np.array([1], np.uint8))
    assert found.accuracy == 0
    assert found.loss == pytest.approx(-math.log(1e-7))
