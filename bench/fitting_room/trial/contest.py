"""Two training paths against each other in one process: the recipe's, and Keras' plain ``fit``.

``python -m fitting_room.trial.contest`` reads a ``Contest`` on standard input and answers on
standard output with the seconds per epoch of both, as JSON.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from fitting_room.spec import TrialSpec
from fitting_room.trial.child import answering

PLAIN = {"steps_per_execution": 1, "jit_compile": False}
"""What ``compile`` and ``fit`` do on a CPU when nothing is asked of them."""


@dataclass(frozen=True, kw_only=True)
class Contest:
    """What to time: ``pairs`` epochs of each path over the first ``images`` training images."""

    spec: TrialSpec
    pairs: int
    images: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Seconds per epoch, one value a pair, in the order they ran."""

    ours: tuple[float, ...]
    plain: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """Ours over plain, pair by pair: below 1 is faster."""
        return [a / b for a, b in zip(self.ours, self.plain, strict=True)]


def run(contest: Contest) -> Outcome:
    """Train both paths in turn, A B B A, each after an epoch of its own that is not counted."""
    from fitting_room import data
    from fitting_room.trial import fit

    recipe = contest.spec.case.recipe
    arrays = data.load(contest.spec.dataset)
    images, labels = arrays.train_images[: contest.images], arrays.train_labels[: contest.images]
    training = fit.training_images(images, labels, recipe, contest.spec.seed)
    steps = -(-len(training.labels) // recipe.batch_size)
    models = [
        fit.build(contest.spec.case.builder, contest.spec.case.arguments, path, seed=0, steps=steps)
        for path in (recipe, replace(recipe, **PLAIN))  # type: ignore[arg-type]
    ]
    for model in models:
        _epoch(model, training, contest)
    seconds: tuple[list[float], list[float]] = ([], [])
    for pair in range(contest.pairs):
        for which in (0, 1) if pair % 2 == 0 else (1, 0):
            seconds[which].append(_epoch(models[which], training, contest))
    return Outcome(ours=tuple(seconds[0]), plain=tuple(seconds[1]))


def _epoch(model: Any, training: Any, contest: Contest) -> float:
    from fitting_room.training.callbacks import EpochClock
    from fitting_room.trial import fit

    clock = EpochClock()
    fit.train(model, training, contest.spec.case.recipe, epochs=1, callbacks=[clock])
    return clock.seconds


if __name__ == "__main__":
    answer = run(msgspec.json.decode(sys.stdin.buffer.read(), type=Contest))
    with answering() as output:
        output.write(msgspec.json.encode(answer))
    os._exit(0)  # skips the frameworks' tear-down
