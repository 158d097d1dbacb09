"""Losses, against their formulas in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.keras

LABELS = np.array([0, 2, 1], np.uint8)
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.05, 0.9, 0.05]], np.float32)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
def test_smoothed_cross_entropy_is_that_of_smoothed_labels(smoothing: float) -> None:
    """The truth keeps 1 − s, and s is spread over the three classes."""
    from fitting_room.training.losses import SmoothedCrossentropy

    truth = (1 - smoothing) * np.eye(3)[LABELS] + smoothing / 3
    expected = -(truth * np.log(PROBABILITIES)).sum(axis=1).mean()
    found = float(SmoothedCrossentropy(smoothing)(LABELS, PROBABILITIES))
    assert found == pytest.approx(expected, rel=1e-5)


def test_it_is_saved_by_its_arguments() -> None:
    """What is read back smooths as much."""
    import keras

    from fitting_room.training.losses import SmoothedCrossentropy

    made = SmoothedCrossentropy(0.2)
    again = keras.losses.deserialize(keras.losses.serialize(made))
    assert again.get_config() == made.get_config()
