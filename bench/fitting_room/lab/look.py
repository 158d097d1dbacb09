"""Looking into a kept model, in a process of its own that holds Keras."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fitting_room.errors import UserError
from fitting_room.lab.process import ask, child_environment, home, program
from fitting_room.spec import TrialSpec
from fitting_room.trial.look import ACTIVATION, Arrays, Look


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
    shown = io.BytesIO()
    np.save(shown, images)
    asked = Look(
        model=None if model is None else str(model.absolute()),
        spec=spec,
        images=shown.getvalue(),
        inside=inside,
    )
    environment = child_environment(spec.backend, spec.device)
    found, failed = ask(program("look", home()), asked, Arrays, environment=environment)
    if found is None:
        mend = " Remove it, and it is trained anew." if model else ""
        raise UserError(f"{model or spec.case.name} could not be asked; {failed}.{mend}")
    with np.load(io.BytesIO(found.npz), allow_pickle=False) as arrays:
        return _seen(dict(arrays))


def _seen(found: Mapping[str, NDArray[np.float32]]) -> Seen:
    return Seen(
        probabilities=found["probabilities"],
        activations={
            name.removeprefix(ACTIVATION): array
            for name, array in found.items()
            if name.startswith(ACTIVATION)
        },
        filters=found.get("filters"),
    )
