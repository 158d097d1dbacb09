"""A/B timing: sides train chunks in turn, A B B A.

The sides are two checkouts, each in a process of its own; two training paths in one process; or any
number of ways to train the same case.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fitting_room.errors import UserError
from fitting_room.judge.timing import ABTiming
from fitting_room.lab.plan import Options, specify
from fitting_room.lab.process import Child, child_environment, home, program, running
from fitting_room.spec import Case, Dataset, TrialSpec
from fitting_room.store.digest import ENGINE, brings_engine
from fitting_room.trial.timing import PLAIN, Chunk, Command, Limit, Ready, TrainingPath

CHUNK_S = 0.3  # time of a chunk: short, so that other work disturbs both sides alike
WARM_UPS = 2  # chunks of each process that are not counted: the first one traces
ANEW = 5  # pairs after which both processes start anew
OTHERWISE = "Compare with a commit that trains, or leave --time out."

Answer = TypeVar("Answer", Chunk, Limit, Ready)


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A folder with ``bench`` and ``models``, and the case whose training is timed there."""

    name: str
    """A name for messages, such as ``base`` or ``head``."""
    checkout: Path
    case: Any = None
    """The case as that checkout has it, in plain values: its recipe may have other fields. None
    for that of the spec."""
    paths: tuple[TrainingPath, ...] = ("recipe",)
    otherwise: str = OTHERWISE
    """Advice for the case that it cannot be timed."""


@dataclass
class Timer:
    """The process that times a checkout."""

    timed: Timed
    child: Child
    _ready: bool = False

    def train(self, images: int, path: TrainingPath = "recipe") -> Chunk:
        """Train on so many images, resuming after the chunk before.

        Raises:
            UserError: Its commit is too old, its code is broken, or it was killed.
        """
        return self._ask(Command(path, images), Chunk)

    def limit(self) -> Limit:
        """Return the operations of training an image, and the most that the machine does."""
        return self._ask(Command("limit"), Limit)

    def _ask(self, command: Command, kind: type[Answer]) -> Answer:
        if not self._ready:
            self._check(Path(self._answer(Ready).checkout))
            self._ready = True
        self.child.ask(command)
        return self._answer(kind)

    def _answer(self, kind: type[Answer]) -> Answer:
        answer = self.child.answer(kind)
        if answer is None:
            failed = f"could not be timed: {self.child.why()}"
            raise UserError(f"{self.timed.name} {failed}. {self.timed.otherwise}")
        return answer

    def _check(self, checkout: Path) -> None:
        own = self.timed.checkout.resolve()
        if checkout != own and (brings_engine(own) or checkout != ENGINE.parent):
            raise UserError(
                f"{self.timed.name} would have been timed with the code in {checkout}, not "
                f"with its own in {self.timed.checkout}. Take other copies off Python's path."
            )


@contextmanager
def started(timed: Timed, spec: TrialSpec) -> Iterator[Timer]:
    """Start a process that times a checkout, and end it with the block.

    It loads while others do, and the first chunk waits for it. Both sides are timed by the clock of
    this checkout.
    """
    folder, own = timed.checkout, msgspec.to_builtins(spec)
    own["case"] = timed.case or own["case"]
    environment = child_environment(spec.backend, spec.device, folder=folder)
    with running(program("timing", folder), environment=environment, folder=folder) as child:
        child.ask({"spec": own, "paths": timed.paths})
        yield Timer(timed, child)


Train = Callable[[int], Chunk]  # trains one side on so many images


def in_turn(
    sides: Sequence[Train], images: int, rounds: Sequence[int]
) -> Iterator[tuple[Chunk, ...]]:
    """Yield the chunks of all sides, round by round; the last side goes first in the odd ones."""
    for number in rounds:
        order = range(len(sides)) if number % 2 == 0 else reversed(range(len(sides)))
        chunks = {side: sides[side](images) for side in order}
        yield tuple(chunks[side] for side in range(len(sides)))


def time_paths(
    spec: TrialSpec, *, pairs: int, images: int
) -> tuple[tuple[float, ...], tuple[float, ...], Limit]:
    """Time the training path of a recipe that is not tuned and Keras' plain ``fit`` in one process.

    Return the wall seconds of chunks of so many images of both paths, one value a pair; and the
    machine's limit, the larger of that before them and that after. Raises UserError if the process
    failed.
    """
    timed = Timed(
        name=spec.case.name,
        checkout=home(),
        paths=("recipe", "plain"),
        otherwise=f"Check that it trains: pytest bench/ -k {spec.case.architecture}.",
    )
    with started(timed, spec) as timer:
        sides = (partial(timer.train, path="recipe"), partial(timer.train, path="plain"))
        for train in sides:
            train(images)
        before = timer.limit()
        found = list(in_turn(sides, images, range(pairs)))
        limit = max(before, timer.limit(), key=lambda each: each.flops_per_second)
    ours, plain = (tuple(chunk.wall for chunk in side) for side in zip(*found, strict=True))
    return ours, plain, limit


OURS = "this bench"
FIT = "Keras fit on TensorFlow"
PEERS = {FIT: "tensorflow", "Keras fit on JAX": "jax", "Keras fit on PyTorch": "torch"}
"""Way to train a case with Keras' ``fit`` as shipped → backend."""

CHECKED = 1
"""Epochs that each way is trained for, to check that it learns alike: the first shows most."""

LIMIT_S = 100.0
"""The longest time of such a trial; a slower way is not timed."""


def ways(case: Case, loops: Mapping[str, str]) -> dict[str, tuple[Case, str]]:
    """Return way to train a case → the case trained so, and its backend; this bench's is first.

    ``loops`` has words → ``module:function`` of a trainer that trains the same.
    """
    fit = replace(case, recipe=replace(case.recipe, **PLAIN), variant="fit")  # type: ignore[arg-type]
    own = {
        words: (replace(case, trainer=loop, variant=loop.partition(":")[2]), "tensorflow")
        for words, loop in loops.items()
    }
    return {
        OURS: (case, "tensorflow"),
        **{words: (fit, backend) for words, backend in PEERS.items()},
        **own,
    }


def peer_specs(case: Case, loops: Mapping[str, str], dataset: Dataset) -> dict[str, TrialSpec]:
    """Return way to train a case → a short trial of it."""
    options = Options(epochs=CHECKED, time_limit_s=LIMIT_S)
    return {
        words: replace(
            specify(each, 0, replace(options, backend=backend), dataset),
            evaluate_each_epoch=False,
            inference=False,
        )
        for words, (each, backend) in ways(case, loops).items()
    }


def time_peers(
    specs: Mapping[str, TrialSpec], *, images: int, rounds: Sequence[int]
) -> Iterator[tuple[float, ...]]:
    """Train chunks by every spec in turn, each in a process of its own; names are for messages.

    Yield the wall seconds of each round, numbered from 0, in the order of the specs. Every side
    first trains a chunk that is not counted. Raises UserError if a process failed.
    """
    otherwise = "Leave --peers out, or see what is wrong there."
    with ExitStack() as stack:
        timers = [
            started(Timed(name=words, checkout=home(), otherwise=otherwise), spec)
            for words, spec in specs.items()
        ]
        sides = [stack.enter_context(timer).train for timer in timers]
        for train in sides:
            train(images)
        for chunks in in_turn(sides, images, rounds):
            yield tuple(chunk.wall for chunk in chunks)


def time_checkouts(
    base: Timed,
    head: Timed,
    spec: TrialSpec,
    *,
    pairs: int,
    listen: Callable[[int, float], None] = lambda _, __: None,
) -> ABTiming:
    """Train chunks of both in turn and return their seconds.

    Both sides start anew every ``ANEW`` pairs, the other one first. The spec is of head's trial;
    base gets it with its own case. ``listen`` hears the number of each pair that is done, from 1,
    and head's ratio to base.

    Raises:
        UserError: A side cannot train: its commit is too old, or its code is broken.
    """
    found: list[tuple[Chunk, Chunk]] = []
    images = 0
    for begin in range(0, pairs, ANEW):
        step = -1 if begin // ANEW % 2 else 1
        with ExitStack() as stack:
            order = (base, head)[::step]
            timers = [stack.enter_context(started(side, spec)) for side in order]
            sides = [timer.train for timer in timers[::step]]
            size = _warm_up(sides, spec)
            images = images or size
            for old, new in in_turn(sides, images, range(begin, min(begin + ANEW, pairs))):
                found.append((old, new))
                listen(len(found), new.wall / old.wall)
    olds, news = zip(*found, strict=True)
    return ABTiming(
        images=images,
        base_wall=tuple(chunk.wall for chunk in olds),
        head_wall=tuple(chunk.wall for chunk in news),
        base_cpu=tuple(chunk.cpu for chunk in olds),
        head_cpu=tuple(chunk.cpu for chunk in news),
    )


def _warm_up(sides: Sequence[Train], spec: TrialSpec) -> int:
    """Train chunks that are not counted; return how many images take ``CHUNK_S``."""
    unit = spec.case.recipe.batch_size * spec.case.recipe.steps_per_execution
    for _ in range(WARM_UPS):
        quickest = min(train(unit).wall for train in sides)
    return unit * max(1, math.ceil(CHUNK_S / quickest))
