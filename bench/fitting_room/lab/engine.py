"""Engines: they carry trials to processes elsewhere, behind ``concurrent.futures.Executor``.

A run hands the engine ``work`` and the bytes of an assignment, and gets the bytes of a record back.
Only the run writes the store. If a worker is lost, its trial is requested again under the next
attempt number. The engine's own retries are off, as each seed is trained once and none is selected.

A worker is a process on any machine that an engine hands ``work`` to. It needs this package, its
libraries and the user's project; ``--ship`` brings the last, and this package with it.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import platform
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from concurrent.futures import TimeoutError as NotYetError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import msgspec

from fitting_room import data
from fitting_room.data.arrays import combined
from fitting_room.errors import UnwritableError, UserError, ending, hurry
from fitting_room.lab.locks import file_lock
from fitting_room.lab.process import GRACE_S, ended, home, run_trial
from fitting_room.machine import spare_folder, this_machine, usable_cores
from fitting_room.project import current
from fitting_room.record import Job, Listener, Message, PartialRecord, Record, now, silent
from fitting_room.spec import Dataset, TrialSpec
from fitting_room.store.key import provenance
from fitting_room.store.records import check_folder, encoded, sweep, write_whole

MOST_ATTEMPTS = 3  # attempts at a trial whose workers are lost; then its record says so
LOOK_UP_S = 1.0  # how often a wait for a worker checks whether the run was ended
EXPECTED = (
    "Expected dask://HOST:PORT, the name of a scheduler file, or module:factory of a function "
    "that returns a concurrent.futures.Executor."
)

TOPIC = "fitting-room"  # under which a worker of Dask tells of epochs
CHECK_S = 60.0  # how often a worker looks whether its disk has room, and sweeps it

_checked: dict[Path, float] = {}  # folder → when it was last found to have room

_reading = threading.Lock()
"""Held by the one thread that reads the project: the threads of a worker share its tasks."""


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One trial that a worker is asked for."""

    job: Job
    run: str
    """Id of the run that asks; all its trials are ended together."""
    fresh: str | None = None
    """Id of the run if only its own records count; None lets all count."""
    attempt: int = 1
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


# By the thread that loads this: where two let msgspec learn of a class at once, it may crash.
ASSIGNMENTS, RECORDS = msgspec.json.Decoder(Assignment), msgspec.json.Decoder(Record)
_MESSAGES = msgspec.json.Decoder(Message)


def work(assignment: bytes, begin: Callable[[str], None] = lambda _: None) -> bytes:
    """Return the record of an ``Assignment``, both as JSON; nothing if its run was ended before.

    The record is on this machine's disk before it is returned: if the same assignment comes again,
    it is answered from there, and nothing is trained twice. ``begin`` is called with the id of an
    assignment before it is trained, and raises if another worker has begun it.

    Raises:
        UserError: This worker has other code, data or versions than the run that asks, or no room.
    """
    asked = ASSIGNMENTS.decode(assignment)
    job = _proven(asked.job)
    digest = hashlib.sha256(f"{job.key} {asked.fresh}".encode()).hexdigest()
    spool = spool_folder() / f"{digest[:24]}.json"
    lock = spool.with_suffix(".lock")
    with file_lock(lock):
        lock.touch()
        with suppress(OSError, msgspec.DecodeError):  # none is there, or a damaged one
            return encoded(RECORDS.decode(spool.read_bytes()))
        if asked.run in ended:
            return b""
        begin(asked.id)
        record = run_trial(job, _listener(job), run=asked.run)
        if record.completed:
            with suppress(UnwritableError):  # a disk that is full by now costs no record
                write_whole(spool, encoded(replace(record, attempts=asked.attempt)))
    return encoded(record)


def spool_folder() -> Path:
    """Return the folder on this node's disk where finished records lie for a day.

    Raises:
        UserError: It cannot be written.
    """
    folder, moment = spare_folder() / "spool", time.monotonic()
    if moment < _checked.get(folder, -CHECK_S) + CHECK_S and folder.is_dir():
        return folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_folder(folder)
    except (OSError, UnwritableError) as error:
        raise UserError(
            f"The worker on {platform.node()} cannot write {folder}, where it keeps records "
            f"until the run has them: {error}. Free that disk, or set TMPDIR for the "
            "worker. Records of other workers are kept."
        ) from error
    sweep(folder, ["*"])
    _checked[folder] = moment
    return folder


def _listener(job: Job) -> Listener:
    """Return a listener that reports each epoch to the run, if the engine can."""
    try:
        worker = sys.modules["distributed"].get_worker()
    except (KeyError, ValueError):  # this process is no worker of Dask
        return silent

    def tell(_: TrialSpec, message: Message) -> None:
        if message.record is None:
            worker.log_event(TOPIC, {"key": job.key, "said": msgspec.json.encode(message)})

    return tell


def _proven(job: Job) -> Job:
    """Return the job with the code and the data of this machine, if all is the same here."""
    root = home()
    with _reading:
        current(root).use()
        here = provenance(job.spec, root=root)
        dataset = _located(job.spec.dataset)
    asked, own = (
        {
            "the code of the architecture": origin.architecture_digest[:12],
            "the code of the training path": origin.training_digest[:12],
            **origin.versions,
        }
        for origin in (job.provenance, here)
    )
    differing = [
        f"{name} is {own.get(name, 'none')} there and {asked.get(name, 'none')} here"
        for name in {**asked, **own}
        if own.get(name) != asked.get(name) and name != "python"
    ]
    if differing:
        raise UserError(
            f"The worker on {platform.node()} does not run the same: {'; '.join(differing)}. "
            "Install the same commit and versions there, or send this checkout with --ship."
        )
    origin = replace(job.provenance, versions=here.versions)  # Python's own is the worker's
    spec = replace(job.spec, dataset=dataset)
    return replace(job, spec=spec, root=str(root), provenance=origin)


@lru_cache
def _located(dataset: Dataset) -> Dataset:
    """Return a verified copy of a data set on this machine; fetch it if there is none."""
    with suppress(OSError, UserError, ValueError):  # the very folder may be here as well
        if combined(data.load(dataset).checksums()) == dataset.checksum:
            return dataset
    name, folder = dataset.name, data.chosen_data_dir(None, os.environ)
    try:
        found = data.sample(name) if dataset.sample else data.find(name, data_dir=folder)
        if dataset.validation:
            found = data.validation_split(found, int(Path(dataset.folder).name.split("-")[-2]))
    except UserError as error:
        raise UserError(f"The worker on {platform.node()} has no data: {error}") from error
    if found.checksum != dataset.checksum:
        raise UserError(
            f"The worker on {platform.node()} has other data: {name} has the checksum "
            f"{found.checksum[:12]} there and {dataset.checksum[:12]} here. Name the same data "
            f"there by {data.DATA_DIR_VARIABLE}, or remove the worker's cache of it."
        )
    return replace(dataset, folder=found.folder)


@dataclass
class Engine:
    """An executor elsewhere, with what an ``Executor`` cannot do."""

    name: str
    executor: Executor
    slots: int
    """Trials that it runs at once."""
    end: Callable[[str], None] = lambda _: None
    """Ask all workers to end what they train for a run."""
    alive: Callable[[], str] = lambda: ""
    """Return why no answer can come any more; empty while one can."""
    close: Callable[[], None] = lambda: None
    work: Callable[[bytes], bytes] = work
    """The function that it runs on each assignment."""
    cancel: Callable[[Future[bytes]], bool] = Future.cancel
    """Cancel an assignment that has not begun; False if it may have."""
    renew: Callable[[], Executor] | None = None
    """Make an executor to replace one that broke."""
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    lost: int = 0
    """Number of attempts whose worker was lost."""
    second: int = 0
    """Number of records that came after the first of their key, and were set aside."""
    _jobs: dict[str, tuple[Job, Listener]] = field(default_factory=dict)
    """Key → the job that is trained elsewhere, and its listener."""
    _changing: threading.Lock = field(default_factory=threading.Lock)

    def train(self, job: Job, listen: Listener, *, fresh: str | None) -> Record:
        """Return the record of a trial elsewhere, whatever its outcome.

        Raises:
            UserError: A worker has other code, data or versions, or the engine is gone.
            CancelledError: The run was ended before the trial began.
        """
        self._jobs[job.key] = job, listen
        try:
            record = self._trained(job, listen, fresh)
        finally:
            self._jobs.pop(job.key, None)
        listen(job.spec, Message(record=record))
        return record

    def _trained(self, job: Job, listen: Listener, fresh: str | None) -> Record:
        why = ""
        for attempt in range(1, MOST_ATTEMPTS + 1):
            asked = Assignment(job=job, run=self.run, fresh=fresh, attempt=attempt)
            try:
                answer = self._answer(self._submit(msgspec.json.encode(asked)))
                record = RECORDS.decode(answer)
                if record.provenance == job.provenance:  # then it is kept once for all records
                    record = replace(record, provenance=job.provenance)
                # The paths in it are the worker's, and lead nowhere here.
                return replace(record, spec=job.spec, attempts=attempt)
            except UserError:
                raise
            except Exception as error:  # engines differ in what they raise for a lost worker
                self._check(error)
                why = f"{type(error).__name__}: {error}"
                with self._changing:
                    self.lost += 1
                told = f"attempt {attempt} of {MOST_ATTEMPTS} was lost ({why})"
                listen(job.spec, Message(note=told))
        why = f"its worker was lost {MOST_ATTEMPTS} times; last {why}"
        measured = PartialRecord(machine=this_machine())
        record = job.record("crashed", why, started=now(), measured=measured)
        return replace(record, attempts=MOST_ATTEMPTS)

    def _submit(self, asked: bytes) -> Future[bytes]:
        self._check()
        executor = self.executor
        try:
            return executor.submit(self.work, asked)
        except BrokenExecutor:
            if self.renew is None:
                raise
            with self._changing:
                if self.executor is executor:  # and not another thread was faster
                    self.executor = self.renew()
            return self.executor.submit(self.work, asked)

    def _answer(self, future: Future[bytes]) -> bytes:
        """Wait for an answer, as long as one can come."""
        deadline: float | None = None
        while True:
            with suppress(NotYetError):
                answer = future.result(timeout=LOOK_UP_S)
                if not answer:
                    raise CancelledError("this run was ended")
                return answer
            self._check()
            if ending.is_set() and deadline is None:
                if self.cancel(future):
                    raise CancelledError("this run was ended")
                deadline = time.monotonic() + GRACE_S
            if hurry.is_set() or (deadline is not None and time.monotonic() > deadline):
                raise CancelledError("its worker did not answer after this run was ended")

    def _check(self, error: Exception | None = None) -> None:
        """Raise if no further attempt can help: the engine is gone, or the run was ended."""
        if gone := self.alive():
            raise UserError(
                f"{gone} Finished trials are kept: the same command resumes."
            ) from error
        if ending.is_set() and isinstance(error, CancelledError):
            raise error
        seen: BaseException | None = error
        while seen:
            if isinstance(seen, ModuleNotFoundError) and "fitting_room" in (seen.name or ""):
                raise UserError(
                    "A worker has no package fitting_room. Install the same commit there, or send "
                    "this checkout along with --ship."
                ) from error
            seen = seen.__cause__

    def hear(self, key: str, message: Message) -> None:
        """Pass a worker's message to the listener of its job."""
        if known := self._jobs.get(key):
            job, listen = known
            listen(job.spec, message)

    @property
    def words(self) -> str:
        """A line on lost attempts and second records; empty if there were none."""
        told = {
            "attempts whose worker was lost": self.lost,
            "second records set aside": self.second,
        }
        return ", ".join(f"{number} {what}" for what, number in told.items() if number)


def open_engine(name: str, *, ship: Path | None = None) -> Engine:
    """Return the engine of a name as in ``EXPECTED``; ``ship`` is a checkout to be sent to Dask's.

    Raises:
        UserError: There is no such engine, or it does not answer.
    """
    dask = name.startswith("dask://")
    if dask or Path(name).is_file():
        from fitting_room.lab.cluster import open_dask

        where = {"address": f"tcp://{name.removeprefix('dask://')}"}
        return open_dask(name, where if dask else {"scheduler_file": name}, ship)
    if ship:
        raise UserError(f"--ship needs an engine of Dask, but {name} is none. Leave out --ship.")
    return _of_factory(name)


def _of_factory(name: str) -> Engine:
    module, _, function = name.partition(":")
    if "" not in sys.path:
        sys.path.append("")  # a factory may lie in the working directory
    try:
        factory = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"--engine {name} cannot be loaded: {error}. {EXPECTED}") from error

    def renew() -> Executor:
        executor = factory()
        if not isinstance(executor, Executor):
            raise UserError(f"{name} returned {type(executor).__name__}. {EXPECTED}")
        return executor

    first = renew()
    slots = getattr(first, "_max_workers", None) or usable_cores()
    engine = Engine(name=name, executor=first, slots=slots, renew=renew)
    engine.close = lambda: engine.executor.shutdown(wait=False, cancel_futures=True)
    return engine
