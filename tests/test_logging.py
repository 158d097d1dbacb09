"""A run with logs for TensorBoard: what it trains, where it keeps it, and what it does not time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bench_runs import PATIENCE_S
from scheduler_world import CASE, DATASET, SPEC, pretend

from fitting_room.lab.plan import Options, specify
from fitting_room.lab.scheduler import Scheduler
from fitting_room.record import run_name
from fitting_room.store.records import Store


@pytest.mark.parametrize(("log", "alone"), [(None, True), (Path("logs"), False)])
def test_logged_trial_is_not_timed(log: Path | None, alone: bool) -> None:
    """Whatever is written meanwhile, no clock of a reference runs beside it."""
    spec = specify(CASE, 0, Options(log=log, results=Path("results")), DATASET)
    assert spec.alone is alone


def test_records_of_a_logged_run_are_with_its_logs() -> None:
    """So none replaces a timed one, and one without logs never serves where logs are wanted."""
    assert Options(results=Path("results")).trials == Path("results/trials")
    assert Options(log=Path("logs"), results=Path("results")).trials == Path("logs/trials")


def test_each_trained_trial_has_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told to the child; one that is only built has nothing to log."""
    trials = pretend(monkeypatch)
    scheduler = Scheduler(
        store=Store(tmp_path), executor=ThreadPoolExecutor(1), log=tmp_path / "logs"
    )
    trained, built = SPEC, specify(CASE, 0, Options(), DATASET, trained=False)
    for spec in (trained, built):
        scheduler.request(spec, timed=False).result(timeout=PATIENCE_S)
    scheduler.close()
    first, second = trials.ran
    assert first.log == str(tmp_path / "logs" / run_name(first.spec, first.key))
    assert second.log is None
