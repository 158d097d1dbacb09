"""One side of a race: a checkout, and the process in which its code trains chunks on command."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from bench.harness.errors import UserError
from bench.harness.spec import TrialSpec
from bench.harness.trial.child import ROOT, Child, child_environment, start, why

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
