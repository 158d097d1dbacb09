"""Which trials and epochs other work on the machine slowed down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from records import MACHINE, make_record

from fitting_room.disturbed import chunks, disturbance, exclusive
from fitting_room.record import Machine, Record


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


def busy(cores: float, *, seconds: Sequence[float] = (5, 3, 3, 3)) -> Record:
    """Return a record of a machine of two cores, so many of which did other work meanwhile."""
    record = ran(*((each, 2 * each) for each in seconds))
    return replace(record, epochs=tuple(replace(e, other_cores=cores) for e in record.epochs))


@pytest.mark.parametrize(
    ("clocks", "why"),
    [
        ([(9, 9), (3, 6), (3, 6), (6, 6)], ""),
        ([(9, 9), (3, 6), (6, 6), (6, 6)], "2 of 3 epochs waited for a core"),
        ([(9, 9), (3, 6), (6, 6)], "1 of 2 epochs waited for a core"),
        ([(9, 9)], ""),
        ([], ""),
    ],
)
def test_a_trial_is_disturbed_where_a_median_of_its_epochs_is(
    clocks: list[tuple[float, float]], why: str
) -> None:
    """Fewer than half of them leave its seconds as they were."""
    assert disturbance(ran(*clocks)) == why
    assert exclusive(ran(*clocks)) is (not why)


@pytest.mark.parametrize(
    ("cores", "why"), [(0.0, ""), (0.19, ""), (0.21, "other work kept 0.2 of 2 cores busy")]
)
def test_other_work_all_along_is_told_by_what_it_used(cores: float, why: str) -> None:
    """Nine in ten cores are enough, though both clocks of all epochs look alike."""
    assert disturbance(busy(cores)) == why


def test_work_during_a_short_part_is_no_disturbance() -> None:
    """Epochs count by their seconds, as few ticks of the system say little."""
    record = busy(0.0, seconds=(5, 3, 3, 0.1))
    *others, last = record.epochs
    assert exclusive(replace(record, epochs=(*others, replace(last, other_cores=2.0))))


def test_a_trial_that_was_to_share_its_machine_was_not_exclusive() -> None:
    """However quiet it was there."""
    record = busy(0.0)
    assert not exclusive(replace(record, spec=replace(record.spec, alone=False)))
