"""Learning rates over time, as functions of peak, steps and warm-up.

Each returns a Keras schedule that can be saved with its optimizer, and computes on any backend.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

FIRST = 0.1
"""A linear warm-up starts at this part of the peak: from zero, its first steps teach nothing."""

ONE_CYCLE = (1 / 25, 1 / 250_000)
"""Start and end over the peak, as PyTorch's ``OneCycleLR`` has them."""


def linear_to_zero(peak: float, steps: int, warm_up: float) -> RiseAndFall:
    """Rise linearly from a tenth of ``peak`` for ``warm_up`` of the steps, then fall to zero."""
    return RiseAndFall(peak=peak, steps=steps, warm_up=warm_up, first=FIRST)


def cosine_to_zero(peak: float, steps: int, warm_up: float) -> RiseAndFall:
    """Rise linearly for ``warm_up`` of the steps, then fall to zero along half a cosine.

    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017,
    without a restart.
    """
    return RiseAndFall(peak=peak, steps=steps, warm_up=warm_up, first=FIRST, fall="cosine")


def one_cycle(peak: float, steps: int, warm_up: float) -> RiseAndFall:
    """Rise and fall along half cosines, from and to almost nothing.

    Smith and Topin, "Super-Convergence", 2018, in the form that PyTorch's ``OneCycleLR`` gave it.
    """
    first, last = ONE_CYCLE
    return RiseAndFall(
        peak=peak,
        steps=steps,
        warm_up=warm_up,
        first=first,
        last=last,
        rise="cosine",
        fall="cosine",
    )


@keras.saving.register_keras_serializable("fitting_room")
class RiseAndFall(keras.optimizers.schedules.LearningRateSchedule):
    """Up to ``peak`` in the first ``warm_up`` of ``steps``, and down in the others.

    Args:
        peak: The highest rate.
        steps: Batches of the whole training; the rate stays at its last value after them.
        warm_up: Part of the steps that rises, in [0, 1).
        first: Rate of the first step over the peak, if there is a warm-up.
        last: Rate after the last step over the peak.
        rise: ``linear`` or ``cosine``.
        fall: The same.
    """

    def __init__(
        self,
        peak: float,
        steps: int,
        warm_up: float = 0.0,
        first: float = 0.0,
        last: float = 0.0,
        rise: str = "linear",
        fall: str = "linear",
    ) -> None:
        super().__init__()
        self._config: dict[str, Any] = {
            "peak": peak,
            "steps": steps,
            "warm_up": warm_up,
            "first": first,
            "last": last,
            "rise": rise,
            "fall": fall,
        }

    def __call__(self, step: Any) -> Any:
        """Return the rate of ``step``, counted from 0."""
        of = self._config
        done = ops.minimum(ops.cast(step, "float32") / of["steps"], 1.0)
        risen = done / max(of["warm_up"], 1 / (2 * of["steps"]))
        fallen = (done - of["warm_up"]) / (1 - of["warm_up"])
        up = of["first"] + (1 - of["first"]) * _along(risen, of["rise"])
        down = of["last"] + (1 - of["last"]) * (1 - _along(fallen, of["fall"]))
        return of["peak"] * ops.where(done < of["warm_up"], up, down)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return dict(self._config)


def _along(done: Any, shape: str) -> Any:
    """Return how far between its ends a rate is, when so much of its way is done."""
    return (1 - ops.cos(math.pi * done)) / 2 if shape == "cosine" else done
