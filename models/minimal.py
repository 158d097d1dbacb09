"""Small convolutional networks: normalised after each convolution, pooled as a whole at the end."""

from __future__ import annotations

import re
from typing import Any

import keras
from keras import layers

CONVOLUTION = re.compile(r"(?P<residual>r?)(?P<channels>\d+)(?:k(?P<side>\d))?(?P<how>[vs]?)")


def minimal(
    *,
    body: str = "8v 12 p 16 16 p 16",
    pooling: str = "average",
    activation: str = "relu",
    gamma: int = 0,
    momentum: float = 0.9,
    dropout: float = 0.0,
    head_bias: int = 1,
) -> keras.Model:
    """Map images (batch, 28, 28, 1), float, to probabilities (batch, 10), with few parameters.

    Args:
        body: Words: ``16`` is a 3×3 convolution of 16 channels with zero padding, normalised and
            activated. ``16v`` has no padding, ``16s`` steps by 2, ``16k5`` is 5×5, likewise
            ``16k1v``. ``r16`` is added to its input; ``p``, ``a`` are 2×2 max-, average-pooling.
        pooling: ``average`` of each channel's last map, or ``learned``: a weight for each place.
        activation: After each normalisation, a name that Keras knows.
        gamma: 1 lets the normalisations scale too, which a ReLU network hardly needs.
        momentum: Of the statistics that the normalisations keep for inference.
        dropout: Share of the pooled features that is dropped in training.
        head_bias: 0 leaves out that of the head, which is a 1×1 convolution in effect.

    Raises ValueError where a word means nothing.
    """
    images = x = keras.Input((28, 28, 1))
    for word in body.split():
        if word in ("p", "a"):
            x = (layers.MaxPooling2D if word == "p" else layers.AveragePooling2D)(2)(x)
            continue
        made = _convolution(word)(x)
        made = layers.BatchNormalization(scale=bool(gamma), momentum=momentum)(made)
        made = layers.Activation(activation)(made)
        x = layers.Add()([x, made]) if word.startswith("r") else made
    x = _pooled(x, pooling)
    if dropout:
        x = layers.Dropout(dropout)(x)
    head = layers.Dense(10, activation="softmax", use_bias=bool(head_bias), dtype="float32")
    return keras.Model(images, head(x))


def _convolution(word: str) -> keras.Layer:
    found = CONVOLUTION.fullmatch(word)
    if not found:
        known = "16, 16v, 16s, 16k5, r16, p, a"
        raise ValueError(f"{word!r} is no word of a body; known are such as {known}")
    return layers.Conv2D(
        int(found["channels"]),
        int(found["side"] or 3),
        strides=2 if found["how"] == "s" else 1,
        padding="valid" if found["how"] == "v" else "same",
        use_bias=False,  # the normalisation has one
        kernel_initializer="he_normal",
    )


def _pooled(x: Any, pooling: str) -> Any:
    if pooling == "average":
        return layers.GlobalAveragePooling2D()(x)
    if pooling != "learned":
        raise ValueError(f"pooling must be 'average' or 'learned', not {pooling!r}")
    height, width = x.shape[1:3]
    average = keras.initializers.Constant(1 / (height * width))
    weighting = layers.DepthwiseConv2D(
        (height, width), use_bias=False, depthwise_initializer=average
    )
    return layers.Flatten()(weighting(x))
