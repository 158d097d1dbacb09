"""Looking into a kept model: what it answers, and what its layers do with an image.

``python -m fitting_room.trial.look`` reads a ``Look`` on standard input and writes the arrays it
found into the file that it names. ``look`` starts it and reads them back.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from fitting_room.errors import UserError
from fitting_room.spec import TrialSpec
from fitting_room.trial.child import child_environment, program
from numpy.typing import NDArray

ACTIVATION = "activation "
"""Begins the name of an array of activations; that of its layer follows."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a child is to look at, and where it puts what it sees."""

    model: str | None
    """A ``.keras`` file; None for one that is built, and not trained."""
    spec: TrialSpec
    """Of the training that made it, or would."""
    images: str
    """A ``.npy`` file: shape (n, 28, 28), uint8, bright on black."""
    inside: bool
    """Whether layers and filters are wanted, not the answers alone."""
    answer: str
    """The ``.npz`` file to write."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a model makes of n images."""

    probabilities: NDArray[np.float32]
    """Shape (n, 10)."""
    activations: Mapping[str, NDArray[np.float32]]
    """Layer → shape (n, height, width, filters), of each convolution and pooling, in order."""
    filters: NDArray[np.float32] | None
    """Weights of the first layer that looks at pixels: shape (height, width, units); None if it
    does not see an image."""


def look(
    model: Path | None, spec: TrialSpec, images: NDArray[np.uint8], *, inside: bool = False
) -> Seen:
    """Show images, shape (n, 28, 28), to a kept model in a process of its own.

    Without one it is built and not trained: enough to know what there is to be seen.

    Raises:
        UserError: That process failed; the message has the last that it said.
    """
    with tempfile.TemporaryDirectory() as folder:
        asked = Look(
            model=None if model is None else str(model.absolute()),
            spec=spec,
            images=str(Path(folder, "images.npy")),
            inside=inside,
            answer=str(Path(folder, "seen.npz")),
        )
        np.save(asked.images, images)
        ran = subprocess.run(
            program("fitting_room.trial.look"),
            input=msgspec.json.encode(asked),
            env=child_environment(spec.backend, spec.device),
            capture_output=True,
            check=False,
        )
        if ran.returncode:
            last = (ran.stderr.decode(errors="replace").strip().splitlines() or ["nothing"])[-1]
            mend = " Remove it, and it is trained anew." if model else ""
            raise UserError(
                f"{model or spec.case.name} could not be asked; its process said: {last}.{mend}"
            )
        with np.load(asked.answer, allow_pickle=False) as found:
            return _seen(dict(found))


def _seen(found: dict[str, Any]) -> Seen:
    return Seen(
        probabilities=found["probabilities"],
        activations={
            name.removeprefix(ACTIVATION): array
            for name, array in found.items()
            if name.startswith(ACTIVATION)
        },
        filters=found.get("filters"),
    )


def answer(asked: Look) -> dict[str, Any]:
    """Return the arrays that a look finds, by name."""
    import keras
    from fitting_room.trial.fit import prepare

    case = asked.spec.case
    # Layers of this project's own are known to Keras once their module is imported.
    module, function = case.builder.split(":")
    build = getattr(importlib.import_module(module), function)
    if asked.model is None:
        model = build(**case.arguments)
    else:
        model = keras.models.load_model(asked.model, compile=False)
    images = prepare(np.load(asked.images, allow_pickle=False), asked.spec.case.recipe)
    found = {"probabilities": model.predict(images, verbose=0)}
    if asked.inside:
        found |= _activations(model, images) | _filters(model)
    return {name: np.asarray(array, np.float32) for name, array in found.items()}


def _activations(model: Any, images: NDArray[np.float32]) -> dict[str, Any]:
    import keras

    layers = [
        layer
        for layer in model.layers
        if len(layer.output.shape) == 4 and any(word in type(layer).__name__ for word in KINDS)
    ]
    if not layers:
        return {}
    shown = keras.Model(model.inputs, [layer.output for layer in layers])
    outputs = shown.predict(images, verbose=0)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return {f"{ACTIVATION}{layer.name}": each for layer, each in zip(layers, outputs, strict=True)}


KINDS = ("Conv", "Pool")
"""In the name of a layer's class whose output is a picture for each filter."""


def _filters(model: Any) -> dict[str, Any]:
    """Weights of the first layer: a convolution's own, or a dense one's as images of the input."""
    weighted = next((layer for layer in model.layers if layer.weights), None)
    kernel = getattr(weighted, "kernel", None)
    if kernel is None:
        return {}
    weights, (height, width) = np.asarray(kernel), model.input_shape[1:3]
    if weights.ndim == 4 and weights.shape[2] == 1:
        return {"filters": weights[:, :, 0]}
    if weights.ndim == 2 and len(weights) == height * width:
        return {"filters": weights.reshape(height, width, -1)}
    return {}


if __name__ == "__main__":
    wanted = msgspec.json.decode(sys.stdin.buffer.read(), type=Look)
    np.savez(wanted.answer, **answer(wanted))
    os._exit(0)  # skips the frameworks' tear-down
