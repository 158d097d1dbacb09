"""Which epochs a neighbour on the machine slowed down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from records import MACHINE, make_record

from bench.harness.record import Machine, Record
from bench.harness.report.disturbed import chunks


def ran(*clocks: tuple[float, float], seed: int = 0, machine: Machine = MACHINE) -> Record:
    """Return a record whose epochs took those wall and CPU seconds."""
    record = make_record(seed=seed, epochs=len(clocks), machine=machine)
    pairs = zip(record.epochs, clocks, strict=True)
    return replace(
        record,
        epochs=tuple(replace(epoch, seconds=wall, cpu_seconds=cpu) for epoch, (wall, cpu) in pairs),
    )


def marks(records: Sequence[Record]) -> list[bool]:
    """Return which epochs are said to be disturbed."""
    return [chunk.disturbed for chunk in chunks(records)]


def test_waiting_tells_a_disturbance() -> None:
    """Twice the wall time for the same CPU time is one, more work on both clocks is none."""
    assert marks([ran((9, 10), (3, 6), (6, 6), (6, 12))]) == [False, False, True, False]


def test_first_epoch_is_not_judged_and_judges_none() -> None:
    """Tracing uses one core, or waits for the compiler: its clocks are of another kind."""
    assert marks([ran((9, 9), (3, 6)), ran((1, 9), (3, 6), seed=1)]) == [False] * 4


def test_least_wait_of_all_seeds_is_the_measure() -> None:
    """A seed that was disturbed all along is told by the others."""
    assert marks([ran((5, 10), (3, 6)), ran((9, 10), (6, 6), seed=1)]) == [
        False,
        False,
        False,
        True,
    ]


def test_machines_are_not_mixed() -> None:
    """Only epochs on the machine of most are shown."""
    other = replace(MACHINE, cores=64)
    records = [ran((1, 1), (1, 9), machine=other), *(ran((1, 1), (1, 2), seed=s) for s in (1, 2))]
    assert [chunk.seed for chunk in chunks(records)] == [1, 1, 2, 2]
    assert not any(marks(records))


def test_epoch_without_cpu_time_is_no_measure() -> None:
    """A clock that stood still says nothing of the machine."""
    assert marks([ran((1, 1), (1, 0), (1, 2))]) == [False, False, False]
