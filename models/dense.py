"""Fully connected classifiers."""

from __future__ import annotations

import keras
from keras import layers


def dense(*, units: int = 128, hidden_layers: int = 1) -> keras.Model:
    """Flatten, ``hidden_layers`` ReLU layers of ``units`` each, and a softmax over ten classes.

    Maps float images of shape (batch, 28, 28, 1) to probabilities of shape (batch, 10).
    """
    hidden = [layers.Dense(units, activation="relu") for _ in range(hidden_layers)]
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(),
            *hidden,
            layers.Dense(10, activation="softmax", dtype="float32"),
        ]
    )
