"""The child process of a probe: what the backend computes on, and how slow a precision is there."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np

from fitting_room import machine
from fitting_room.trial.protocol import answer_once


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What is asked of the backend that this process has."""

    precision: str | None = None
    """To be timed; None asks for the accelerator alone."""


@dataclass(frozen=True, kw_only=True)
class Probed:
    """What the backend answers."""

    accelerator: str | None
    """The maker's name of the first GPU or other accelerator; None on a CPU."""
    times: float | None = None
    """How many times as long as in float32 a training step takes in the precision."""
    calibration_seconds: float | None = None


def probed(asked: Probe) -> Probed:
    """Return the accelerator and, if a precision is asked about, the times of a step in it."""
    if asked.precision is None:
        return Probed(accelerator=accelerator())
    return Probed(
        accelerator=accelerator(),
        times=step_seconds(asked.precision) / step_seconds("float32"),
        calibration_seconds=machine.calibration_seconds(),
    )


BATCH = 32
SIDE = 28
"""Pixels; of a made-up task, since a precision is emulated whatever is learned."""
CHANNELS = 32
CLASSES = 10
STEPS = 3
"""Timed after one that traces; the quickest counts."""


def step_seconds(precision: str) -> float:
    """Return the seconds of one training step of two convolutions on small images."""
    import keras

    keras.config.set_dtype_policy(precision)
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, CHANNELS)),
            keras.layers.Conv2D(CHANNELS, 3, padding="same", activation="relu"),
            keras.layers.Conv2D(CHANNELS, 3, padding="same", activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(CLASSES, activation="softmax", dtype="float32"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    images = np.zeros((BATCH, SIDE, SIDE, CHANNELS), np.float32)
    seconds = []
    for _ in range(1 + STEPS):
        began = time.perf_counter()
        model.train_on_batch(images, np.zeros(BATCH, np.uint8))
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

    It is the size of the pool that the backend makes for it: as the backend tells where it was
    told one or tells at all, else as many as the cores that this process may use, which is what
    TensorFlow and JAX make then. ``OMP_NUM_THREADS`` counts for torch alone: the others have pools
    of their own. ``cpu_seconds`` of an epoch tell how busy they were.
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


if __name__ == "__main__":
    answer_once(Probe, probed)
