"""The child process of a probe: what a backend computes on, and what a model makes of images.

It is asked a ``Probe`` or a ``Look``.
"""

from __future__ import annotations

import importlib
import io
import os
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from fitting_room import machine
from fitting_room.errors import UserError
from fitting_room.record import loader
from fitting_room.spec import TrialSpec
from fitting_room.trial import answer_once


class Probe(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What is asked of the backend that this process has."""

    precision: str | None = None
    """The precision to be timed; None asks for the accelerator alone."""


class Probed(msgspec.Struct, frozen=True, kw_only=True):
    """What the backend answers."""

    accelerator: str | None
    """The maker's name of the first GPU or other accelerator; None on a CPU."""
    times: float | None = None
    """How many times as long as in float32 a training step takes in the precision."""


STEPS = 3
"""Timed after one that traces; the quickest counts."""


def step_seconds(precision: str) -> float:
    """Return the seconds of one training step of two convolutions on small images.

    They are blank, since a precision is emulated whatever is learned.
    """
    import keras

    keras.config.set_dtype_policy(precision)
    images, labels = np.zeros((32, 28, 28, 32), np.float32), np.zeros(32, np.uint8)
    model = keras.Sequential(
        [
            keras.Input(images.shape[1:]),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(10, activation="softmax", dtype="float32"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    seconds = []
    for _ in range(1 + STEPS):
        began = time.perf_counter()
        model.train_on_batch(images, labels)
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:])


def accelerator() -> str | None:
    """Return the maker's name of the first GPU or other accelerator, or None on a CPU."""
    import keras

    backend = keras.config.backend()
    if backend == "jax":
        import jax

        first = jax.devices()[0]
        return None if first.platform == "cpu" else str(first.device_kind)
    if backend == "torch":
        import torch

        return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    import tensorflow as tf

    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        return str(details.get("device_name", device.name))
    return None


def threads() -> int:
    """Return over how many threads of the CPU the backend spreads one operation.

    It is the size of the pool that the backend makes for it, as the backend tells where it was told
    one or tells at all. Else it is the cores that this process may use, which is what TensorFlow
    and JAX make then. ``OMP_NUM_THREADS`` counts for torch alone: the others have pools of their
    own. ``cpu_seconds`` of an epoch tell how busy they were.
    """
    import keras

    backend = keras.config.backend()
    if backend == "torch":
        import torch

        return int(torch.get_num_threads())
    if backend == "jax":
        return _number("NPROC") or machine.usable_cores()
    import tensorflow as tf

    asked = int(tf.config.threading.get_intra_op_parallelism_threads())
    return asked or _number("TF_NUM_INTRAOP_THREADS") or machine.usable_cores()


def _number(variable: str) -> int:
    """Return a variable's value; 0 where it is none, which backends then pass over."""
    value = os.environ.get(variable, "")
    return int(value) if value.isdecimal() else 0


ACTIVATION = "activation "
"""Begins the name of an array of activations; that of its layer follows."""


class Look(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a child is to look at."""

    model: str | None
    """A saved one; None for one that is built, and not trained."""
    spec: TrialSpec
    """The spec of the training that made it, or would."""
    images: bytes
    """The bytes that ``numpy.save`` writes: shape and type as the data set has them."""
    inside: bool
    """Whether layers and filters are wanted, not the answers alone."""


class Arrays(msgspec.Struct, frozen=True):
    """What a look finds."""

    npz: bytes
    """Arrays by name, as ``numpy.savez`` writes them."""


def seen(asked: Look) -> dict[str, Any]:
    """Return the arrays that a look finds, by name."""
    from fitting_room.trial.measure import given

    case = asked.spec.case
    images = given(np.load(io.BytesIO(asked.images), allow_pickle=False), case.recipe)
    if case.trainer and asked.model:
        return {"probabilities": _predicted(loader(case.trainer), Path(asked.model), images)}
    import keras

    build = _named(case.builder)  # layers of its module are known to Keras from now on
    if asked.model is None:
        model = build(**case.arguments)
    else:
        model = keras.models.load_model(asked.model, compile=False)
    found = {"probabilities": model.predict(images, verbose=0)}
    if asked.inside:
        found |= _activations(model, images) | _filters(model)
    return {name: np.asarray(array, np.float32) for name, array in found.items()}


def _named(name: str) -> Any:
    module, function = name.split(":")
    return getattr(importlib.import_module(module), function)


def _predicted(name: str, file: Path, images: NDArray[np.float32]) -> NDArray[np.float32]:
    from fitting_room.trial.measure import check_probabilities

    found = np.asarray(_named(name)(file)(images), np.float32)
    if found.ndim != 2 or len(found) != len(images):
        raise UserError(f"{name} gave predictions of shape {found.shape}, no probabilities")
    check_probabilities(found)
    return found


KINDS = ("Conv", "Pool")
"""The parts of class names of layers whose output is a picture for each filter."""


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


def answer(asked: Probe | Look) -> Probed | Arrays:
    """Return what a child process answers."""
    if isinstance(asked, Look):
        npz = io.BytesIO()
        np.savez(npz, **seen(asked))
        return Arrays(npz.getvalue())
    kind = asked.precision
    times = None if kind is None else step_seconds(kind) / step_seconds("float32")
    return Probed(accelerator=accelerator(), times=times)


if __name__ == "__main__":
    answer_once(Probe | Look, answer)
