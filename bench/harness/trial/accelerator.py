"""``python -m bench.harness.trial.accelerator``: the name of what the backend computes on."""

from __future__ import annotations

import keras


def accelerator() -> str | None:
    """Return the maker's name of the first GPU or other accelerator, or None on a CPU."""
    return {"jax": _of_jax, "torch": _of_torch, "tensorflow": _of_tensorflow}[
        keras.config.backend()
    ]()


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
    print(accelerator() or "")
