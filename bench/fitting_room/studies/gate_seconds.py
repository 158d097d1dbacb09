"""The judge of seconds put to the test, by slowed steps and a busy neighbour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from fitting_room.judge.timing import SLOWER, ABTiming, slowdown
from fitting_room.judge.verdict import Outcome
from fitting_room.report.table import Table
from fitting_room.studies import QUIET, SCHEMA, Origin, read_document

SECONDS = Path("gate", "seconds.json")


class Timing(msgspec.Struct, frozen=True, kw_only=True, rename={"pairs": "race"}):
    """One checkout timed against itself, A B B A."""

    done: str
    """What was done to head, in words."""
    red: bool
    """Whether that must fail."""
    pairs: ABTiming

    @property
    def outcome(self) -> Outcome:
        """The verdict of the judge of seconds."""
        return self.pairs.verdict(shared=False).outcome

    @property
    def right(self) -> bool:
        """Whether the judge noticed what it must, and nothing else."""
        return (self.outcome == "fail") == self.red


class Seconds(msgspec.Struct, frozen=True, kw_only=True, rename={"timings": "races"}):
    """All timings of one session."""

    schema: int = SCHEMA
    origin: Origin
    case: str
    load: float | None
    """Mean number of processes that wanted a core in the minute before; None where unknown."""
    timings: Mapping[str, Timing]
    anew: int | None = None
    """Pairs after which both sides started anew; None where they never did."""


def seconds(found: Seconds) -> str:
    """Return the table, and under what circumstances it was measured."""
    anew = "" if found.anew is None else f", started anew every {found.anew} pairs"
    load = "unknown" if found.load is None else f"{found.load:.1f} processes wanted a core"
    notes = [
        f"{found.case} against itself, two processes that train chunks in turn, A B B A{anew}. "
        "Ratio: head over base, median of the pairs; p: of the exact signed-rank test, that head "
        f"is no slower, and that it is no faster. Red: a ratio from {SLOWER:.2f} on that is surely "
        "slower, on either clock. Where nothing was done, what is surely faster is the machine's "
        "doing.",
        f"Measured: {found.origin.words}; load in the minute before: {load}.",
    ]
    clock = ("p slower", "p faster")
    head = ("done to head", "verdict", "wall", *clock, "CPU", *clock, "pairs", "seconds a chunk")
    return Table(head, [_timing_row(each) for each in found.timings.values()], notes).markdown()


def _timing_row(found: Timing) -> Sequence[str]:
    pairs = found.pairs
    row = [found.done, found.outcome if found.right else f"{found.outcome} ✗"]
    for base, head in ((pairs.base_wall, pairs.head_wall), (pairs.base_cpu, pairs.head_cpu)):
        clock = slowdown(base, head)
        row += [f"×{clock.ratio:.3f}", f"{clock.p_value:.2g}", f"{clock.p_faster:.2g}"]
    return [*row, str(len(pairs.base_wall)), f"{pairs.medians[0]:.2f}"]


def seconds_block(results: Path) -> str:
    """Return what the judge of seconds makes of a slowed step and of a busy neighbour."""
    found = read_document(results / SECONDS, Seconds)
    return seconds(found) if found else QUIET.format("gate --times")
