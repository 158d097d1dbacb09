"""The clock of the forward pass, with a model and a time of our own."""

from __future__ import annotations

import numpy as np
import pytest

from fitting_room.trial.measure import BATCH_SIZE, CALLS, CHUNKS, measure_inference


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
    found = measure_inference(model, images(5), model.clock)
    assert found.latency_seconds == pytest.approx([0.001] * CHUNKS)


def test_a_large_batch_is_timed_call_by_call_after_the_warm_up() -> None:
    """Each value is one call with all the images of a batch."""
    model = Model()
    found = measure_inference(model, images(BATCH_SIZE + 1), model.clock)
    assert found.batch_seconds == pytest.approx([0.001 * BATCH_SIZE] * CHUNKS)
    assert model.calls.count(BATCH_SIZE) == CHUNKS + 1


def test_a_batch_is_no_larger_than_there_are_images() -> None:
    """With five images the batch is of five, and says so."""
    model = Model()
    assert measure_inference(model, images(5), model.clock).batch_size == 5
    assert model.calls.count(1) == CALLS * (CHUNKS + 1)
