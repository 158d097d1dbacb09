"""Whether a backend is installed and sees a GPU, asked before anything is trained."""

from __future__ import annotations

import importlib.util

from bench.harness.errors import UserError
from bench.harness.trial.child import ask
from bench.harness.trial.process import child_environment, program

ASK = program("bench.harness.trial.accelerator")


def check_backend(backend: str, device: str) -> str | None:
    """Return the accelerator that ``backend`` will use, None on the CPU.

    Raises:
        UserError: The backend is not installed, or a GPU was asked for and there is none.
    """
    if importlib.util.find_spec(backend) is None:
        raise UserError(
            f"--backend {backend}: it is not installed here. "
            f"Install it with: pip install 'fitting-room[{backend}]'"
        )
    if device == "cpu":
        return None
    found, _ = ask(ASK, environment=child_environment(backend, device))
    if not found:
        raise UserError(f"--device gpu: {backend} sees no GPU here. Use --device cpu.")
    return found.decode()
