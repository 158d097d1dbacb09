"""Questions to a process that loads a backend: its device, its speed, what a model sees."""

from __future__ import annotations

import importlib.util
import io
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fitting_room.errors import UserError
from fitting_room.lab.process import ask, child_environment, home, program
from fitting_room.machine import computes_in
from fitting_room.spec import TrialSpec
from fitting_room.store.digest import ENGINE
from fitting_room.trial.probe import ACTIVATION, Arrays, Look, Probe, Probed

PROBE = program("probe", ENGINE.parent)  # no project has a part in it
MUCH = 2.0
"""The limit, times a step in float32, beyond which a type is emulated. A step takes about 0.6
where the processor has the type; 2.3 where AVX-512, and 9 to 10 where AVX2 does without."""


@dataclass(frozen=True, kw_only=True)
class Emulated:
    """A precision for which this processor has no instructions."""

    kind: str
    """The type that it computes in, such as ``bfloat16``."""
    times: float
    """How many times as long as in float32 a step takes; infinite where it cannot run at all."""

    @property
    def words(self) -> str:
        """The emulation in a sentence without its end."""
        if math.isinf(self.times):
            return f"{self.kind} does not run on this processor"
        return (
            f"{self.kind} is emulated by this processor: a step takes about {self.times:.0f} times "
            "that in float32"
        )


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
    found = _ask(Probe(), backend, device)
    if found is None or found.accelerator is None:
        raise UserError(f"--device gpu: {backend} sees no GPU here. Use --device cpu.")
    return found.accelerator


@lru_cache
def emulation(precision: str, *, backend: str, device: str = "cpu") -> Emulated | None:
    """Return how a precision is emulated here, or None if it is not.

    If the processor has instructions for the type, its flags answer at once. Otherwise a step is
    timed in a process of its own, which takes some seconds.
    """
    kind = precision.removeprefix("mixed_")
    if device != "cpu" or kind == "float32" or computes_in(kind, os.environ):
        return None
    found = _ask(Probe(precision=precision), backend, "cpu")
    times = math.inf if found is None or found.times is None else found.times
    return Emulated(kind=kind, times=times) if times > MUCH else None


def _ask(asked: Probe, backend: str, device: str) -> Probed | None:
    environment = child_environment(backend, device, folder=ENGINE.parent)
    return ask(PROBE, asked, Probed, environment=environment)[0]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The answers of a model to n images, and what its layers make of them."""

    probabilities: NDArray[np.float32]
    """The probability of each class, shape (n, classes)."""
    activations: Mapping[str, NDArray[np.float32]]
    """Layer → shape (n, height, width, filters), of each convolution and pooling, in order."""
    filters: NDArray[np.float32] | None
    """Weights of the first layer, if it looks at pixels: shape (height, width, units)."""


def look(
    model: Path | None, spec: TrialSpec, images: NDArray[Any], *, inside: bool = False
) -> Seen:
    """Show images, as the data set has them, to a saved model, or to one built and not trained.

    Raises:
        UserError: The process failed; the message has the last line that it printed.
    """
    shown = io.BytesIO()
    np.save(shown, images)
    path = None if model is None else str(model.absolute())
    asked = Look(model=path, spec=spec, images=shown.getvalue(), inside=inside)
    environment = child_environment(spec.backend, spec.device)
    found, failed = ask(program("probe", home()), asked, Arrays, environment=environment)
    if found is None:
        mend = " Remove it, and it is trained anew." if model else ""
        raise UserError(f"{model or spec.case.name} could not be run; {failed}.{mend}")
    with np.load(io.BytesIO(found.npz), allow_pickle=False) as npz:
        arrays = dict(npz)
    layers = [name for name in arrays if name.startswith(ACTIVATION)]
    return Seen(
        probabilities=arrays["probabilities"],
        activations={name.removeprefix(ACTIVATION): arrays[name] for name in layers},
        filters=arrays.get("filters"),
    )
