"""Prepared processes: forks that learn what fresh processes do, and leave nothing behind."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from bench_runs import PATIENCE_S
from trials import assigned

from fitting_room.lab import prepared, process
from fitting_room.lab.process import run_trial
from fitting_room.record import Epoch, Record

TIMES = {"seconds", "cpu_seconds", "evaluate_seconds", "other_cores"}
"""What an epoch has that is no result."""


@pytest.fixture(scope="module", autouse=True)
def ended() -> Iterator[None]:
    """End what these tests prepared; they share it as a run's trials do."""
    yield
    prepared.end_idle()


@pytest.fixture
def idle() -> list[prepared.Prepared]:
    """Return the processes that wait for a trial: none at first."""
    prepared.end_idle()
    return prepared._idle


def learned(record: Record) -> dict[str, object]:
    """Return every bit of what a trial learned, by name."""
    kept = ("test_accuracy", "test_loss", "predictions", "confidence", "size", "resolved", "reason")
    epochs = [_told(each) for each in record.epochs]
    return {"epochs": epochs, **{name: getattr(record, name) for name in kept}}


def _told(epoch: Epoch) -> dict[str, object]:
    return {name: value for name, value in vars(epoch).items() if name not in TIMES}


def weights(model: Path) -> bytes:
    """Return the weights of a saved model as their file has them."""
    with zipfile.ZipFile(model) as parts:
        return parts.read("model.weights.h5")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("mnist-dense_128", {"jit_compile": True, "epochs": 2}),
        ("fashion_mnist-cnn_32", {"train_fraction": 0.2}),
        ("mnist-minimal", {"train_fraction": 0.2}),
    ],
)
def test_a_fork_learns_every_bit_of_what_a_fresh_process_does(
    name: str, changes: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losses, predictions, probabilities and weights are equal, in the first fork and a later."""
    job = assigned(name, **changes)
    models = [tmp_path / f"{n}.keras" for n in range(3)]
    jobs = [replace(job, keep=str(model)) for model in models]
    forks = [run_trial(each) for each in jobs[:2]]
    monkeypatch.setattr(prepared, "fork", lambda *_: None)
    fresh = run_trial(jobs[2])
    assert fresh.completed
    assert [learned(each) for each in forks] == [learned(fresh)] * 2
    assert len({weights(model) for model in models}) == 1
    assert max(each.seconds["import"] for each in forks) < fresh.seconds["import"]


def resident(pid: int) -> tuple[int, int]:
    """Return the KiB of memory that a process shares with no file, and its open files."""
    told = re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{pid}/status").read_text("utf-8"))
    assert told
    return int(told[1]), len([*Path(f"/proc/{pid}/fd").iterdir()])


def test_memory_is_flat_over_fifty_trials(idle: list[prepared.Prepared]) -> None:
    """The process that is forked has no more memory and files after 50 trials, nor have we."""
    job, found = assigned(epochs=0, inference=False), []
    for _ in range(50):
        assert run_trial(job).outcome == "completed"
        (alone,) = idle
        found.append((alone._process.pid, *resident(alone._process.pid), resident(os.getpid())[1]))
    pids, memory, files, ours = zip(*found, strict=True)
    assert len(set(pids)) == len(set(files)) == len(set(ours)) == 1
    assert memory[-1] - memory[0] < 1024


def peak(record: Record) -> float:
    """Return the peak memory of a trial, MiB."""
    assert record.peak_memory_bytes
    return record.peak_memory_bytes / 2**20


def test_a_fork_has_the_peak_memory_of_a_fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its libraries count, though it shares them: without, a quarter would be missing."""
    job = assigned(epochs=0)
    fork = run_trial(job)
    monkeypatch.setattr(prepared, "fork", lambda *_: None)
    assert peak(fork) == pytest.approx(peak(run_trial(job)), rel=0.1)


def test_other_settings_have_a_process_of_their_own(
    idle: list[prepared.Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library reads its variables when it is imported; the eldest makes room."""
    monkeypatch.setattr(prepared, "MOST_IDLE", 2)
    job = assigned(epochs=0)
    for threads in ("1", "2", "1", "3"):
        told = replace(job.provenance, settings={"OMP_NUM_THREADS": threads})
        assert run_trial(replace(job, provenance=told)).outcome == "completed"
    assert [each.environment["OMP_NUM_THREADS"] for each in idle] == ["1", "3"]


def test_the_test_that_waits_for_a_trial_is_no_setting_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pytest names it in a variable; the next test's trials are forks of the same process."""
    environment = process.child_environment("tensorflow", "cpu")
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "another")
    assert process.child_environment("tensorflow", "cpu") == environment


def test_a_process_that_died_is_replaced(idle: list[prepared.Prepared]) -> None:
    """Killed while it is idle, it costs the next trial nothing but its import."""
    run_trial(assigned(epochs=0))
    dead = idle[0]._process
    dead.kill()
    dead.wait(PATIENCE_S)
    assert run_trial(assigned(epochs=0)).outcome == "completed"
    assert idle[0]._process.pid != dead.pid


def test_a_trial_outlives_the_process_that_it_is_a_fork_of() -> None:
    """Its record comes, and nothing is left of either."""
    job = assigned(epochs=2)

    def kill(*_: object) -> None:
        for child in process._living:
            assert isinstance(child, prepared.Fork)
            child._prepared._process.kill()

    assert run_trial(job, kill).outcome == "completed"


def test_what_cannot_be_prepared_is_started_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that ends at once is no process to fork, and an own trainer asks for none."""
    environment = dict(os.environ)
    with open(os.devnull, "wb") as errors:  # noqa: PTH123
        assert prepared.fork(["/bin/false"], environment, errors) is None
    monkeypatch.setattr(process.sys, "platform", "darwin")
    assert not process._prepares(assigned().spec)


def test_a_signal_that_comes_early_is_not_lost() -> None:
    """A fork that is asked to end before it has begun anything ends all the same."""
    with tempfile.TemporaryFile() as errors:
        child = process._start(assigned(), errors, {})
        child.process.send_signal(signal.SIGINT)
        assert child.process.wait(PATIENCE_S) == -signal.SIGINT
        child.close()


def test_a_signal_ends_a_fork_alone(idle: list[prepared.Prepared]) -> None:
    """It is told as that of any process, and the next trial is a fork of the same one."""
    ended = []

    def kill(*_: object) -> None:
        for child in process._living:
            child.send_signal(signal.SIGKILL)
            ended.append(child)

    record = run_trial(assigned(epochs=2), kill)
    assert (record.outcome, record.reason) == ("crashed", "its process was killed by SIGKILL")
    assert {child.poll() for child in ended} == {-signal.SIGKILL}
    first = idle[0]
    assert run_trial(assigned(epochs=0)).outcome == "completed"
    assert idle == [first]
