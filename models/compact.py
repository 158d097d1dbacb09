"""Residual networks that are small for what they learn."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import keras
from keras import layers

from models.minimal import _pooled

WORD = re.compile(r"(?P<kind>[bdep]?)(?P<number>\d+)")
POOLINGS = ("average", "max", "learned")


def compact(
    *,
    body: str = "32 p b64 p b96",
    pooling: str = "average",
    activation: str = "relu",
    momentum: float = 0.9,
    dropout: float = 0.0,
) -> keras.Model:
    """Residual blocks with batch normalisation, pooling of all that is left, and a linear head.

    Maps float images of shape (batch, 28, 28, 1) to probabilities of shape (batch, 10).

    Args:
        body: Layers in order, by words. ``32`` is a 3×3 convolution of 32 channels. ``b64`` is a
            residual block of two, with a 1×1 convolution on its shortcut where the channels change
            (He et al., "Deep Residual Learning", CVPR 2016). ``d64`` is a depthwise 3×3 and a 1×1
            convolution (Howard et al., "MobileNets", 2017). ``e4`` weighs the channels by a hidden
            layer of a fourth of them (Hu et al., "Squeeze-and-Excitation", CVPR 2018). ``p`` and
            ``a`` are max- and average-pooling of 2×2. ``p64`` is a convolution that is pooled
            before it is normalised: about the same as ``64 p``, and less to compute.
        pooling: ``average`` or ``max`` of each channel over the last map, or ``learned``: a weight
            for each place, which begins as the average.
        activation: After each normalisation, a name that Keras knows.
        momentum: Of the statistics that the normalisations keep for inference.
        dropout: Share of the pooled features that is dropped in training.

    Raises ValueError where a word of the body or the pooling means nothing.
    """
    if pooling not in POOLINGS:
        raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}, not {pooling!r}")
    images = x = keras.Input((28, 28, 1))
    for word in body.split():
        x = _layer(word, activation, momentum)(x)
    x = layers.GlobalMaxPooling2D()(x) if pooling == "max" else _pooled(x, pooling)
    if dropout:
        x = layers.Dropout(dropout)(x)
    return keras.Model(images, layers.Dense(10, activation="softmax", dtype="float32")(x))


def _layer(word: str, activation: str, momentum: float) -> Any:
    if word == "p":
        return layers.MaxPooling2D(2)
    if word == "a":
        return layers.AveragePooling2D(2)
    found = WORD.fullmatch(word)
    if not found:
        raise ValueError(f"{word!r} is no word of a body; known are such as 32, b64, d64, e4, p, a")
    number = int(found["number"])

    def normalised(x: Any, *, active: bool = True, first: str = "ones") -> Any:
        x = layers.BatchNormalization(momentum=momentum, gamma_initializer=first)(x)
        return layers.Activation(activation)(x) if active else x

    def plain(x: Any) -> Any:
        return normalised(_convolution(number)(x))

    def pooled(x: Any) -> Any:
        return normalised(layers.MaxPooling2D(2)(_convolution(number)(x)))

    def block(x: Any) -> Any:
        # A block begins as its shortcut: Goyal et al., "Accurate, Large Minibatch SGD", 2017.
        made = normalised(_convolution(number)(plain(x)), active=False, first="zeros")
        if x.shape[-1] != number:
            x = normalised(_convolution(number, side=1)(x), active=False)
        return layers.Activation(activation)(layers.Add()([x, made]))

    def separable(x: Any) -> Any:
        return normalised(_convolution(number, side=1)(normalised(_depthwise()(x))))

    kinds = {
        "": plain,
        "p": pooled,
        "b": block,
        "d": separable,
        "e": partial(_excited, ratio=number),
    }
    return kinds[found["kind"]]


def _excited(x: Any, ratio: int) -> Any:
    hidden = layers.Dense(max(1, x.shape[-1] // ratio), activation="relu")
    weights = layers.Dense(x.shape[-1], activation="sigmoid")
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return layers.Multiply()([x, weights(hidden(squeezed))])


def _depthwise() -> keras.Layer:
    return layers.DepthwiseConv2D(
        3, padding="same", use_bias=False, depthwise_initializer="he_normal"
    )


def _convolution(channels: int, side: int = 3) -> keras.Layer:
    return layers.Conv2D(
        channels, side, padding="same", use_bias=False, kernel_initializer="he_normal"
    )
