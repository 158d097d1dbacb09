"""The child process of a look: what a model answers, and what its layers do with an image."""

from __future__ import annotations

import importlib
import io
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from fitting_room.spec import TrialSpec
from fitting_room.trial.protocol import answer_once

ACTIVATION = "activation "
"""Begins the name of an array of activations; that of its layer follows."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a child is to look at."""

    model: str | None
    """A ``.keras`` file; None for one that is built, and not trained."""
    spec: TrialSpec
    """Of the training that made it, or would."""
    images: bytes
    """As ``numpy.save`` writes them: shape and type as the data set has them."""
    inside: bool
    """Whether layers and filters are wanted, not the answers alone."""


class Arrays(msgspec.Struct, frozen=True):
    """What a look finds."""

    npz: bytes
    """Arrays by name, as ``numpy.savez`` writes them."""


def seen(asked: Look) -> dict[str, Any]:
    """Return the arrays that a look finds, by name."""
    import keras

    from fitting_room.trial.images import given

    case = asked.spec.case
    # Layers of this project's own are known to Keras once their module is imported.
    module, function = case.builder.split(":")
    build = getattr(importlib.import_module(module), function)
    if asked.model is None:
        model = build(**case.arguments)
    else:
        model = keras.models.load_model(asked.model, compile=False)
    images = given(np.load(io.BytesIO(asked.images), allow_pickle=False), case.recipe)
    found = {"probabilities": model.predict(images, verbose=0)}
    if asked.inside:
        found |= _activations(model, images) | _filters(model)
    return {name: np.asarray(array, np.float32) for name, array in found.items()}


KINDS = ("Conv", "Pool")
"""In the name of a layer's class whose output is a picture for each filter."""


def _activations(model: Any, images: NDArray[np.float32]) -> dict[str, Any]:
    import keras

    outputs = {
        f"{ACTIVATION}{layer.name}": layer.output
        for layer in model.layers
        if len(layer.output.shape) == 4 and any(word in type(layer).__name__ for word in KINDS)
    }
    return keras.Model(model.inputs, outputs).predict(images, verbose=0) if outputs else {}


def _filters(model: Any) -> dict[str, Any]:
    """Weights of the first layer: a convolution's own, or a dense one's as images of the input."""
    weighted = next((layer for layer in model.layers if layer.weights), None)
    kernel = getattr(weighted, "kernel", None)
    if kernel is None:
        return {}
    weights, shape = np.asarray(kernel), model.input_shape[1:]
    if len(shape) != 3:  # features, which lie nowhere
        return {}
    if weights.ndim == 4 and weights.shape[2] == 1:
        return {"filters": weights[:, :, 0]}
    if weights.ndim == 2 and len(weights) == shape[0] * shape[1]:
        return {"filters": weights.reshape(*shape[:2], -1)}
    return {}


def _answer(asked: Look) -> Arrays:
    npz = io.BytesIO()
    np.savez(npz, **seen(asked))
    return Arrays(npz.getvalue())


if __name__ == "__main__":
    answer_once(Look, _answer)
