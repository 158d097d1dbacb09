"""The share of a run that is not training: from records and a timeline with known seconds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from records import make_record
from tables import cells

from fitting_room.errors import UserError
from fitting_room.record import Record
from fitting_room.store.records import Store
from fitting_room.studies import read_document, write_document
from fitting_room.studies.share import (
    SHARE,
    TIMELINE,
    Share,
    Timeline,
    share_block,
    share_of_last_run,
    shared,
)

BEGAN = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
DENSE, CNN = "fashion_mnist-dense_128", "fashion_mnist-cnn_64"


def at(seconds: float) -> str:
    """Return the moment so many seconds after the run began."""
    return (BEGAN + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


RUN = Timeline(tier="accept", began=at(0), reporting=at(99), ended=at(100))


def trial(case: str, seed: int, asked: float, train: float) -> Record:
    """Return a trial whose process was asked for then: 3 s before its training, 3 s after it."""
    phases = {"start": 0.5, "import": 1.0, "load": 0.25, "build": 0.25, "fit_overhead": 1.0}
    phases |= {"train": train, "evaluate": 1.5, "inference": 0.5, "calibration": 0.5}
    seconds = {**phases, "prepared": 2.0, "total": train + 6}
    return replace(make_record(case=case, seed=seed, started=at(asked + 0.5)), seconds=seconds)


TRIALS = [trial(DENSE, 0, 5, 10), trial(DENSE, 1, 22, 14), trial(CNN, 0, 42.6, 50)]
"""Between them are 1 s and 0.6 s; 5 s are before them, and 0.4 s after them."""


def kept(folder: Path, *records: Record) -> Path:
    """Write what a run leaves, and return its folder of results."""
    write_document(folder / TIMELINE, RUN)
    for record in records:
        Store(folder / "trials").put(record)
    return folder


def test_the_parts_of_a_run_are_its_wall_time() -> None:
    """Before, trials, gaps, after and report sum to the seconds from its begin to its end."""
    found = shared(RUN, [TRIALS[2], TRIALS[0], trial(DENSE, 0, -500, 10), TRIALS[1]])
    assert [(each.case, each.seed) for each in found.trials] == [(DENSE, 0), (DENSE, 1), (CNN, 0)]
    assert [each.gap for each in found.trials] == pytest.approx([1.0, 0.6, 0.0])
    assert (found.before, found.after, found.report) == pytest.approx((5.0, 0.4, 1.0))
    assert found.wall == pytest.approx(100)


def test_a_row_has_the_median_of_its_seeds_and_the_last_the_share(tmp_path: Path) -> None:
    """74 of 100 s are training; what no phase names is told with the gap."""
    told = share_of_last_run(kept(tmp_path, *TRIALS), keep=True)
    assert "26.0 % of the run's wall time is not training" in told
    parts = ["1.5", "0.5", "1.0", "1.5", "0.5", "0.5"]
    assert cells(told, DENSE) == [DENSE, "2", "18.8", "12.0", *parts, "1.3", "36.2"]
    assert cells(told, CNN) == [CNN, "1", "56.0", "50.0", *parts, "0.5", "10.7"]
    assert cells(told, "all")[:4] == ["all", "3", "93.6", "74.0"]
    assert cells(told, "share of the run, %")[2:4] == ["93.6", "74.0"]
    assert share_block(tmp_path) == told


def test_nothing_is_kept_unless_asked_for(tmp_path: Path) -> None:
    """The page then says how it is measured."""
    share_of_last_run(kept(tmp_path, *TRIALS), keep=False)
    assert read_document(tmp_path / SHARE, Share) is None
    assert "speed --share --json" in share_block(tmp_path)


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ((), "trained nothing"),
        ((trial(DENSE, 0, -500, 10),), "trained nothing"),
        ((trial(DENSE, 0, 5, 10), trial(DENSE, 1, 6, 10)), "side by side"),
    ],
)
def test_a_run_whose_parts_cannot_be_told_is_refused(
    records: tuple[Record, ...], said: str, tmp_path: Path
) -> None:
    """It trained nothing, or trials at once; the message says what to run instead."""
    with pytest.raises(UserError, match=said):
        share_of_last_run(kept(tmp_path, *records), keep=True)


def test_without_a_run_there_is_no_share(tmp_path: Path) -> None:
    """The message names the file that a run leaves."""
    with pytest.raises(UserError, match=r"timeline\.json is not there"):
        share_of_last_run(tmp_path, keep=True)
