"""Times against a plain ``fit``, the share of a run that is no training, and speed records."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from audit_world import plain
from commands import call
from records import disturbed, make_record
from tables import cells

from fitting_room.cli import noise as speed
from fitting_room.errors import UserError
from fitting_room.record import Record
from fitting_room.store.records import Store, read_speeds, write_speed
from fitting_room.studies import read_document, write_document
from fitting_room.studies.peers import speed_table
from fitting_room.studies.speed import (
    LEAST_SEEDS,
    SHARE,
    TIMELINE,
    Share,
    Timeline,
    quickest,
    runners,
    share_block,
    share_of_last_run,
    shared,
    sprint_table,
)

DENSE, CNN = "fashion_mnist-dense_128", "fashion_mnist-cnn_64"
QUICK, MINIMAL = "mnist-dense_128", "mnist-minimal"


TIMED = replace(plain(DENSE, 2.0, 2.2, 2.0), ours=(1.0, 1.1, 0.9))
"""Three pairs of which the bench takes half the time."""


def test_times_are_read_as_they_were_written(tmp_path: Path) -> None:
    """But for the folder of the data, which only concerns the machine."""
    path = write_speed(tmp_path, TIMED)
    (found,) = read_speeds(tmp_path)
    assert path.name == f"{DENSE}.json"
    told = (TIMED.ours, TIMED.plain, TIMED.spec.case)
    assert (found.ours, found.plain, found.spec.case) == told
    assert found.spec.dataset.folder == ""
    assert read_speeds(tmp_path / "none") == []


def test_the_table_has_medians_ratio_and_provenance() -> None:
    """Half the time in pairs of 0.5, 0.5 and 0.45; a case that was never timed says so."""
    text = speed_table([TIMED], [DENSE, CNN], stale={})
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert f"| {DENSE} | 1.00 (0.95–1.05) | — | 2.00 (2.00–2.10) | 0.50 | 0.45–0.50 | 3 |" in lines
    assert f"| {CNN} | {' | '.join(['no reference yet'] * 6)} |" in lines
    assert "Example CPU (avx2), 2 cores, 8 GiB" in text
    assert "n = 3 pairs" in text
    assert "—: not measured yet; `fitting-room speed --json` times it." in text


def test_utilisation_is_the_rate_of_training_over_that_of_matrix_products() -> None:
    """15,000 images of 400,000 operations in a median of 1 s are 6 of 24 billion: a quarter."""
    known = replace(TIMED, flops_per_image=400_000, flops_per_second=24_000_000_000)
    text = speed_table([known], [DENSE], stale={})
    assert re.search(r"1\.00 \(0\.95–1\.05\) +\| +25\.0 \|", text)
    assert "not measured yet" not in text
    assert "25.0 (stale)" in speed_table([known], [DENSE], stale={DENSE: "it changed"})


def test_stale_times_say_so_in_their_cells_and_below_why() -> None:
    """A figure of other code is no figure of this one."""
    text = speed_table([TIMED], [DENSE], stale={DENSE: "the training path changed since"})
    assert "0.50 (stale)" in text
    assert "— (stale)" not in text
    assert f"- {DENSE} is stale: the training path changed since." in text


@pytest.mark.parametrize("kept", [False, True])
def test_json_keeps_the_times_to_be_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kept: bool
) -> None:
    """Without it nothing lands beside the references."""
    monkeypatch.setattr(speed, "timed", lambda *_, **__: TIMED)
    assert call("speed", DENSE, "--results", tmp_path, *["--json"] * kept) == 0
    assert bool(read_speeds(tmp_path / "speed")) == kept
    assert "0.45–0.50" in capsys.readouterr().out


def test_recipe_beyond_a_plain_fit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is timed, and the message names what can be."""
    monkeypatch.setattr(speed, "timed", None)
    with pytest.raises(UserError, match=r"mnist-minimal: .* Name some of fashion_mnist-dense_128"):
        call("speed", "mnist-minimal")


BEGAN = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


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


def left(folder: Path, *records: Record) -> Path:
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


def test_a_row_has_the_median_of_its_seeds_and_the_last_the_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """74 of 100 s are training; what no phase names is told with the gap."""
    call("speed", "--share", "--json", "--results", left(tmp_path, *TRIALS))
    told = capsys.readouterr().out.strip()
    assert "26.0 % of the run's wall time is not training" in told
    parts = ["1.5", "0.5", "1.0", "1.5", "0.5", "0.5"]
    assert cells(told, DENSE) == [DENSE, "2", "18.8", "12.0", *parts, "1.3", "36.2"]
    assert cells(told, CNN) == [CNN, "1", "56.0", "50.0", *parts, "0.5", "10.7"]
    assert cells(told, "all")[:4] == ["all", "3", "93.6", "74.0"]
    assert cells(told, "share of the run, %")[2:4] == ["93.6", "74.0"]
    assert share_block(tmp_path) == told


def test_nothing_is_kept_unless_asked_for(tmp_path: Path) -> None:
    """The page then says how it is measured."""
    call("speed", "--share", "--results", left(tmp_path, *TRIALS))
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
        share_of_last_run(left(tmp_path, *records))


def test_without_a_run_there_is_no_share(tmp_path: Path) -> None:
    """The message names the file that a run leaves."""
    with pytest.raises(UserError, match=r"timeline\.json is not there"):
        share_of_last_run(tmp_path)


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
    slow, quick = seeds(MINIMAL, 0.995, 9.0), seeds(QUICK, 0.991, 0.5)
    assert named([*slow, *quick]) == QUICK
    assert named([*slow, *quick], 0.992) == MINIMAL
    assert named([*slow, *quick], 0.996) is None


def test_a_record_takes_twenty_seeds() -> None:
    """The mean of nineteen is none."""
    assert named(seeds(QUICK, 0.991, 0.5, LEAST_SEEDS - 1)) is None


def test_seconds_are_those_of_all_epochs_at_the_pace_after_the_first() -> None:
    """Tracing, in the first epoch, is apart; the time from the start has it."""
    (found,) = runners(seeds(QUICK, 0.991, 0.5), "mnist")
    assert found.seconds.mean == 1.5
    assert found.from_start.mean > 9.0 + 2 * 0.5


def test_disturbed_seeds_count_for_the_accuracy_alone() -> None:
    """A seed is not left out of the mean because something else ran."""
    first, *others = seeds(QUICK, 0.991, 0.5)
    (found,) = runners([disturbed(replace(first, test_accuracy=0.951)), *others], "mnist")
    assert (found.accuracy.n, found.seconds.n) == (LEAST_SEEDS, LEAST_SEEDS - 1)


def test_a_goal_is_met_within_its_time_alone() -> None:
    """The table says so, and names what is missing."""
    told = sprint_table(seeds(QUICK, 0.991, 0.5))
    assert "MNIST 99.0 % in 5 s: met | mnist-dense_128" in " ".join(told.split())
    assert re.search(r"\d\.\d \(\d+\.\d–\d+\.\d; 20\)", told)
    assert "MNIST 99.0 % in 5 s: not met" in sprint_table(seeds(QUICK, 0.991, 5.0))
    assert "MNIST 99.5 % in 30 s: no case yet" in told
