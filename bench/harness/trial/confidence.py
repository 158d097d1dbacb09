"""How sure a model is of its answers, and whether it may be."""

from __future__ import annotations

import numpy as np

from bench.harness.record import Confidence, Mistake

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
