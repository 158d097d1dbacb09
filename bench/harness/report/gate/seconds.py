"""The judge of seconds put to the test, as a document and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.harness.judge.race import Race
from bench.harness.judge.timing import SLOWER, slowdown
from bench.harness.report.gate.files import SCHEMA, Origin
from bench.harness.report.gate.rates import table

SECONDS = Path("gate", "seconds.json")

HEAD = ("done to head", "verdict", "wall", "p", "CPU", "p", "pairs", "seconds a chunk")


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


def seconds(found: Seconds) -> str:
    """Return the table, and under what circumstances it was measured."""
    origin = found.origin
    machine = f"{origin.machine.cpu}, {origin.machine.cores} cores; " if origin.machine else ""
    busy = "" if found.load is None else f"; {found.load:.1f} processes wanted a core before"
    notes = [
        f"{found.case} against itself, two processes that train chunks in turn, A B B A. Ratio: "
        "head over base, median of the pairs; p: of the exact signed-rank test. Red: a ratio from "
        f"{SLOWER:.2f} on that is sure, on either clock.",
        f"Measured: {machine}{origin.started[:10]}; commit "
        f"{(origin.provenance.commit or 'unknown')[:12]}{busy}.",
    ]
    rows = [_row(each) for each in found.races.values()]
    return "\n\n".join([table(HEAD, rows), "\n".join(f"- {note}" for note in notes)])


def _row(found: Rehearsed) -> Sequence[str]:
    race = found.race
    wall = slowdown(race.base_wall, race.head_wall)
    cpu = slowdown(race.base_cpu, race.head_cpu)
    outcome = race.verdict(shared=False).outcome
    return (
        found.done,
        outcome if found.right else f"{outcome} ✗",
        f"×{wall.ratio:.3f}",
        f"{wall.p_value:.2g}",
        f"×{cpu.ratio:.3f}",
        f"{cpu.p_value:.2g}",
        str(len(race.base_wall)),
        f"{race.medians[0]:.2f}",
    )
