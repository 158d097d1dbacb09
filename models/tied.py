"""Convolutional networks that use the same kernels again and again."""

from __future__ import annotations

import keras
from keras import layers

from models.minimal import _pooled


def tied(
    *,
    channels: int = 8,
    body: str = "a p a a p a a",
    pooling: str = "average",
    activation: str = "silu",
    momentum: float = 0.98,
    residual: int = 0,
) -> keras.Model:
    """Map images (batch, 28, 28, 1), float, to probabilities (batch, 10), with shared kernels.

    A 3×3 convolution without padding comes first, then the words of the body, then a linear head.

    Args:
        channels: Of every convolution.
        body: Words: ``p`` is 2×2 max-pooling; any other letter is a 3×3 convolution with zero
            padding, whose kernel is that of every word of the same letter. Each has a
            normalisation of its own.
        pooling: ``average`` of each channel's last map, or ``learned``: a weight for each place.
        activation: After each normalisation, a name that Keras knows.
        momentum: Of the statistics that the normalisations keep for inference.
        residual: 1 adds its input to what each word of the body makes.

    Raises ValueError where ``pooling`` means nothing.
    """
    images = x = keras.Input((28, 28, 1))
    x = _normalised(_convolution(channels, "valid")(x), activation, momentum)
    kernels = {word: _convolution(channels, "same") for word in sorted({*body.split()} - {"p"})}
    for word in body.split():
        if word == "p":
            x = layers.MaxPooling2D(2)(x)
            continue
        made = _normalised(kernels[word](x), activation, momentum)
        x = layers.Add()([x, made]) if residual else made
    head = layers.Dense(10, activation="softmax", dtype="float32")
    return keras.Model(images, head(_pooled(x, pooling)))


def _convolution(channels: int, padding: str) -> keras.Layer:
    return layers.Conv2D(
        channels, 3, padding=padding, use_bias=False, kernel_initializer="he_normal"
    )


def _normalised(x: keras.KerasTensor, activation: str, momentum: float) -> keras.KerasTensor:
    x = layers.BatchNormalization(scale=False, momentum=momentum)(x)
    return layers.Activation(activation)(x)
