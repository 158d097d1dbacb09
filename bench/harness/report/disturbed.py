"""Which epochs a neighbour on the machine slowed down: their wall time outgrew their CPU time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.harness.record import Epoch, Record

LIMIT = 1.25
"""Times the smallest wall time per CPU second of a case; an undisturbed machine stays below."""


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


def chunks(records: Sequence[Record]) -> list[Chunk]:
    """Return the epochs of one case, record by record, of the machine that most of them ran on.

    The smallest ratio is of an epoch that was left alone, if any was: work takes the same CPU
    seconds whoever waits, and waiting only adds to the wall time.
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
