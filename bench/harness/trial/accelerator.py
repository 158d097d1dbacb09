"""``python -m bench.harness.trial.accelerator``: the name of what the backend computes on."""

from __future__ import annotations

import keras


def accelerator() -> str | None:
    """Return the first GPU or other accelerator that the backend sees, or None on a CPU."""
    if keras.config.backend() == "torch":  # has no keras.distribution
        import torch

        return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    devices = keras.distribution.list_devices()
    return next((name for name in devices if not name.startswith("cpu")), None)


if __name__ == "__main__":
    print(accelerator() or "")
