"""``python -m fitting_room.trial.precision PRECISION``: how slow a step in it is.

Says how many times as long as the same step in float32, and the seconds of the calibration step.
"""

from __future__ import annotations

import sys
import time

import keras
import numpy as np
from fitting_room.trial.child import answering
from fitting_room.trial.measure import calibration_seconds

BATCH = 32
CHANNELS = 32
STEPS = 3
"""Timed after one that traces; the quickest counts."""


def step_seconds(precision: str) -> float:
    """Return the seconds of one training step of two convolutions on small images."""
    keras.config.set_dtype_policy(precision)
    model = keras.Sequential(
        [
            keras.Input((28, 28, CHANNELS)),
            keras.layers.Conv2D(CHANNELS, 3, padding="same", activation="relu"),
            keras.layers.Conv2D(CHANNELS, 3, padding="same", activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(10, activation="softmax", dtype="float32"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    images = np.zeros((BATCH, 28, 28, CHANNELS), np.float32)
    labels = np.zeros(BATCH, np.uint8)
    seconds = []
    for _ in range(1 + STEPS):
        began = time.perf_counter()
        model.train_on_batch(images, labels)
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:])


if __name__ == "__main__":
    with answering() as answer:
        times = step_seconds(sys.argv[1]) / step_seconds("float32")
        answer.write(f"{calibration_seconds()} {times}".encode())
