"""``python -m fitting_room.trial.accelerator N``: what the backend computes on, said to N."""

from __future__ import annotations

import os

import keras
from fitting_room import machine
from fitting_room.trial.child import answering


def accelerator() -> str | None:
    """Return the maker's name of the first GPU or other accelerator, or None on a CPU."""
    return {"jax": _of_jax, "torch": _of_torch, "tensorflow": _of_tensorflow}[
        keras.config.backend()
    ]()


def threads() -> int:
    """Return over how many threads of the CPU the backend spreads one operation.

    It is the size of the pool that the backend makes for it: as the backend tells where it was
    told one or tells at all, else as many as the cores that this process may use, which is what
    TensorFlow and JAX make then. ``OMP_NUM_THREADS`` counts for torch alone: the others have pools
    of their own. ``cpu_seconds`` of an epoch tell how busy they were.
    """
    return {"jax": _jax_threads, "torch": _torch_threads, "tensorflow": _tensorflow_threads}[
        keras.config.backend()
    ]()


def _jax_threads() -> int:
    return _number("NPROC") or machine.usable_cores()


def _torch_threads() -> int:
    import torch

    return int(torch.get_num_threads())


def _tensorflow_threads() -> int:
    import tensorflow as tf

    asked = int(tf.config.threading.get_intra_op_parallelism_threads())
    return asked or _number("TF_NUM_INTRAOP_THREADS") or machine.usable_cores()


def _number(variable: str) -> int:
    """Return a variable's value; 0 where it is none, which backends then pass over."""
    value = os.environ.get(variable, "")
    return int(value) if value.isdecimal() else 0


def _of_jax() -> str | None:
    import jax

    first = jax.devices()[0]
    return None if first.platform == "cpu" else str(first.device_kind)


def _of_torch() -> str | None:
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def _of_tensorflow() -> str | None:
    import tensorflow as tf

    for device in tf.config.list_physical_devices("GPU"):
        details = tf.config.experimental.get_device_details(device)
        return str(details.get("device_name", device.name))
    return None


if __name__ == "__main__":
    with answering() as answer:
        answer.write((accelerator() or "").encode())
