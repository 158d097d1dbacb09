"""Convolution and pooling blocks with a dense head."""

from __future__ import annotations

import keras
from keras import layers


def convolutional(*, filters: int = 64, blocks: int = 2, units: int = 128) -> keras.Model:
    """``blocks`` of 3×3 valid convolution, ReLU and 2×2 max-pooling, then a dense head.

    Maps float images of shape (batch, 28, 28, 1) to probabilities of shape (batch, 10).
    Three blocks are the most that 28×28 pixels bear.
    """
    body = [layer for _ in range(blocks) for layer in _block(filters)]
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *body,
            layers.Flatten(),
            layers.Dense(units, activation="relu"),
            layers.Dense(10, activation="softmax", dtype="float32"),
        ]
    )


def _block(filters: int) -> list[keras.Layer]:
    return [layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D(2)]
