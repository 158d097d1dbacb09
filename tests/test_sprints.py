"""Speed records: the quickest case whose mean over twenty seeds is at a goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from records import disturbed, make_record

from fitting_room.record import Record
from fitting_room.studies.sprints import LEAST_SEEDS, quickest, runners, sprint_table

DENSE, MINIMAL = "mnist-dense_128", "mnist-minimal"


def seeds(case: str, accuracy: float, seconds: float, n: int = LEAST_SEEDS) -> list[Record]:
    """Return records of so many seeds, each with epochs of so many seconds after a slower one."""
    return [
        make_record(
            case=case, seed=seed, test_accuracy=accuracy, training_accuracy=(0.98, 0.985, 0.99),
            epoch_seconds=(9.0, seconds, seconds), epochs=None,
        )
        for seed in range(n)
    ]  # fmt: skip


def named(records: Sequence[Record], goal: float = 0.99) -> str | None:
    """Return the case that wins, if any does."""
    found = quickest(runners(records, "mnist"), goal)
    return found and found.case


def test_the_quickest_case_at_the_goal_wins() -> None:
    """A quicker one that stays below the goal is none."""
    slow, quick = seeds(MINIMAL, 0.995, 9.0), seeds(DENSE, 0.991, 0.5)
    assert named([*slow, *quick]) == DENSE
    assert named([*slow, *quick], 0.992) == MINIMAL
    assert named([*slow, *quick], 0.996) is None


def test_a_record_takes_twenty_seeds() -> None:
    """The mean of nineteen is none."""
    assert named(seeds(DENSE, 0.991, 0.5, LEAST_SEEDS - 1)) is None


def test_seconds_are_those_of_all_epochs_at_the_pace_after_the_first() -> None:
    """Tracing, in the first epoch, is apart; the time from the start has it."""
    (found,) = runners(seeds(DENSE, 0.991, 0.5), "mnist")
    assert found.seconds is not None
    assert found.seconds.mean == 1.5
    assert found.from_start is not None
    assert found.from_start.mean > 9.0 + 2 * 0.5


def test_disturbed_seeds_count_for_the_accuracy_alone() -> None:
    """A seed is not left out of the mean because something else ran."""
    first, *others = seeds(DENSE, 0.991, 0.5)
    (found,) = runners([disturbed(replace(first, test_accuracy=0.951)), *others], "mnist")
    assert found.accuracy is not None
    assert found.seconds is not None
    assert (found.accuracy.n, found.seconds.n) == (LEAST_SEEDS, LEAST_SEEDS - 1)


def test_a_goal_is_met_within_its_time_alone() -> None:
    """The table says so, and names what is missing."""
    told = sprint_table(seeds(DENSE, 0.991, 0.5))
    assert "MNIST 99.0 % in 5 s: met | mnist-dense_128" in " ".join(told.split())
    assert "MNIST 99.0 % in 5 s: not met" in sprint_table(seeds(DENSE, 0.991, 5.0))
    assert "MNIST 99.5 % in 30 s: no case yet" in told
