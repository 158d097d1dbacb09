"""The judge of seconds put to the test, as a document and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fitting_room.judge.timing import SLOWER, Race, Slowdown, slowdown
from fitting_room.report.table import Table
from fitting_room.studies.documents import SCHEMA, Origin

SECONDS = Path("gate", "seconds.json")

CLOCK = ("p slower", "p faster")
HEAD = ("done to head", "verdict", "wall", *CLOCK, "CPU", *CLOCK, "pairs", "seconds a chunk")

IDLE = 0.5
"""Load below which nobody else was at work."""


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """One race of a checkout against itself."""

    done: str
    """What was done to head, in words."""
    red: bool
    """Whether that must fail."""
    race: Race

    @property
    def right(self) -> bool:
        """Whether the judge said so."""
        return (self.race.verdict(shared=False).outcome == "fail") == self.red


@dataclass(frozen=True, kw_only=True)
class Seconds:
    """All races of one session."""

    schema: int = SCHEMA
    origin: Origin
    case: str
    load: float | None
    """Mean number of processes that wanted a core in the minute before; None where unknown."""
    races: Mapping[str, Rehearsed]
    anew: int | None = None
    """Pairs after which both sides started anew; None where they never did."""


def seconds(found: Seconds) -> str:
    """Return the table, and under what circumstances it was measured."""
    origin = found.origin
    machine = f"{origin.machine.cpu}, {origin.machine.cores} cores; " if origin.machine else ""
    anew = "" if found.anew is None else f", started anew every {found.anew} pairs"
    notes = [
        f"{found.case} against itself, two processes that train chunks in turn, A B B A{anew}. "
        "Ratio: head over base, median of the pairs; p: of the exact signed-rank test, that head "
        f"is no slower, and that it is no faster. Red: a ratio from {SLOWER:.2f} on that is surely "
        "slower, on either clock. Where nothing was done, what is surely faster is the machine's "
        "doing.",
        f"Measured: {machine}{origin.started[:10]}; commit "
        f"{(origin.provenance.commit or 'unknown')[:12]}{_busy(found.load)}.",
    ]
    rows = [_row(each) for each in found.races.values()]
    return Table(HEAD, rows, notes).markdown()


def _busy(load: float | None) -> str:
    if load is None:
        return ""
    state = "idle" if load < IDLE else "not idle"
    return f"; the machine was {state}: {load:.1f} processes wanted a core in the minute before"


def _row(found: Rehearsed) -> Sequence[str]:
    race = found.race
    wall = slowdown(race.base_wall, race.head_wall)
    cpu = slowdown(race.base_cpu, race.head_cpu)
    outcome = race.verdict(shared=False).outcome
    return (
        found.done,
        outcome if found.right else f"{outcome} ✗",
        f"×{wall.ratio:.3f}",
        *_sure(wall),
        f"×{cpu.ratio:.3f}",
        *_sure(cpu),
        str(len(race.base_wall)),
        f"{race.medians[0]:.2f}",
    )


def _sure(found: Slowdown) -> tuple[str, str]:
    return f"{found.p_value:.2g}", f"{found.p_faster:.2g}"
