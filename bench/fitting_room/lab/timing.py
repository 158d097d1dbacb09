"""A/B timing: sides train chunks in turn, A B B A.

The sides are two checkouts, each in a process of its own; two training paths in one process; or any
number of ways to train the same case.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from fitting_room.errors import UserError
from fitting_room.judge.timing import ABTiming
from fitting_room.lab.plan import Options, specify
from fitting_room.lab.process import Child, child_environment, home, program, start, why
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
    case: Any
    """The case as that checkout has it, in plain values: its recipe may have other fields."""
    paths: tuple[TrainingPath, ...] = ("recipe",)
    otherwise: str = OTHERWISE
    """Advice for the case that it cannot be timed."""


@dataclass
class Timer:
    """The process that times a checkout."""

    timed: Timed
    child: Child
    errors: IO[bytes]
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
            failed = why(self.child.process.wait(), self.errors)
            raise UserError(
                f"{self.timed.name} could not be timed: {failed}. {self.timed.otherwise}"
            )
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
    with tempfile.TemporaryFile() as errors:
        child = start(
            program("timing", timed.checkout),
            errors,
            environment=child_environment(spec.backend, spec.device, folder=timed.checkout),
            folder=timed.checkout,
        )
        try:
            own = {**msgspec.to_builtins(spec), "case": timed.case}
            child.ask({"spec": own, "paths": timed.paths})
            yield Timer(timed, child, errors)
        finally:
            child.close()


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

    Returns:
        Wall seconds of chunks of so many images of both paths, one value a pair; and the machine's
        limit, the larger of that before them and that after.

    Raises:
        UserError: The process failed.
    """
    timed = Timed(
        name=spec.case.name,
        checkout=home(),
        case=msgspec.to_builtins(spec.case),
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
    return tuple(ours.wall for ours, _ in found), tuple(plain.wall for _, plain in found), limit


OURS = "this bench"
FIT = "Keras fit on TensorFlow"
PEERS = {FIT: "tensorflow", "Keras fit on JAX": "jax", "Keras fit on PyTorch": "torch"}
"""Way to train a case with Keras' ``fit`` as shipped → backend."""


CHECKED = 1
"""Epochs that each way is trained for, to check that it learns alike: the first shows most."""

LIMIT_S = 100.0
"""The longest time of such a trial; a slower way is not timed."""


def ways(case: Case, loops: Mapping[str, str]) -> dict[str, tuple[Case, str]]:
    """Return way to train a case → the case trained so, and its backend.

    Args:
        case: the case as this bench trains it, which is the first way.
        loops: words → ``module:function`` of a trainer that trains the same.
    """
    fit = replace(case, recipe=replace(case.recipe, **PLAIN), variant="fit")  # type: ignore[arg-type]
    own = {
        words: replace(case, trainer=trainer, variant=trainer.partition(":")[2])
        for words, trainer in loops.items()
    }
    return {
        OURS: (case, "tensorflow"),
        **{words: (fit, backend) for words, backend in PEERS.items()},
        **{words: (each, "tensorflow") for words, each in own.items()},
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
    specs: Mapping[str, TrialSpec],
    *,
    images: int,
    rounds: Sequence[int],
    listen: Callable[[tuple[float, ...]], None],
) -> None:
    """Train chunks by every spec in turn, each in a process of its own.

    Args:
        specs: by the words of each, for messages.
        images: of each chunk; every side first trains one that is not counted.
        rounds: their numbers, from 0.
        listen: hears the wall seconds of each round, in the order of the specs.

    Raises:
        UserError: A process failed.
    """
    otherwise = "Leave --peers out, or see what is wrong there."
    with ExitStack() as stack:
        sides: list[Train] = []
        for words, spec in specs.items():
            case = msgspec.to_builtins(spec.case)
            timed = Timed(name=words, checkout=home(), case=case, otherwise=otherwise)
            sides.append(stack.enter_context(started(timed, spec)).train)
        for train in sides:
            train(images)
        for chunks in in_turn(sides, images, rounds):
            listen(tuple(chunk.wall for chunk in chunks))


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
        with _both(base, head, spec, base_first=begin // ANEW % 2 == 0) as sides:
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


@contextmanager
def _both(
    base: Timed, head: Timed, spec: TrialSpec, *, base_first: bool
) -> Iterator[tuple[Train, Train]]:
    """Start both sides, in either order, and yield the functions that train base and head."""
    order = (base, head) if base_first else (head, base)
    with started(order[0], spec) as first, started(order[1], spec) as second:
        both = (first.train, second.train)
        yield both if base_first else both[::-1]


def _warm_up(sides: tuple[Train, Train], spec: TrialSpec) -> int:
    """Train chunks that are not counted; return how many images take ``CHUNK_S``."""
    unit = spec.case.recipe.batch_size * spec.case.recipe.steps_per_execution
    for _ in range(WARM_UPS):
        quickest = min(train(unit).wall for train in sides)
    return unit * max(1, math.ceil(CHUNK_S / quickest))
