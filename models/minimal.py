"""Small convolutional networks: normalised after each convolution, averaged before the head."""

from __future__ import annotations

import re
from collections.abc import Iterator

import keras
from keras import layers

CONVOLUTION = re.compile(r"(?P<channels>\d+)(?:k(?P<side>\d))?(?P<how>[vs]?)")
POOLS = {"p": layers.MaxPooling2D, "a": layers.AveragePooling2D}


def minimal(
    *,
    body: str = "8 12 p 16 16 p 16",
    activation: str = "relu",
    gamma: int = 0,
    momentum: float = 0.9,
    dropout: float = 0.0,
    head_bias: int = 1,
) -> keras.Model:
    """Convolutions with batch normalisation, global average pooling, and a linear head.

    Maps float images of shape (batch, 28, 28, 1) to probabilities of shape (batch, 10). The head
    after the pooling is what a 1×1 convolution to ten channels before it would be.

    Args:
        body: Layers in order, by words: ``16`` is a 3×3 convolution of 16 channels with zero
            padding; ``16v`` one without padding; ``16s`` one that steps by 2; ``16k5`` has another
            kernel, here 5×5; ``p`` and ``a`` are 2×2 max- and average-pooling. A pooling word that
            comes right after a convolution works before its normalisation: for as much, and less
            to compute.
        activation: After each normalisation, a name that Keras knows.
        gamma: 1 lets the normalisations scale too, which a ReLU network hardly needs.
        momentum: Of the statistics that the normalisations keep for inference.
        dropout: Share of the averaged features that is dropped in training.
        head_bias: 0 leaves it out.

    Raises:
        ValueError: The body has a word that means nothing.
    """
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *_body(body, activation, bool(gamma), momentum),
            layers.GlobalAveragePooling2D(),
            *([layers.Dropout(dropout)] if dropout else []),
            layers.Dense(10, activation="softmax", use_bias=bool(head_bias), dtype="float32"),
        ]
    )


def _body(body: str, activation: str, gamma: bool, momentum: float) -> Iterator[keras.Layer]:
    normalise = False
    for word in body.split():
        if word not in POOLS and normalise:
            yield from _normalised(activation, gamma, momentum)
            normalise = False
        if word in POOLS:
            yield POOLS[word](2)
        else:
            yield _convolution(word)
            normalise = True
    if normalise:
        yield from _normalised(activation, gamma, momentum)


def _normalised(activation: str, gamma: bool, momentum: float) -> Iterator[keras.Layer]:
    yield layers.BatchNormalization(scale=gamma, momentum=momentum)
    yield layers.Activation(activation)


def _convolution(word: str) -> keras.Layer:
    found = CONVOLUTION.fullmatch(word)
    if not found:
        raise ValueError(
            f"{word!r} is no word of a body; known are such as 16, 16v, 16s, 16k5, p"
        )
    return layers.Conv2D(
        int(found["channels"]),
        int(found["side"] or 3),
        strides=2 if found["how"] == "s" else 1,
        padding="valid" if found["how"] == "v" else "same",
        use_bias=False,  # the normalisation has one
        kernel_initializer="he_normal",
    )
