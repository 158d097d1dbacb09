"""The scheduler: one trial per key and run; runs ended early, two at once, or with logs."""

from __future__ import annotations

import errno
import sys
import threading
from concurrent.futures import wait
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from bench_runs import PATIENCE_S
from imports import ROOT
from records import MACHINE
from scheduler_world import ORIGIN, SPEC, FakeTrials, get, new_scheduler, trial

from fitting_room.errors import UserError
from fitting_room.lab import process, scheduler
from fitting_room.lab.plan import Options, specify
from fitting_room.machine import this_machine
from fitting_room.record import Job, Listener, Message, Record, run_name, silent
from fitting_room.store.key import quality_key
from fitting_room.store.records import Store

CASE = SPEC.case.name


def test_trial_is_trained_once_and_served_thereafter(tmp_path: Path, trials: FakeTrials) -> None:
    """A second run of the same code trains nothing, and gets the same record."""
    assert new_scheduler(tmp_path).stored(SPEC, timed=True) is None
    first = get(tmp_path)
    assert get(tmp_path) == get(tmp_path, timed=True) == first
    assert new_scheduler(tmp_path).stored(SPEC, timed=True) == first
    assert len(trials.ran) == 1


def test_record_is_on_disk_before_anybody_has_it(tmp_path: Path, trials: FakeTrials) -> None:
    """Whoever gets a record can find it under its key."""
    record = get(tmp_path)
    assert Store(tmp_path).find(CASE, record.key) == record
    assert record.key == quality_key(SPEC, ORIGIN)
    assert len(trials.ran) == 1


def test_one_run_asks_once(tmp_path: Path, trials: FakeTrials) -> None:
    """Tests that want the same trial share one future; another seed has its own."""
    run = new_scheduler(tmp_path)
    timed = run.request(SPEC, timed=True)
    assert run.request(SPEC, timed=False) is timed
    assert run.request(replace(SPEC, seed=1), timed=False) is not timed
    run.executor.shutdown()
    assert trials.seeds == [0, 1]


def test_times_are_taken_from_a_trial_that_was_asked_for_without(
    tmp_path: Path, trials: FakeTrials
) -> None:
    """A trial that ran alone here has times, whether they were wanted then or not."""
    run = new_scheduler(tmp_path)
    plain = run.request(SPEC, timed=False).result(timeout=PATIENCE_S)
    assert run.request(SPEC, timed=True).result(timeout=PATIENCE_S) == plain
    assert len(trials.ran) == 1


def test_times_of_another_machine_do_not_serve(tmp_path: Path, trials: FakeTrials) -> None:
    """A result does, wherever it was trained."""
    other = replace(trial(scheduler.job_of(SPEC)), machine=MACHINE)
    Store(tmp_path).put(other)
    assert get(tmp_path) == other
    assert trials.ran == []
    assert get(tmp_path, timed=True).machine == this_machine()
    assert len(trials.ran) == 1


def test_trial_that_shares_its_machine_has_no_times(tmp_path: Path, trials: FakeTrials) -> None:
    """A stored record serves a timed test too if trials run side by side."""
    shared = replace(SPEC, alone=False)
    assert get(tmp_path, shared, timed=True) == get(tmp_path, shared, timed=True)
    assert len(trials.ran) == 1


def test_changed_code_never_meets_an_old_number(
    tmp_path: Path, trials: FakeTrials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of other code trains anew."""
    get(tmp_path)
    edited = replace(ORIGIN, training_digest="0" * 64)
    monkeypatch.setattr(scheduler, "provenance", lambda *_, **__: edited)
    assert get(tmp_path).provenance == edited
    assert len(trials.ran) == 2


def test_failed_trial_is_stored_and_not_served(tmp_path: Path, trials: FakeTrials) -> None:
    """It is not tried twice in one run, and is tried again in the next."""
    trials.make = partial(trial, outcome="crashed")
    run = new_scheduler(tmp_path)
    failed = run.request(SPEC, timed=False).result(timeout=PATIENCE_S)
    assert run.request(SPEC, timed=False).result(timeout=PATIENCE_S) == failed
    assert list(Store(tmp_path).all()) == [failed]
    assert len(trials.ran) == 1
    get(tmp_path)
    assert len(trials.ran) == 2


@pytest.mark.parametrize("started", ["2026-01-02T00:00:00+00:00", "2999-01-01T00:00:00+00:00"])
def test_fresh_run_takes_no_record_but_its_own(
    tmp_path: Path, trials: FakeTrials, started: str
) -> None:
    """Whatever the clock said when another was made, and though it lies on another machine."""
    old = replace(trial(scheduler.job_of(SPEC)), started=started, machine=MACHINE)
    Store(tmp_path).put(old)
    assert new_scheduler(tmp_path, fresh="a").stored(SPEC, timed=False) is None
    assert get(tmp_path, fresh="a") == get(tmp_path, fresh="a") != old
    assert len(trials.ran) == 1
    assert get(tmp_path, fresh="b").run == "b"
    assert len(trials.ran) == 2


def test_fresh_record_serves_later_runs(tmp_path: Path, trials: FakeTrials) -> None:
    """A run that does not want its own takes that of any other."""
    assert get(tmp_path, fresh="a") == get(tmp_path)
    assert (len(trials.ran), get(tmp_path).run) == (1, "a")


def test_listener_hears_the_trial(tmp_path: Path, trials: FakeTrials) -> None:
    """What a trial says reaches whoever listens."""
    heard: list[Message] = []
    run = new_scheduler(tmp_path)
    run.listen = lambda _, message: heard.append(message)
    record = run.request(SPEC, timed=False).result(timeout=PATIENCE_S)
    assert [message.record for message in heard] == [record]
    assert len(trials.ran) == 1


@pytest.mark.usefixtures("trials")
def test_full_disk_reaches_whoever_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of storing a record is raised by the future, as a sentence."""

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(UserError, match="No space left on device"):
        get(tmp_path)


def test_job_names_the_code_of_this_checkout() -> None:
    """The key is that of the spec and the origin, which both go with it."""
    found = scheduler.job_of(SPEC)
    assert found.spec == SPEC
    assert found.key == quality_key(SPEC, found.provenance)
    assert len(found.provenance.training_digest) == 64
    assert silent(SPEC, Message(note="anything")) is None


def test_two_copies_of_the_project_in_one_process_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Cases of one copy would be trained by the code of the other."""
    other = ModuleType("models.other")
    other.__file__ = "/elsewhere/models/other.py"
    monkeypatch.setitem(sys.modules, "models.other", other)
    with pytest.raises(UserError, match=rf"/elsewhere/models/other.py, but the bench from {ROOT}"):
        scheduler.job_of(SPEC)


def until_ended(begun: threading.Event, job: Job, listen: Listener) -> Record:
    """Train until the trials of this process are ended."""
    begun.set()
    assert process.ending.wait(timeout=PATIENCE_S)
    return trial(job, listen, outcome="interrupted")


def test_closing_ends_what_runs_and_gives_up_what_has_not_begun(
    tmp_path: Path, trials: FakeTrials
) -> None:
    """The trial that runs leaves its record; the others never begin."""
    begun = threading.Event()
    trials.make = partial(until_ended, begun)
    run = new_scheduler(tmp_path)
    futures = [run.request(replace(SPEC, seed=seed), timed=False) for seed in range(3)]
    assert begun.wait(timeout=PATIENCE_S)
    run.close()
    assert [future.cancelled() for future in futures] == [False, True, True]
    assert [record.outcome for record in Store(tmp_path).all()] == ["interrupted"]
    assert trials.seeds == [0]


def test_two_runs_at_once_share_one_trial(tmp_path: Path, trials: FakeTrials) -> None:
    """The second waits for the first, and is served what it stored."""
    begun, go = threading.Event(), threading.Event()

    def slow(job: Job, listen: Listener) -> Record:
        begun.set()
        assert go.wait(timeout=PATIENCE_S)
        return trial(job, listen)

    trials.make = slow
    runs = [new_scheduler(tmp_path), new_scheduler(tmp_path)]
    first = runs[0].request(SPEC, timed=True)
    assert begun.wait(timeout=PATIENCE_S)
    second = runs[1].request(SPEC, timed=True)
    assert wait([second], timeout=0.1).not_done == {second}
    go.set()
    assert first.result(timeout=PATIENCE_S) == second.result(timeout=PATIENCE_S)
    assert len(trials.ran) == 1


@pytest.mark.parametrize(("log", "alone"), [(None, True), (Path("logs"), False)])
def test_logged_trial_is_not_timed(log: Path | None, alone: bool) -> None:
    """Whatever is written meanwhile, no clock of a reference runs beside it."""
    options = Options(log=log, results=Path("results"))
    spec = specify(SPEC.case, 0, options, SPEC.dataset)
    assert spec.alone is alone


def test_records_of_a_logged_run_are_with_its_logs() -> None:
    """So none replaces a timed one, and one without logs never serves where logs are wanted."""
    assert Options(results=Path("results")).trials == Path("results/trials")
    assert Options(log=Path("logs"), results=Path("results")).trials == Path("logs/trials")


def test_each_trained_trial_has_a_folder_of_its_own(tmp_path: Path, trials: FakeTrials) -> None:
    """It is told to the child; one that is only built has nothing to log."""
    run = new_scheduler(tmp_path, log=tmp_path / "logs")
    built = specify(SPEC.case, 0, Options(), SPEC.dataset, trained=False)
    for spec in (SPEC, built):
        run.request(spec, timed=False).result(timeout=PATIENCE_S)
    run.close()
    first, second = trials.ran
    assert first.log == str(tmp_path / "logs" / run_name(first.spec, first.key))
    assert second.log is None
