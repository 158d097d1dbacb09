"""What trials on a cluster cost: figures of simulated runs, with known costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from records import make_record
from tables import rows_of

from fitting_room.studies import origin_of, write_document
from fitting_room.studies.growth import BLOCKS, Growth, Point, Storm

ORIGIN = origin_of(make_record())


def point(trials: int, slots: int, **changes: Any) -> Point:
    """Return a run whose costs are 5 ms a trial and 200 µs a second of each slot that waits."""
    wall = changes["wall"]
    known = {
        "kind": "sleep",
        "seconds": 0.05,
        "workers": 1,
        "cpu": 0.005 * trials + changes.pop("a_slot", 0.0002) * slots * wall,
        "scheduler_cpu": 0.002 * trials,
        "peak_mib": 60 + 0.01 * trials,
    }
    return Point(trials=trials, slots=slots, **{**known, **changes})


def stored(folder: Path, *points: Point) -> Path:
    """Write runs as the benchmark does, and return the folder of results."""
    write_document(folder / "cluster" / "growth.json", Growth(origin=ORIGIN, points=points))
    return folder


RUNS = [(10, 1, 0.6), (500, 1, 30.0), (2_000, 1, 120.0), (500, 8, 3.75), (2_000, 64, 40.0)]
"""Trials, slots and seconds of the wall: those of the last take longer than the others."""


def test_a_row_tells_what_a_trial_costs(tmp_path: Path) -> None:
    """A slot loses 10 ms a trial, 17 % of its time, and the goal is met."""
    told = BLOCKS["cluster growth"](
        stored(tmp_path, *(point(trials, slots, wall=wall) for trials, slots, wall in RUNS))
    )
    row = next(row for row in rows_of(told) if "2,000" in row)
    assert row == ["sleep 0.05 s", "1", "1", "2,000", "10", "83", "5.0", "80"]
    assert "is the goal, met: 5.3 at most from 500 trials on" in told
    assert "grows by 10.0 MiB for each 1,000 trials" in told


def test_trials_that_spin_have_no_more_slots_than_cores(tmp_path: Path) -> None:
    """Eight of them on two cores are as fast as can be at a quarter of eight."""
    told = BLOCKS["cluster growth"](stored(tmp_path, point(1_000, 8, kind="spin", wall=25.0)))
    assert " 100 |" in told.splitlines()[2]


def test_a_goal_that_is_missed_is_told(tmp_path: Path) -> None:
    """The page says by how many runs, and how far."""
    told = BLOCKS["cluster growth"](
        stored(tmp_path, point(500, 1, wall=30.0), point(500, 2, wall=15.0, cpu=40.0))
    )
    assert "missed by 1 run: 80.0 at most" in told


@pytest.mark.parametrize(
    ("a_slot", "scheduler", "said"),
    [
        (0.0001, 0.002, "the run. It keeps 1,000 workers busy with trials of 5.6 s or more; the"),
        (0.0002, 0.009, "the scheduler. It keeps 1,000 workers busy with trials of 9.0 s or more"),
        (0.002, 0.002, "the run, which can wait for 500 slots and then has no time for a trial"),
    ],
)
def test_what_breaks_first_follows_from_the_costs(
    tmp_path: Path, a_slot: float, scheduler: float, said: str
) -> None:
    """A trial takes 5 ms of the run, of whose core the slots that wait leave a part, or nothing."""
    runs = [
        point(trials, slots, wall=wall, a_slot=a_slot, scheduler_cpu=scheduler * trials)
        for trials, slots, wall in RUNS
    ]
    told = BLOCKS["cluster on paper"](stored(tmp_path, *runs))
    assert f"First to break: {said}" in told
    assert "100,000 trials take 8 min of the run's processor" in told
    assert "The run's memory would be 1.0 GiB at the end" in told


def test_a_storm_is_told_whole(tmp_path: Path) -> None:
    """What was lost stands there even where it is nothing."""
    kills = {"worker": 3, "nanny": 2, "child": 1, "run": 4}
    counts = {"trials": 120, "records": 119, "lost": 1, "twice": 0, "aside": 2, "orphans": 0}
    storm = Storm(origin=ORIGIN, workers=3, kills=kills, trainings=140, attempts=3, **counts)
    write_document(tmp_path / "cluster" / "storm.json", storm)
    told = " ".join(BLOCKS["cluster storm"](tmp_path).split())
    for what, number in (("SIGKILLs", 10), ("trials lost", 1), ("second records set aside", 2)):
        assert f"| {what} | {number} |" in told
    assert "to workers 3, to their nannies 2, to processes of trials 1 and to the run 4" in told


def test_without_a_measurement_it_says_how(tmp_path: Path) -> None:
    """Each block does."""
    assert {make(tmp_path)[:18] for make in BLOCKS.values()} == {"Not measured yet. "}
