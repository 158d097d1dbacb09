"""A/B timing: two checkouts timed in turn, in processes that live side by side."""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec
from fitting_room.errors import UserError
from fitting_room.judge.timing import Race
from fitting_room.spec import TrialSpec
from fitting_room.trial.child import ROOT, Child, child_environment, start, why

# This checkout's, whichever side it runs: both are to be timed alike.
RUNNER = ROOT / "bench" / "harness" / "trial" / "chunks.py"
RUN_PATH = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"


class Chunk(msgspec.Struct, frozen=True):
    """Seconds of the training steps of one chunk."""

    wall: float
    cpu: float
    """Of the process, all threads."""


class _Ready(msgspec.Struct):
    checkout: str


Answer = TypeVar("Answer", Chunk, _Ready)


@dataclass(frozen=True, kw_only=True)
class Contender:
    """What races: a folder with ``bench`` and ``models``, and what it is to train."""

    name: str
    """``base`` or ``head``, for messages."""
    checkout: Path
    case: Any
    """The case as that checkout has it, in plain values: its recipe may have other fields."""


@dataclass
class Runner:
    """The process of a contender."""

    contender: Contender
    child: Child
    errors: IO[bytes]
    _ready: bool = field(default=False)

    def train(self, images: int) -> Chunk:
        """Train on so many images, going on from where it was.

        Raises:
            UserError: It cannot: its commit is too old, its code is broken, or it was killed.
        """
        if not self._ready:
            self._check(Path(self._answer(_Ready).checkout))
            self._ready = True
        self.child.ask(b"%d\n" % images)
        return self._answer(Chunk)

    def _answer(self, kind: type[Answer]) -> Answer:
        line = self.child.answers.readline()
        if line.endswith(b"\n"):
            return msgspec.json.decode(line, type=kind)
        said = why(self.child.process.wait(), self.errors)
        raise UserError(
            f"{self.contender.name} could not be timed: {said}. "
            "Compare with a commit that trains, or leave --time out."
        )

    def _check(self, checkout: Path) -> None:
        if checkout != self.contender.checkout.resolve():
            raise UserError(
                f"{self.contender.name} would have been timed with the code in {checkout}, not "
                f"with its own in {self.contender.checkout}. Start Python without other paths."
            )


@contextmanager
def started(contender: Contender, spec: TrialSpec) -> Iterator[Runner]:
    """Start a contender's process, which loads while others do, and end it with the block."""
    with tempfile.TemporaryFile() as errors:
        child = _start(contender, spec, errors)
        try:
            own = {**msgspec.to_builtins(spec), "case": contender.case}
            child.ask(msgspec.json.encode(own) + b"\n")
            yield Runner(contender, child, errors)
        finally:
            child.close()


def _start(contender: Contender, spec: TrialSpec, errors: IO[bytes]) -> Child:
    return start(
        [sys.executable, "-c", RUN_PATH, str(RUNNER)],
        errors,
        environment=child_environment(spec.backend, spec.device, folder=contender.checkout),
        folder=contender.checkout,
    )


CHUNK_S = 0.3
"""Wall time that a chunk should take: short, so that a neighbour meets both sides alike."""

WARM_UPS = 2
"""Chunks of each process that are not counted: the first one traces."""

ANEW = 5
"""Pairs after which both processes start anew."""


def race(
    base: Contender,
    head: Contender,
    spec: TrialSpec,
    *,
    pairs: int,
    listen: Callable[[int, float], None] = lambda _, __: None,
) -> Race:
    """Train chunks of both in turn, A B B A, and return their seconds.

    Both sides start anew every ``ANEW`` pairs, the other one first.

    Args:
        base: what was.
        head: what is.
        spec: of head's trial; base gets it with its own case.
        pairs: of chunks.
        listen: hears the number of each pair that is done, from 1, and head's ratio to base.

    Raises:
        UserError: A side cannot train: its commit is too old, or its code is broken.
    """
    images = 0
    found: tuple[list[Chunk], list[Chunk]] = ([], [])
    for begin in range(0, pairs, ANEW):
        with _both(base, head, spec, base_first=begin // ANEW % 2 == 0) as both:
            quickest = _warm_up(both, spec)
            images = images or _size(quickest, spec)
            for pair in range(begin, min(begin + ANEW, pairs)):
                for side in (0, 1) if pair % 2 == 0 else (1, 0):
                    found[side].append(both[side].train(images))
                listen(pair + 1, found[1][-1].wall / found[0][-1].wall)
    return Race(
        images=images,
        base_wall=tuple(chunk.wall for chunk in found[0]),
        head_wall=tuple(chunk.wall for chunk in found[1]),
        base_cpu=tuple(chunk.cpu for chunk in found[0]),
        head_cpu=tuple(chunk.cpu for chunk in found[1]),
    )


@contextmanager
def _both(
    base: Contender, head: Contender, spec: TrialSpec, *, base_first: bool
) -> Iterator[tuple[Runner, Runner]]:
    """Start both, of which either may be the first, and give base and head."""
    order = (base, head) if base_first else (head, base)
    with started(order[0], spec) as first, started(order[1], spec) as second:
        yield (first, second) if base_first else (second, first)  # both load by now


def _warm_up(both: Sequence[Runner], spec: TrialSpec) -> float:
    """Train chunks of one unit that are not counted; return the wall time of the quicker last."""
    for _ in range(WARM_UPS):
        last = [runner.train(_unit(spec)) for runner in both]
    return min(chunk.wall for chunk in last)


def _size(seconds: float, spec: TrialSpec) -> int:
    """Return how many images make a chunk of the wanted length, if a unit takes ``seconds``."""
    return _unit(spec) * max(1, math.ceil(CHUNK_S / seconds))


def _unit(spec: TrialSpec) -> int:
    """Return the images of one call of the compiled step."""
    return spec.case.recipe.batch_size * spec.case.recipe.steps_per_execution
