"""The child process of an A/B timing: it trains chunks of images on command, by a named path.

It is run by its file, with the checkout to be timed first on Python's path. So any commit that can
train is timed by this very clock, also one from before this file. Hence it speaks the protocol of
``fitting_room.trial`` by hand. It is asked a ``Start`` and then a ``Command`` a line; it answers
with the checkout's folder, then with the seconds of each chunk, or with the limit of the machine.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal

import msgspec

from fitting_room.spec import TrialSpec

PLAIN = {"steps_per_execution": 1, "jit_compile": False}
"""What ``compile`` and ``fit`` do on a CPU when nothing is asked of them."""

TrainingPath = Literal["recipe", "plain"]
"""The recipe's, or Keras' ``fit`` as shipped, which knows no tuned recipe."""


class Start(msgspec.Struct, frozen=True):
    """What the process is to have built before its first command."""

    spec: TrialSpec
    paths: tuple[TrainingPath, ...]


class Command(msgspec.Struct, frozen=True):
    """One chunk: train on the first images of the training set, going on from where it was."""

    path: TrainingPath | Literal["limit"]
    """The limit is asked for instead of a chunk."""
    images: int = 0
    """The number to train on, in as many passes as a smaller training set needs for that."""


class Ready(msgspec.Struct, frozen=True):
    """The process has built what it was to."""

    checkout: str
    """The folder of the code that it runs."""


class Chunk(msgspec.Struct, frozen=True):
    """Seconds of the training steps of one chunk."""

    wall: float
    cpu: float
    """The CPU seconds of the process, all threads."""


class Limit(msgspec.Struct, frozen=True):
    """What training costs, and how much of that the machine does at most."""

    flops_per_image: int
    """Forward and backward; see ``measure.training_flops``."""
    flops_per_second: int
    """Of matrix products, in this process and in the precision of the training."""


def main() -> None:
    """Build what is to be timed, then train one chunk a command; the end of the input ends it."""
    say = partial(_say, os.fdopen(int(sys.argv[-1]), "wb"))
    start = msgspec.json.decode(sys.stdin.buffer.readline(), type=Start)
    commands = (msgspec.json.decode(line, type=Command) for line in sys.stdin.buffer)
    own = getattr(start.spec.case, "trainer", None)  # older commits know none
    train = None if own else trainer(start)
    module = sys.modules[TrialSpec.__module__].__file__ or ""
    say(Ready(str(Path(module).resolve().parents[2])))
    if train:
        for command in commands:
            say(train(command))
    else:
        pace(start.spec, commands, say)
    os._exit(0)  # skips the frameworks' tear-down


def trainer(start: Start) -> Callable[[Command], Chunk | Limit]:
    """Return a function that trains a chunk and times its training steps alone, or the limit."""
    from fitting_room import data
    from fitting_room.trial import fit, run

    spec, shipped = start.spec, nullcontext
    recipe = spec.case.recipe
    training = fit.trial_images(data.load(spec.dataset), recipe, spec.seed)[0]
    steps = -(-len(training.labels) // recipe.batch_size)
    models = {path: _build(path, spec, steps) for path in start.paths}
    clock = _clock()
    untuned = getattr(run, "untuned", shipped)  # older commits have none

    def train(chunk: Command) -> Chunk | Limit:
        if chunk.path == "limit":
            from fitting_room.trial.measure import training_flops  # older commits have none

            model = models[start.paths[0]]
            return Limit(training_flops(model), matrix_rate(model.dtype_policy.compute_dtype))
        passes = -(-chunk.images // len(training.labels))
        each = round(chunk.images / passes)
        part = replace(training, images=training.images[:each], labels=training.labels[:each])
        clock.seconds = (0.0, 0.0)
        with shipped() if chunk.path == "plain" else untuned():
            fit.train(models[chunk.path], part, recipe, epochs=passes, callbacks=[clock])
        return Chunk(*clock.seconds)

    return train


SIZES = (256, 512, 1024, 2048)
"""Rows and columns: the smallest fit into caches, the largest keep every thread busy."""
SIZE_S = 0.3
"""For how long products of each size are repeated."""


def matrix_rate(dtype: str, clock: Callable[[], float] = time.perf_counter) -> int:
    """Return the operations a second of the quickest matrix product, by Keras' backend.

    A product of n rows and columns counts as 2 n³: so many multiplications and additions.
    """
    import keras

    best = 0.0
    for n in SIZES:
        left, right = (keras.random.uniform((n, n), dtype=dtype) for _ in range(2))
        until = clock() + SIZE_S
        while (began := clock()) < until:
            float(keras.ops.matmul(left, right)[0, 0])  # waits until the device has finished
            best = max(best, 2 * n**3 / (clock() - began))
    return round(best)


EPOCHS = 1_000_000
"""More than anybody asks for."""


def pace(spec: TrialSpec, commands: Iterator[Command], say: Callable[[Chunk], None]) -> None:
    """Let an own trainer train an epoch a command, each of the images that the first asks for.

    It waits for the next command where it tells an epoch, outside of its clock.
    """
    from fitting_room.project import current
    from fitting_room.record import Epoch, PartialRecord
    from fitting_room.trial import trainer

    current(Path.cwd()).use()  # which classes its task has
    assert spec.case.trainer
    train = trainer.trainer_of(spec.case.trainer)
    spec = replace(spec, epochs=EPOCHS, evaluate_each_epoch=False)
    given, test_labels = trainer.prepared(spec)

    def tell(epoch: Epoch) -> None:
        say(Chunk(epoch.seconds, epoch.cpu_seconds))
        if next(commands, None) is None:
            raise trainer.Ended

    n = next(commands).images
    given = replace(given, images=given.images[:n], labels=given.labels[:n])
    test = given.test_images, test_labels
    report = trainer.Report(spec, PartialRecord(), test, tell)
    with suppress(trainer.Ended):
        train(spec, given, report)


def _build(path: TrainingPath, spec: TrialSpec, steps: int) -> Any:
    from fitting_room.trial import fit

    case, known = spec.case, {"seed": spec.seed, "steps": steps}
    if path == "recipe" and case.recipe.tuned:
        known["epochs"] = spec.epochs
        return fit.build_tuned(case.builder, case.arguments, case.recipe, **known)[1]
    changes: dict[str, Any] = PLAIN if path == "plain" else {}
    return fit.build(case.builder, case.arguments, replace(case.recipe, **changes), **known)


def _clock() -> Any:
    """Return a callback that adds up what lies between the begin and the end of each epoch.

    Its own, and not the checkout's: both sides must be timed alike.
    """
    import keras

    class Clock(keras.callbacks.Callback):
        seconds = (0.0, 0.0)

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._began = (time.perf_counter(), time.process_time())

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            wall, cpu = (b - s for b, s in zip(self._began, self.seconds, strict=True))
            self.seconds = (time.perf_counter() - wall, time.process_time() - cpu)

    return Clock()


def _say(output: IO[bytes], answer: object) -> None:
    output.write(msgspec.json.encode(answer) + b"\n")
    output.flush()


if __name__ == "__main__":
    main()
