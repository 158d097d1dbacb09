"""Chunks of training on command, by one of two checkouts that are timed in turn.

Run by its path, with the checkout to be timed first on ``PYTHONPATH``: so any commit that can train
is timed by this very clock, also one from before this file. Standard input has a spec as JSON, then
a number of images a line; the descriptor that the last argument numbers answers with the checkout's
folder, then with the seconds of each chunk. The end of the input ends it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import msgspec
from fitting_room.spec import TrialSpec


def main() -> None:
    """Build what the spec says, then train as many images as each line asks for."""
    output = os.fdopen(int(sys.argv[-1]), "wb")  # by hand: the checkout may know no other way
    spec = msgspec.json.decode(sys.stdin.buffer.readline(), type=TrialSpec)
    train = trainer(spec)
    module = sys.modules[TrialSpec.__module__].__file__ or ""
    _say(output, {"checkout": str(Path(module).resolve().parents[2])})
    for line in sys.stdin.buffer:
        wall, cpu = train(int(line))
        _say(output, {"wall": wall, "cpu": cpu})
    os._exit(0)  # skips the frameworks' tear-down


def trainer(spec: TrialSpec) -> Callable[[int], tuple[float, float]]:
    """Return a function that trains the spec's model on so many images.

    It goes on from where it was, and returns wall and CPU seconds of the training steps alone.
    """
    from fitting_room import data
    from fitting_room.trial import fit

    recipe = spec.case.recipe
    arrays = data.load(spec.dataset)
    training = fit.training_images(arrays.train_images, arrays.train_labels, recipe, seed=spec.seed)
    steps = -(-len(training.labels) // recipe.batch_size)
    model = _build(spec, steps)
    clock = _clock()

    def train(images: int) -> tuple[float, float]:
        part = replace(training, images=training.images[:images], labels=training.labels[:images])
        fit.train(model, part, recipe, epochs=1, callbacks=[clock])
        wall, cpu = clock.seconds
        return wall, cpu

    return train


def _build(spec: TrialSpec, steps: int) -> Any:
    from fitting_room.trial import fit

    case = spec.case
    if getattr(case.recipe, "tuned", False):
        from fitting_room.trial import tuned

        known = {"seed": spec.seed, "steps": steps, "epochs": spec.epochs}
        return tuned.build(case.builder, case.arguments, case.recipe, **known)[1]
    return fit.build(case.builder, case.arguments, case.recipe, seed=spec.seed, steps=steps)


def _clock() -> Any:
    """Return a callback that times what lies between the begin and the end of an epoch.

    Its own, and not the checkout's: both sides must be timed alike.
    """
    import keras

    class Clock(keras.callbacks.Callback):
        seconds = (0.0, 0.0)

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._began = (time.perf_counter(), time.process_time())

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            wall, cpu = self._began
            self.seconds = (time.perf_counter() - wall, time.process_time() - cpu)

    return Clock()


def _say(output: IO[bytes], answer: object) -> None:
    output.write(msgspec.json.encode(answer) + b"\n")
    output.flush()


if __name__ == "__main__":
    main()
