"""How sure a model is of its answers."""

from __future__ import annotations

import numpy as np
import pytest

from fitting_room.record import Mistake
from fitting_room.trial.score import BINS, MISTAKES, confidence


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
