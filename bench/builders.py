"""Models changed for the worse: builders of variants, imported by their trials alone.

They stand apart from ``models``, so that no committed record rests on them.
"""

from __future__ import annotations

import keras
from keras import layers

from models.dense import dense


def dropped_out(*, units: int) -> keras.Model:
    """Return ``dense`` with a fifth of its hidden units dropped in training."""
    *below, head = dense(units=units).layers
    return keras.Sequential([keras.Input((28, 28, 1)), *below, layers.Dropout(0.2), head])


def standard_normal(*, units: int) -> keras.Model:
    """Return ``dense`` with kernels that begin at N(0, 1), whatever they are connected to."""
    model = dense(units=units)
    for layer in model.layers[1:]:
        layer.kernel.assign(keras.random.normal(layer.kernel.shape))
    return model
