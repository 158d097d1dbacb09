"""Runs of a scheduler: ended early, two at once, and on other executors."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor, wait
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from bench_runs import PATIENCE_S
from scheduler_world import ORIGIN, SPEC, new_scheduler, pretend, trial

from fitting_room.lab import locks, scheduler
from fitting_room.record import Job, Listener, Record
from fitting_room.store.records import Store


def until_ended(begun: threading.Event, job: Job, listen: Listener) -> Record:
    """Train until the trials of this process are ended."""
    begun.set()
    assert locks.ending.wait(timeout=PATIENCE_S)
    return trial(job, listen, outcome="interrupted")


def test_closing_ends_what_runs_and_gives_up_what_has_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial that runs leaves its record; the others never begin."""
    begun = threading.Event()
    trials = pretend(monkeypatch, partial(until_ended, begun))
    run = new_scheduler(tmp_path)
    futures = [run.request(replace(SPEC, seed=seed), timed=False) for seed in range(3)]
    assert begun.wait(timeout=PATIENCE_S)
    run.close()
    assert [future.cancelled() for future in futures] == [False, True, True]
    assert [record.outcome for record in Store(tmp_path).all()] == ["interrupted"]
    assert trials.seeds == [0]


def test_two_runs_at_once_share_one_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second waits for the first, and is served what it stored."""
    begun, go = threading.Event(), threading.Event()

    def slow(job: Job, listen: Listener) -> Record:
        begun.set()
        assert go.wait(timeout=PATIENCE_S)
        return trial(job, listen)

    trials = pretend(monkeypatch, slow)
    runs = [new_scheduler(tmp_path), new_scheduler(tmp_path)]
    first = runs[0].request(SPEC, timed=True)
    assert begun.wait(timeout=PATIENCE_S)
    second = runs[1].request(SPEC, timed=True)
    assert wait([second], timeout=0.1).not_done == {second}
    go.set()
    assert first.result(timeout=PATIENCE_S) == second.result(timeout=PATIENCE_S)
    assert len(trials.ran) == 1


def fake_trials_here() -> None:
    """Let the trials of a worker process be made up."""
    scheduler.run_trial = trial


def test_any_executor_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool of fresh processes takes the place of threads: all that it is handed can travel."""
    monkeypatch.setattr(scheduler, "provenance", lambda *_, **__: ORIGIN)
    spawn = multiprocessing.get_context("spawn")
    run = new_scheduler(tmp_path, executor=ProcessPoolExecutor(2, spawn, fake_trials_here))
    futures = [run.request(replace(SPEC, seed=seed), timed=True) for seed in range(3)]
    records = [future.result(timeout=PATIENCE_S) for future in futures]
    run.close()
    assert [record.spec.seed for record in records] == [0, 1, 2]
    assert [run.stored(record.spec, timed=True) for record in records] == records
