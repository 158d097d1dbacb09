"""Accuracy, loss and confidence of a model on held-out images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fitting_room.record import Confidence, Mistake

BATCH_SIZE = 1000
"""Images per step of evaluation and prediction; large, since nothing is learned from them."""

SMALLEST = 1e-7
"""Probabilities are kept this far from 0 before the logarithm, as Keras does."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a model is worth on held-out images."""

    accuracy: float
    loss: float
    """Mean sparse categorical cross-entropy, nats."""
    classes: np.ndarray
    """Most probable class of each image, shape (n,), uint8."""


def score(model: Any, images: np.ndarray, labels: np.ndarray) -> Score:
    """Predict ``images``, shape (n, 28, 28, 1), float32, and hold them against ``labels``, (n,)."""
    probabilities = model.predict(images, batch_size=BATCH_SIZE, verbose=0)
    return score_probabilities(np.asarray(probabilities, np.float64), labels)


def score_probabilities(probabilities: np.ndarray, labels: np.ndarray) -> Score:
    """Score class probabilities, shape (n, classes), float64, against ``labels``, shape (n,)."""
    of_truth = probabilities[np.arange(len(labels)), labels]
    classes = probabilities.argmax(axis=1).astype(np.uint8)
    return Score(
        accuracy=float(np.mean(classes == labels)),
        loss=float(-np.mean(np.log(np.clip(of_truth, SMALLEST, 1 - SMALLEST)))),
        classes=classes,
    )


BINS = 15
"""Of equal width: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017."""

SHOWN = 10
"""Leading test images whose probabilities are kept, to be shown seed by seed."""

MISTAKES = 25
"""Wrong answers that are kept, the surest first."""

DIGITS = 4
"""Decimals of a probability that is kept: what a picture of it can show."""


def confidence(probabilities: np.ndarray, labels: np.ndarray) -> Confidence:
    """Summarise class probabilities, shape (n, classes), float, of images with ``labels``, (n,)."""
    classes, surest = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = classes == labels
    bins = np.minimum((surest * BINS).astype(int), BINS - 1)
    images = np.bincount(bins, minlength=BINS)
    sums = np.bincount(bins, weights=surest, minlength=BINS)
    wrong = np.flatnonzero(~right)
    wrong = wrong[np.argsort(-surest[wrong], kind="stable")][:MISTAKES]
    return Confidence(
        images=tuple(images.tolist()),
        right=tuple(np.bincount(bins[right], minlength=BINS).tolist()),
        mean=tuple((sums / np.maximum(images, 1)).tolist()),
        first=tuple(tuple(row) for row in probabilities[:SHOWN].round(DIGITS).tolist()),
        mistakes=tuple(
            Mistake(
                image=int(image),
                predicted=int(classes[image]),
                probability=round(float(surest[image]), DIGITS),
            )
            for image in wrong
        ),
    )
