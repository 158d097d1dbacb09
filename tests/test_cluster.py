"""A real scheduler of Dask and three real workers: nothing lost, nothing chosen twice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bench_runs import PATIENCE_S
from checkouts import commit_all, git, write_files
from cluster_world import Cluster, cluster, scheduler_of, trained, trainings, until
from imports import ROOT
from own_projects import MEANS, TABLE
from records import make_record
from trials import small

from fitting_room.errors import UserError
from fitting_room.lab import cluster as dask
from fitting_room.lab import process
from fitting_room.lab.engine import Engine, open_engine
from fitting_room.lab.scheduler import job_of
from fitting_room.record import Job, Message, Record, silent
from fitting_room.spec import TrialSpec
from fitting_room.store.records import Store

pytest.importorskip("distributed", reason="an engine of Dask needs the extra cluster")
configuration = pytest.importorskip("dask.config")

LONG = 2000
"""Epochs of a trial that does not end by itself while a test waits."""


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a scheduler and three workers."""
    with cluster(tmp_path_factory.mktemp("cluster"), 3) as found:
        yield found


@pytest.fixture
def engine(workers: Cluster) -> Iterator[Engine]:
    """Connect to them."""
    engine = workers.engine()
    yield engine
    engine.close()


@pytest.fixture
def new(request: pytest.FixtureRequest) -> TrialSpec:
    """Return a trial that no other test has asked for."""
    number = sum(map(ord, request.node.name))
    return small(epochs=3, seed=number, learning_rate=1 / (number + 1))


def lasting(record: Record) -> Record:
    """Return what does not differ from one training of the fake child to the next."""
    whole = replace(record, started="2026-01-01", seconds={}, peak_memory_bytes=None)
    return replace(whole, attempts=1)


def test_records_are_those_of_this_machine(
    workers: Cluster,
    engine: Engine,
    tmp_path: Path,
    new: TrialSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The place of training changes no word of a record but how often the trial was begun."""
    specs = [replace(new, seed=seed) for seed in range(4)]
    there = trained(tmp_path / "there", engine, specs)
    monkeypatch.setattr(process, "CHILDREN", workers.folder / "children")
    for name, value in workers.environment.items():
        monkeypatch.setenv(name, value)
    here = trained(tmp_path / "here", None, specs)
    assert [*map(lasting, there)] == [*map(lasting, here)]
    assert [record.attempts for record in there] == [1] * 4


def test_what_a_worker_says_is_heard(engine: Engine, tmp_path: Path, new: TrialSpec) -> None:
    """Each epoch comes while it trains, and its record at the end."""
    heard: list[Message] = []
    trained(tmp_path, engine, [new], listen=lambda _, message: heard.append(message))
    until(lambda: sum(message.epoch is not None for message in heard) == new.epochs)
    assert sum(message.record is not None for message in heard) == 1


def busy(folder: Path) -> int:
    """Return the process of a worker that trains something, as soon as one does."""

    def found() -> int | None:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                told = (entry / "cmdline").read_bytes()
                if str(folder / "children" / "__main__.py").encode() in told:
                    status = (entry / "stat").read_text().rpartition(")")[2].split()
                    return int(status[1])
            except OSError:
                continue
        return None

    return int(until(found))


def test_a_trial_whose_worker_is_killed_is_asked_for_again(
    workers: Cluster, engine: Engine, tmp_path: Path, new: TrialSpec
) -> None:
    """Its record says that it took two attempts, and nothing else."""
    spec = replace(new, epochs=40)
    run = scheduler_of(tmp_path, engine)
    future = run.request(spec, timed=False)
    os.kill(busy(workers.folder), signal.SIGKILL)
    record = future.result(timeout=PATIENCE_S)
    run.close()
    assert (record.outcome, record.attempts, engine.lost) == ("completed", 2, 1)
    assert engine.words == "1 attempts whose worker was lost"


def stale(job: Job, what: str) -> Job:
    """Return a job of a run that has other code, versions or data than the workers."""
    origin = job.provenance
    if what == "code":
        return replace(job, provenance=replace(origin, training_digest="f" * 64))
    if what == "versions":
        versions = {**origin.versions, "numpy": "0.0.1"}
        return replace(job, provenance=replace(origin, versions=versions))
    dataset = replace(job.spec.dataset, folder="/nowhere", checksum="f" * 64)
    return replace(job, spec=replace(job.spec, dataset=dataset))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("code", "the code of the training path is [0-9a-f]{12} there and ffffffffffff here"),
        ("versions", r"numpy is \S+ there and 0.0.1 here"),
        ("data", "mnist has the checksum [0-9a-f]{12} there and ffffffffffff here"),
    ],
)
def test_a_worker_that_differs_refuses(
    workers: Cluster, engine: Engine, new: TrialSpec, what: str, said: str
) -> None:
    """The message names both sides, and nothing is trained."""
    before = trainings(workers.folder / "children")
    with pytest.raises(UserError, match=said):
        engine.train(stale(job_of(new), what), silent, fresh=None)
    assert trainings(workers.folder / "children") == before


def test_a_repeated_assignment_is_answered_from_the_spool(
    workers: Cluster, engine: Engine, new: TrialSpec
) -> None:
    """A run that died before it had stored a record gets that very record."""
    job = job_of(new)
    first, again = (engine.train(job, silent, fresh=None) for _ in range(2))
    assert first == again
    assert trainings(workers.folder / "children").count(job.key) == 1
    assert engine.train(job, silent, fresh="another").started > first.started


def test_a_second_record_is_set_aside(engine: Engine, tmp_path: Path, new: TrialSpec) -> None:
    """The first one to be complete stands, whichever was better; the second is counted."""
    spec = replace(new, epochs=20)
    job, began = job_of(spec), threading.Event()
    run = scheduler_of(tmp_path, engine, listen=lambda *_: began.set())
    future = run.request(spec, timed=False)
    assert began.wait(PATIENCE_S)
    first = replace(make_record(case=spec.case, seed=spec.seed), key=job.key)
    Store(tmp_path).put(first)
    assert future.result(timeout=PATIENCE_S) == first
    run.close()
    aside = [*tmp_path.glob("*/.second-*.json")]
    assert (len(aside), engine.words) == (1, "1 second records set aside")
    assert [*Store(tmp_path).all()] == [first]


def test_two_runs_at_once_share_a_training(
    workers: Cluster, tmp_path: Path, new: TrialSpec
) -> None:
    """Each has its own store, and gets the record of the one training."""
    specs = [replace(new, seed=seed, epochs=6) for seed in range(4)]
    with ThreadPoolExecutor(2) as pool:
        runs = [
            pool.submit(trained, tmp_path / name, workers.engine(), specs) for name in ("a", "b")
        ]
        one, other = (run.result(timeout=PATIENCE_S) for run in runs)
    assert one == other
    begun = trainings(workers.folder / "children")
    assert [begun.count(job_of(spec).key) for spec in specs] == [1] * 4


def test_a_run_that_is_ended_returns_within_seconds(
    engine: Engine, tmp_path: Path, new: TrialSpec
) -> None:
    """What runs ends with its record, and what has not begun is cancelled."""
    began = threading.Event()
    run = scheduler_of(tmp_path, engine, listen=lambda *_: began.set())
    specs = [replace(new, seed=seed, epochs=LONG) for seed in range(8)]
    futures: list[Future[Record]] = [run.request(spec, timed=False) for spec in specs]
    assert began.wait(PATIENCE_S)
    started = time.monotonic()
    run.close()
    assert time.monotonic() - started < process.GRACE_S
    outcomes = [record.outcome for record in Store(tmp_path).all()]
    assert set(outcomes) == {"interrupted"} and len(outcomes) <= engine.slots
    assert sum(future.cancelled() for future in futures) >= len(specs) - engine.slots


def test_a_lost_scheduler_is_told(tmp_path: Path, new: TrialSpec) -> None:
    """What waits for a record ends with a sentence; what is stored stays."""
    soon = {"distributed.comm.timeouts.connect": "1s", "distributed.comm.retry.count": 0}
    with configuration.set(soon), cluster(tmp_path, 1) as found:
        began = threading.Event()
        run = scheduler_of(tmp_path / "results", found.engine(), listen=lambda *_: began.set())
        future = run.request(replace(new, epochs=LONG), timed=False)
        assert began.wait(PATIENCE_S)
        found.scheduler.kill()
        with pytest.raises(UserError, match=r"is gone, or .*\. .* the same command resumes"):
            future.result(timeout=PATIENCE_S)
        run.close()


def test_a_scheduler_that_restarts_is_told(tmp_path: Path, new: TrialSpec) -> None:
    """It knows nothing of the run, which ends at once; the same again goes on from what is kept."""
    with cluster(tmp_path, 1) as found:
        began, results = threading.Event(), tmp_path / "results"
        (first,) = trained(results, found.engine(), [new])
        run = scheduler_of(results, found.engine(), listen=lambda *_: began.set())
        future = run.request(replace(new, epochs=LONG), timed=False)
        assert began.wait(PATIENCE_S)
        found.restart()
        with pytest.raises(UserError, match=r"was restarted\. .* the same command resumes"):
            future.result(timeout=PATIENCE_S)
        started = time.monotonic()
        run.close()
        assert time.monotonic() - started < process.GRACE_S
        again = trained(results, found.engine(), [new, replace(new, seed=new.seed + 1)])
    assert again[0] == first
    assert [record.outcome for record in again] == ["completed"] * 2


class Loses(dask.Answers):
    """Loses the first worker that has made a record, with its disk, before the record is got."""

    spool: Path | None = None

    def handed_over(self, future: Any) -> Future[Any]:
        """Wait for the record, and lose it."""
        until(future.done)
        if self.spool:
            (where,) = self.client.who_has(future)[future.key]
            (pid,) = self.client.run(os.getpid, workers=[where]).values()
            shutil.rmtree(self.spool)
            self.spool = None
            os.kill(pid, signal.SIGKILL)
        return super().handed_over(future)


def test_a_record_that_is_lost_with_its_worker_costs_an_attempt(
    workers: Cluster, engine: Engine, new: TrialSpec
) -> None:
    """Dask would have it computed again and say nothing; that trains nothing, and is counted."""
    assert isinstance(engine.executor, dask.Answers)
    engine.executor = loses = Loses(engine.executor.client)
    loses.spool = workers.folder / "tmp" / f"fitting-room-{os.getuid()}" / "spool"
    record = engine.train(job_of(new), silent, fresh=None)
    told = (record.reason, record.attempts, engine.lost)
    assert told == ("trained", 2, 1)
    assert trainings(workers.folder / "children").count(record.key) == 2


def test_workers_that_are_gone_are_told(
    tmp_path: Path, new: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scheduler without a worker is no reason to wait for ever."""
    monkeypatch.setattr(dask, "SILENT_S", 4.0)
    monkeypatch.setattr(dask, "LOOK_S", 0.5)
    with cluster(tmp_path, 1) as found:
        engine = found.engine()
        for each in found.workers:
            each.terminate()
            each.wait(PATIENCE_S)
        with pytest.raises(UserError, match=r"No worker of .* has answered for 4 s"):
            engine.train(job_of(new), silent, fresh=None)
        engine.close()


def test_a_scheduler_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to start."""
    monkeypatch.setattr(dask, "CONNECT_S", 1)
    with pytest.raises(UserError, match=r"No scheduler answers at dask://127\S+: .*dask worker"):
        open_engine("dask://127.0.0.1:9")


def test_a_checkout_travels_as_code(tmp_path: Path) -> None:
    """A worker that cannot import this package unpacks it, and imports that copy."""
    travelling = pytest.importorskip("cloudpickle").dumps(dask._checkout(ROOT))
    program = (
        "import pickle, sys\n"
        "sys.modules['fitting_room'] = None\n"
        "plugin = pickle.load(sys.stdin.buffer)\n"
        "plugin.setup(None)\n"
        "import fitting_room.lab.engine as found; print(found.__file__, found.home())"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, input=travelling, capture_output=True, env=environment)
    file, home = done.stdout.decode().split()
    trees = tmp_path / f"fitting-room-{os.getuid()}" / "trees"
    assert Path(home).parent == trees
    assert Path(file) == Path(home) / "bench" / "fitting_room" / "lab" / "engine.py"


@pytest.mark.usefixtures("plain_git")
def test_a_stranger_s_commit_is_compared_over_workers_that_have_only_what_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Engine and project travel; each seed of both sides is trained there, and is the same."""
    site = tmp_path / "site"
    files = {"own.py": MEANS, "pyproject.toml": TABLE, ".gitignore": "results\n"}
    project = write_files(tmp_path / "own", files)
    git(project, "init", "--quiet")
    commit_all(project)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "bench" / "fitting_room", site / "fitting_room", ignore=ignored)
    with cluster(tmp_path, 0) as found:
        found.train_really()
        monkeypatch.setitem(found.environment, "PYTHONPATH", "")
        for _ in range(2):
            found.add_worker()
        found.wait_for_workers()
        asked = ["compare", "HEAD", "--train", "--seeds", "2", "--undecided", "pass"]
        done = subprocess.run(
            [sys.executable, "-m", "fitting_room", *asked, "--engine", str(found.file)],
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    files = (project / "results" / "compare").glob("*/reference/*/*.json")
    records = [msgspec.json.decode(file.read_bytes(), type=Record) for file in files]
    assert [(r.outcome, r.attempts) for r in records] == [("completed", 1)] * 4
    assert len({(record.spec.seed, record.test_accuracy) for record in records}) == 2
