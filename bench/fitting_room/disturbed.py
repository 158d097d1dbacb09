"""Which trials, and which of their epochs, other work on the machine slowed down.

A trial that was to be alone keeps its record as it is, whatever disturbed it. But seconds are
served, published and judged only where it was ``exclusive``. The lock of ``trial.locks`` keeps away
other trials of the same user; all else is told by what the epochs themselves recorded:

- their two clocks: the same work takes the same CPU seconds whoever waits, and waiting only adds to
  the wall time. Every record has them. What slows down all epochs of a trial alike goes unseen.
- ``other_cores``: what was busy with other work, or held back by the hypervisor, which sees that
  too. Only newer records have it, and only where the system tells.

Load averages and pressure are not asked: both count the threads of the trial itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fitting_room.record import Epoch, Record

LIMIT = 1.25
"""Times the smallest wall time per CPU second; quiet epochs of the committed records stay below."""

HALF = 0.5
"""Share of disturbed epochs from which a median over all of them rests on a disturbed one."""

OTHERS = 0.1
"""Share of the cores that may do other work: trials slowed down by a tenth are called slower."""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """An epoch in the course of a run."""

    seed: int
    epoch: Epoch
    tracing: bool
    """Whether it is the first, whose tracing and compiling use one core and so wait for none."""
    ratio: float
    """Wall seconds per CPU second, over the smallest of all epochs but first ones."""

    @property
    def disturbed(self) -> bool:
        """Whether the machine did other work meanwhile; not to be told of a first epoch."""
        return self.ratio > LIMIT and not self.tracing


def exclusive(record: Record) -> bool:
    """Whether a trial was to be alone on its machine and was: only then do its times count."""
    return record.spec.alone and not disturbance(record)


def disturbance(record: Record) -> str:
    """Return what disturbed a trial after its first epoch, in words; empty if nothing is known."""
    later = [chunk for chunk in chunks([record]) if not chunk.tracing]
    slowed = sum(chunk.disturbed for chunk in later)
    if slowed and slowed >= HALF * len(later):
        return f"{slowed} of {len(later)} epochs waited for a core"
    others, cores = _other_cores(later), record.machine.cores if record.machine else 1
    if others > OTHERS * cores:
        return f"other work kept {others:.1f} of {cores} cores busy"
    return ""


def chunks(records: Sequence[Record]) -> list[Chunk]:
    """Return the epochs of one case, record by record, of the machine that most of them ran on.

    The smallest ratio is of an epoch that was left alone, if any was.
    """
    machines = [record.machine for record in records]
    most = max(machines, key=machines.count, default=None)
    pairs = [(r, epoch) for r in records if r.machine == most for epoch in r.epochs]
    later = [_ratio(epoch) for _, epoch in pairs if epoch.number > 1]
    least = min((ratio for ratio in later if ratio > 0), default=1.0)
    return [
        Chunk(
            seed=record.spec.seed,
            epoch=epoch,
            tracing=epoch.number == 1,
            ratio=_ratio(epoch) / least,
        )
        for record, epoch in pairs
    ]


def _ratio(epoch: Epoch) -> float:
    """Return 0 where the clock counted no CPU time, as in an epoch of microseconds."""
    return epoch.seconds / epoch.cpu_seconds if epoch.cpu_seconds > 0 else 0.0


def _other_cores(found: Sequence[Chunk]) -> float:
    """Return the mean over all time: short epochs count few of the system's ticks."""
    known = [c.epoch for c in found if c.epoch.other_cores is not None]
    seconds = sum(epoch.seconds for epoch in known)
    return sum((e.other_cores or 0.0) * e.seconds for e in known) / seconds if seconds else 0.0
