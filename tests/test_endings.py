"""Real trials and real runs: killed, interrupted, out of time, and on a disk that is full."""

from __future__ import annotations

import io
import resource
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import pytest
from bench_runs import Run, finish, read_until, start
from checkouts import write_files
from imports import ROOT
from trials import assigned

from fitting_room.lab import process
from fitting_room.lab.process import Child, run_trial, strays
from fitting_room.record import Job, Machine, Message, Record
from fitting_room.spec import TrialSpec
from fitting_room.store.records import Store
from fitting_room.trial import __main__

LONG: dict[str, Any] = {"epochs": 100_000, "train_fraction": 0.05, "stop_at_accuracy": None}
"""Epochs of two steps, more than anybody waits for."""

Endings = dict[str, Future[Record]]


@pytest.fixture(scope="module")
def endings() -> Iterator[Endings]:
    """Start three trials at once: one is killed and one interrupted after an epoch."""
    children: dict[int, Child] = {}
    start = process._start

    def remember(job: Job, errors: IO[bytes], device: Mapping[str, str]) -> Child:
        child = children[job.spec.seed] = start(job, errors, device)
        return child

    def after_an_epoch(spec: TrialSpec, message: Message) -> None:
        if message.epoch:
            children[spec.seed].process.send_signal((signal.SIGKILL, signal.SIGINT)[spec.seed])

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(3) as pool:
        patch.setattr(process, "_start", remember)
        killed, interrupted = (
            pool.submit(run_trial, assigned(seed=seed, **LONG), after_an_epoch) for seed in (0, 1)
        )
        late = pool.submit(run_trial, assigned(seed=2, time_limit_s=1.0, **LONG))
        yield {"killed": killed, "interrupted": interrupted, "late": late}


def test_a_killed_trial_has_crashed_and_keeps_its_epochs(endings: Endings) -> None:
    """Nothing but the epochs that were told survives SIGKILL, and the reason names it."""
    record = endings["killed"].result(120)
    assert (record.outcome, record.reason) == ("crashed", "its process was killed by SIGKILL")
    assert record.epochs
    assert [epoch.number for epoch in record.epochs] == list(range(1, len(record.epochs) + 1))
    assert record.test_accuracy is None


def test_an_interrupted_trial_says_so_and_keeps_its_epochs(endings: Endings) -> None:
    """SIGINT, however often it comes, ends a trial with a whole record of what there is."""
    record = endings["interrupted"].result(120)
    assert (record.outcome, record.reason) == ("interrupted", "ended by SIGINT")
    assert record.epochs
    assert record.size and record.resolved and record.peak_memory_bytes
    assert record.seconds["total"] > sum(epoch.seconds for epoch in record.epochs)


def test_a_trial_out_of_time_says_which_limit_it_had(endings: Endings) -> None:
    """The record is of a trial that was still running after its second."""
    record = endings["late"].result(120)
    assert record.outcome == "timed out"
    assert record.reason == "still running after its time limit of 1 s"
    assert record.machine


@pytest.mark.parametrize("ending", ["killed", "interrupted", "late"])
def test_a_trial_that_was_ended_is_stored_and_not_served(
    endings: Endings, ending: str, tmp_path: Path
) -> None:
    """Its record is on disk under its outcome, and nobody gets it for a result."""
    record, store = endings[ending].result(120), Store(tmp_path)
    path = store.put(record)
    assert path.stem.endswith(f"-{record.outcome.replace(' ', '_')}")
    assert store.find(record.spec.case.name, record.key) is None
    assert list(store.all()) == [record]


@pytest.fixture
def handlers() -> Iterator[None]:
    """Put back what this process does with signals."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_an_end_that_is_swallowed_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that loses the exception, as garbage collection does, ends all the same."""

    def train(*_: object) -> None:
        with suppress(__main__.Stopped):
            signal.raise_signal(signal.SIGTERM)
        time.sleep(60)

    signal.signal(signal.SIGTERM, __main__._stop)
    monkeypatch.setattr(__main__, "AGAIN_S", 0.1)
    monkeypatch.setattr(__main__, "_run", train)
    record = __main__._record(assigned(), {"start": 0.0}, io.BytesIO(), time.perf_counter())
    assert (record.outcome, record.reason) == ("timed out", "ended by SIGTERM")


@pytest.mark.usefixtures("handlers")
def test_an_end_that_a_library_tells_in_its_own_words_is_no_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An import that a signal breaks raises what it likes; the next trial's error is a crash."""

    def load(*_: object) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except __main__.Stopped:
            raise ImportError("half of it") from None

    def fail(*_: object) -> None:
        raise ImportError("all of it")

    found = []
    for run in (load, fail):
        signal.signal(signal.SIGINT, __main__._stop)
        monkeypatch.setattr(__main__, "_run", run)
        record = __main__._record(assigned(), {"start": 0.0}, io.BytesIO(), time.perf_counter())
        found.append((record.outcome, record.reason))
    assert found == [("interrupted", "ended by SIGINT"), ("crashed", "ImportError: all of it")]


@pytest.mark.usefixtures("handlers")
def test_an_end_before_the_framework_is_there_has_its_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ctrl-C while the machine is being described, or anything after it, is told as such."""
    machine = process.this_machine()

    def describe(*_: object) -> Machine:
        monkeypatch.setattr(__main__, "this_machine", lambda *_: machine)
        raise __main__.Stopped(signal.SIGINT)

    monkeypatch.setattr(__main__, "this_machine", describe)
    record = __main__._record(assigned(), {"start": 0.0}, io.BytesIO(), time.perf_counter())
    assert (record.outcome, record.reason) == ("interrupted", "ended by SIGINT")
    assert record.machine == machine


def test_a_child_that_its_own_alarm_killed_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sets one only when it is asked to end, and is killed where Python tears down too long."""
    die = "import os, signal; os.kill(os.getpid(), signal.SIGALRM)"
    monkeypatch.setattr(process, "program", lambda *_: [sys.executable, "-c", die])
    record = run_trial(assigned())
    assert (record.outcome, record.reason) == ("interrupted", "ended by SIGINT")


def test_a_child_runs_this_code_wherever_it_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder with packages of the same names, as any checkout, is not where it looks."""
    packages = ("bench", "fitting_room", "models")
    write_files(tmp_path, {f"{package}/__init__.py": "1 / 0" for package in packages})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with (tmp_path / "errors").open("wb") as errors:
        child = process._start(assigned(), errors, {})
    try:
        child.ask(assigned())
        told = child.answer(Message)
    finally:
        child.close()
    assert told and str(ROOT / "bench" / "fitting_room" / "__init__.py") in told.files
    assert strays(told.files, ROOT) == []


ONE = ("-k", "test_accuracy and fashion_mnist-dense_128", "--epochs", "100000")


SIGNALS = ((signal.SIGTERM,), (signal.SIGINT, signal.SIGINT))
"""SIGHUP is heard as SIGTERM is: see ``test_errors.py``."""


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[signal.Signals, ...], Run]:
    """Start a run of the bench for each of the signals, and send them while it trains."""
    folders = {numbers: tmp_path_factory.mktemp("stopped") for numbers in SIGNALS}
    runs = {numbers: start(*ONE, results=folder) for numbers, folder in folders.items()}
    found = {}
    for numbers, run in runs.items():
        read = read_until(run, "epoch 2/")
        for number in numbers:
            run.send_signal(number)
            time.sleep(0.1)
        found[numbers] = finish(run, folders[numbers], read)
    return found


@pytest.mark.parametrize("numbers", SIGNALS)
def test_a_signal_to_a_run_records_what_its_trial_had(
    stopped: dict[tuple[signal.Signals, ...], Run], numbers: tuple[signal.Signals, ...]
) -> None:
    """It ends as by one Ctrl-C: with pytest's own code, a record, and no traceback.

    After two signals the trial may be killed, and still leaves the epochs that it told of.
    """
    run = stopped[numbers]
    (record,) = Store(run.results / "trials").all()
    assert run.status == pytest.ExitCode.INTERRUPTED
    assert record.outcome == "interrupted"
    assert len(record.epochs) >= 2
    assert "Traceback" not in run.output + run.errors


@pytest.mark.parametrize(("when", "said"), [("", "Cannot write"), ("loading", "not begun")])
def test_a_run_whose_files_cannot_grow_stops(tmp_path: Path, when: str, said: str) -> None:
    """It trains nothing where that is so from the start, and later nothing that is queued."""
    asked = ("-k", "test_accuracy and not minimal")
    run = start(*asked, results=tmp_path, covered=False)
    read = read_until(run, when) if when else ""
    resource.prlimit(run.pid, resource.RLIMIT_FSIZE, (1000, 1000))
    done = finish(run, tmp_path, read)
    assert done.status > 0
    assert said in done.output + done.errors
    assert "Traceback" not in done.output + done.errors
    assert list(Store(tmp_path / "trials").all()) == []
