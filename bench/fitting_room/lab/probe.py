"""What a backend and this processor can do, asked before anything is trained."""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

from fitting_room.errors import UserError
from fitting_room.format import in_words
from fitting_room.lab.plan import estimate
from fitting_room.lab.process import ask, child_environment, program
from fitting_room.machine import computes_in, cpu_flags
from fitting_room.record import Record
from fitting_room.spec import TrialSpec
from fitting_room.store.digest import ENGINE
from fitting_room.trial.probe import Probe, Probed

PROBE = program("probe", ENGINE.parent)
"""No project has a part in it."""

MUCH = 2.0
"""Times the seconds of a step in float32, beyond which a type is emulated: about 0.6 where the
processor has it; 2.3 where AVX-512, and 9 to 10 where AVX2 has to do without."""


@dataclass(frozen=True, kw_only=True)
class Emulated:
    """A precision for which this processor has no instructions."""

    kind: str
    """The type that it computes in, such as ``bfloat16``."""
    times: float
    """How many times as long as in float32 a step takes; infinite where it cannot run at all."""
    calibration_seconds: float | None = None
    """Of this machine's calibration step, to scale the seconds of other machines by."""

    @property
    def words(self) -> str:
        """Say it in a sentence without its end."""
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
    """Return how a precision is emulated here, or None where it is not.

    The processor's flags answer at once where it has instructions for the type. Where it has none,
    or does not tell, a step is timed in a process of its own, which takes some seconds.
    """
    kind = precision.removeprefix("mixed_")
    if device != "cpu" or kind == "float32":
        return None
    native = computes_in(kind, cpu_flags(), os.environ.get("ONEDNN_MAX_CPU_ISA", ""))
    return decide(kind, native, lambda: _ask(Probe(precision=precision), backend, "cpu"))


def warnings(specs: Iterable[TrialSpec], known: Sequence[Record]) -> list[str]:
    """Return a line for each case that is to be trained in a precision that is emulated here.

    The time that it will take is that of ``known`` records, on this machine instead of theirs.
    """
    found: dict[str, list[TrialSpec]] = {}
    for spec in specs:
        found.setdefault(spec.case.name, []).append(spec)
    lines = []
    for name, of in found.items():
        emulated = emulation(
            of[0].case.recipe.precision, backend=of[0].backend, device=of[0].device
        )
        if emulated:
            lines.append(f"{name}: {emulated.words}{_taking(of, emulated, known)}")
    return lines


def _taking(specs: Sequence[TrialSpec], emulated: Emulated, known: Sequence[Record]) -> str:
    """Say how long trials will take in an emulated precision, where that can be known."""
    alike = [r for r in known if r.spec.case.name == specs[0].case.name and r.calibration_seconds]
    seconds = estimate(specs, alike)
    if seconds is None or emulated.calibration_seconds is None or math.isinf(emulated.times):
        return ""
    there = median(record.calibration_seconds or 0 for record in alike)
    total = seconds * emulated.times * emulated.calibration_seconds / there
    trials = f"{len(specs)} trial{'s' if len(specs) > 1 else ''}"
    return f"; {trials} will take about {in_words(total)}"


def decide(kind: str, native: bool | None, timed: Callable[[], Probed | None]) -> Emulated | None:
    """Return how a type is emulated, by the flags and, unless they say that it is native, by time.

    Args:
        kind: such as ``bfloat16``.
        native: what the flags say; None where they are silent.
        timed: the times of a step in it; None where its process ended without.
    """
    if native:
        return None
    found = timed()
    if found is None or found.times is None:
        return Emulated(kind=kind, times=math.inf)
    if found.times <= MUCH:
        return None
    seconds = found.calibration_seconds
    return Emulated(kind=kind, times=found.times, calibration_seconds=seconds)


def _ask(asked: Probe, backend: str, device: str) -> Probed | None:
    environment = child_environment(backend, device, folder=ENGINE.parent)
    return ask(PROBE, asked, Probed, environment=environment)[0]
