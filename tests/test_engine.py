"""Engines: any executor carries trials, and what cannot be is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bench_runs import PATIENCE_S
from cluster_world import CHILDREN_AT, children, scheduler_of, trained, trainings, until
from imports import ROOT
from records import make_record
from trials import small

from fitting_room.errors import UserError, ending
from fitting_room.lab import engine as engines
from fitting_room.lab.engine import MOST_ATTEMPTS, Assignment, Engine, open_engine
from fitting_room.lab.plan import Options
from fitting_room.lab.scheduler import job_of
from fitting_room.record import Job, silent


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the child that sleeps is, for processes that are started from here."""
    monkeypatch.setenv(CHILDREN_AT, str(children(tmp_path / "children")))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    paths = [str(ROOT / "bench"), str(ROOT), str(ROOT / "tests")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([*paths, *filter(None, sys.path)]))
    return tmp_path / "children"


@pytest.fixture
def pool(folder: Path) -> Iterator[Engine]:
    """Open an engine of one's own: two processes of this machine."""
    assert folder.is_dir()
    engine = open_engine("cluster_world:pool")
    yield engine
    engine.close()


def test_any_executor_carries_trials(pool: Engine, folder: Path, tmp_path: Path) -> None:
    """Its workers get assignments of bytes and answer with records of bytes."""
    specs = [small(epochs=2, seed=seed) for seed in range(3)]
    records = trained(tmp_path / "results", pool, specs)
    assert [record.outcome for record in records] == ["completed"] * 3
    assert sorted(trainings(folder)) == sorted(job_of(spec).key for spec in specs)


def test_a_pool_that_breaks_is_made_anew(pool: Engine, tmp_path: Path) -> None:
    """The trial whose worker was killed takes a second attempt, in another pool."""
    first = pool.executor
    run = scheduler_of(tmp_path / "results", pool)
    future = run.request(small(epochs=60), timed=False)
    until(lambda: trainings(tmp_path / "children"))
    for process in [*vars(first)["_processes"].values()]:
        os.kill(process.pid, signal.SIGKILL)
    record = future.result(timeout=PATIENCE_S)
    run.close()
    assert (record.outcome, record.attempts) == ("completed", 2)
    assert pool.executor is not first


class Answers(Executor):
    """Answers each assignment by the next of some functions."""

    def __init__(self, *answers: Any) -> None:
        self.answers = [*answers]
        self.attempts: list[int] = []

    def submit(self, fn: Any, /, *given: Any, **known: Any) -> Future[Any]:
        """Give a future that is done already."""
        asked = msgspec.json.decode(given[0], type=Assignment)
        self.attempts.append(asked.attempt)
        future: Future[Any] = Future()
        try:
            future.set_result(self.answers.pop(0)(asked.job))
        except BaseException as error:
            future.set_exception(error)
        return future


def lost(_: Job) -> bytes:
    """Lose the worker."""
    raise RuntimeError("the node is gone")


def complete(job: Job) -> bytes:
    """Answer with a record."""
    record = make_record(case=job.spec.case, seed=job.spec.seed)
    return msgspec.json.encode(replace(record, key=job.key))


def engine_of(*answers: Any) -> tuple[Engine, Answers]:
    """Return an engine that answers so."""
    executor = Answers(*answers)
    return Engine(name="answers", executor=executor, slots=1), executor


def test_attempts_are_counted_and_end() -> None:
    """A third loss ends it with a record that says so, and which is no result."""
    job = job_of(small())
    engine, executor = engine_of(lost, lost, complete)
    assert engine.train(job, silent, fresh=None).attempts == 3
    assert (executor.attempts, engine.lost) == ([1, 2, 3], 2)
    engine, executor = engine_of(*[lost] * MOST_ATTEMPTS, complete)
    record = engine.train(job, silent, fresh=None)
    assert (record.outcome, record.attempts) == ("crashed", MOST_ATTEMPTS)
    assert record.reason == "its worker was lost 3 times; last RuntimeError: the node is gone"


def test_an_answer_that_is_no_record_is_an_attempt_lost() -> None:
    """What a worker of another version says is not taken for a result."""
    engine, executor = engine_of(lambda _: b"{}", complete)
    assert engine.train(job_of(small()), silent, fresh=None).attempts == 2
    assert executor.attempts == [1, 2]


def test_a_worker_without_the_package_is_told() -> None:
    """Nothing is asked for again: no attempt would help."""

    def missing(_: Job) -> bytes:
        raise ModuleNotFoundError("No module named 'fitting_room'", name="fitting_room")

    engine, executor = engine_of(missing, complete)
    with pytest.raises(UserError, match=r"no package fitting_room\. .* --ship"):
        engine.train(job_of(small()), silent, fresh=None)
    assert executor.attempts == [1]


def test_what_has_not_begun_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is ended waits for no trial that still is in a queue."""
    monkeypatch.setattr(engines, "LOOK_UP_S", 0.01)
    blocked = threading.Event()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(blocked.wait)
        engine = Engine(name="queue", executor=executor, slots=1)
        ending.set()
        try:
            with pytest.raises(CancelledError, match="this run was ended"):
                engine.train(job_of(small()), silent, fresh=None)
        finally:
            ending.clear()
            blocked.set()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere:pool", "No module named 'nowhere'.* Expected dask://HOST:PORT"),
        ("cluster_world:nothing", "has no attribute 'nothing'.* Expected dask://HOST:PORT"),
        ("os:getcwd", "os:getcwd returned str. Expected"),
    ],
)
def test_an_engine_that_is_none_is_refused(name: str, said: str) -> None:
    """The message says what would be one."""
    with pytest.raises(UserError, match=said):
        open_engine(name)


def test_only_dask_has_the_checkout_sent() -> None:
    """Other executors have no way to."""
    with pytest.raises(UserError, match="--ship needs an engine of Dask"):
        open_engine("cluster_world:pool", ship=ROOT)


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"ship": True}, "add --engine"),
        ({"per_gpu": 2}, "add --device gpu"),
        ({"engine": "a:b", "jobs": 2}, "Leave one of the two out"),
        ({"engine": "a:b", "keep_models": True}, "Leave out --keep-models"),
        ({"engine": "a:b", "log": Path("logs")}, "Leave out --keep-models and --tensorboard"),
    ],
)
def test_options_that_exclude_each_other(known: dict[str, Any], said: str) -> None:
    """Each is refused, and not ignored."""
    with pytest.raises(UserError, match=said):
        Options(**known)


def test_trials_side_by_side_are_not_timed() -> None:
    """One at a time is alone, by --jobs 1 as well as without; two of a GPU are not."""
    jobs = (None, 1, 2)
    assert [Options(jobs=n).exclusive for n in jobs] == [True, True, False]
    assert [Options(per_gpu=n, device="gpu").exclusive for n in (1, 2)] == [True, False]


def test_a_worker_with_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It trains nothing that it could not keep, and the message names the folder."""
    monkeypatch.setattr(engines, "spare_folder", lambda: Path("/dev/full"))
    asked = Assignment(job=job_of(small()), run="a")
    with pytest.raises(UserError, match=r"cannot write /dev/full/spool, .* set TMPDIR"):
        engines.work(msgspec.json.encode(asked))
    assert [*tmp_path.iterdir()] == []


def test_the_spool_is_swept_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that was answered with long ago goes, a new one stays; it is looked at by times."""
    monkeypatch.setattr(engines, "spare_folder", lambda: tmp_path)
    old, new = (engines.spool_folder() / name for name in ("old.json", "new.json"))
    for path in (old, new):
        path.touch()
    os.utime(old, (0, 0))
    assert engines.spool_folder() == old.parent and old.exists()
    monkeypatch.setattr(engines, "CHECK_S", 0.0)
    engines.spool_folder()
    assert (old.exists(), new.exists()) == (False, True)


def test_classes_of_records_are_known_before_any_thread_decodes_one() -> None:
    """Two threads that make them known to msgspec at once may end the process."""
    program = (
        "import fitting_room.lab.scheduler\n"
        "from fitting_room import record, spec\n"
        "known = (record.Record, record.Epoch, record.Provenance, spec.Case, spec.TrialSpec)\n"
        "print(['__msgspec_cache__' in vars(each) for each in known])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "bench"), str(ROOT)])}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == f"{[True] * 5}\n"
