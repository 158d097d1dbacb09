"""What a worker does with an assignment: prove that it runs the same, train, answer with a record.

A worker is a process on any machine that an engine hands ``work`` to. It needs this package, its
libraries and the user's project; ``--ship`` brings the last, and this package with it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import msgspec

from fitting_room import data
from fitting_room.data.arrays import combined
from fitting_room.data.split import validation_split
from fitting_room.errors import UnwritableError, UserError
from fitting_room.lab.locks import file_lock
from fitting_room.lab.process import end_of, home, run_trial
from fitting_room.machine import spare_folder
from fitting_room.project import current
from fitting_room.record import Job, Listener, Message, Provenance, Record, silent
from fitting_room.spec import Dataset, TrialSpec
from fitting_room.store.key import provenance
from fitting_room.store.records import LEFT_FOR_S, check_folder, encoded, write_whole

TOPIC = "fitting-room"
"""Under which a worker of Dask tells of epochs."""

_ended: set[str] = set()
"""Runs that want nothing more of this worker."""

_reading = threading.Lock()
"""Held by the one thread that reads the project: the threads of a worker share its tasks."""


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One trial to be had from a worker."""

    job: Job
    run: str
    """Id of the run that asks: its trials are ended together."""
    fresh: str | None = None
    """Id of a run that wants no record but its own."""
    attempt: int = 1


def work(assignment: bytes) -> bytes:
    """Return the record of an ``Assignment``, both as JSON; nothing if its run was ended before.

    The record is on this machine's disk before it is handed back: the same assignment again is
    answered from there, and nothing is trained twice.

    Raises:
        UserError: This worker has other code, data or versions than the run that asks, or no room.
    """
    asked = msgspec.json.decode(assignment, type=Assignment)
    job = _proven(asked.job)
    spool = spool_folder() / f"{_digest(job.key, asked.fresh)}.json"
    lock = spool.with_suffix(".lock")
    with file_lock(lock):
        lock.touch()
        with suppress(OSError, msgspec.DecodeError):  # none is there, or a damaged one
            return encoded(msgspec.json.decode(spool.read_bytes(), type=Record))
        if asked.run in _ended:
            return b""
        record = run_trial(job, _listener(job), run=asked.run)
        if record.completed:
            with suppress(UnwritableError):  # a disk that is full by now costs no record
                write_whole(spool, encoded(replace(record, attempts=asked.attempt)))
    return encoded(record)


def _digest(key: str, fresh: str | None) -> str:
    return hashlib.sha256(f"{key} {fresh}".encode()).hexdigest()[:24]


def end(run: str) -> None:
    """End what this worker trains for a run, each with its record, and begin nothing more for it.

    Dask calls it on every worker where the run was interrupted.
    """
    _ended.add(run)
    end_of(run)


def spool_folder() -> Path:
    """Return where finished records lie for a day, on this node's disk.

    Raises:
        UserError: It cannot be written.
    """
    folder = spare_folder() / "spool"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_folder(folder)
    except (OSError, UnwritableError) as error:
        raise UserError(
            f"The worker on {platform.node()} cannot write {folder}, where it keeps what it "
            f"trained until it is asked for: {error}. Free that disk, or set TMPDIR for the "
            "worker; what other workers train is kept."
        ) from error
    before = time.time() - LEFT_FOR_S
    for path in [*folder.iterdir()]:
        with suppress(OSError):  # another worker of this node sweeps too
            if path.stat().st_mtime < before:
                path.unlink()
    return folder


def _listener(job: Job) -> Listener:
    """Return what tells the run of each epoch, where the engine has a way to."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return silent
    try:
        worker = distributed.get_worker()
    except ValueError:  # this process is no worker of Dask
        return silent

    def tell(_: TrialSpec, message: Message) -> None:
        if message.record is None:
            worker.log_event(TOPIC, {"key": job.key, "said": msgspec.json.encode(message)})

    return tell


def _proven(job: Job) -> Job:
    """Return the job with the code and the data of this machine, if all is the same here.

    Raises:
        UserError: It is not; the message names both sides.
    """
    root = home()
    with _reading:
        current(root).use()
        here = provenance(job.spec, root=root)
        dataset = _located(job.spec.dataset)
    asked, own = _identity(job.provenance), _identity(here)
    differing = [
        f"{name} is {own.get(name, 'none')} there and {asked.get(name, 'none')} here"
        for name in {**asked, **own}
        if own.get(name) != asked.get(name)
    ]
    if differing:
        raise UserError(
            f"The worker on {platform.node()} does not run the same: {'; '.join(differing)}. "
            "Install the same commit and versions there, or send this checkout with --ship."
        )
    origin = replace(job.provenance, versions=here.versions)  # Python's own is the worker's
    spec = replace(job.spec, dataset=dataset)
    return replace(job, spec=spec, root=str(root), provenance=origin)


def _identity(origin: Provenance) -> Mapping[str, str]:
    return {
        "the code of the architecture": origin.architecture_digest[:12],
        "the code of the training path": origin.training_digest[:12],
        **{name: version for name, version in origin.versions.items() if name != "python"},
    }


@lru_cache
def _located(dataset: Dataset) -> Dataset:
    """Return a verified copy of a data set on this machine; it is fetched where there is none."""
    if _is_here(dataset):
        return dataset
    name, folder = dataset.name, data.chosen_data_dir(None, os.environ)
    try:
        found = data.sample(name) if dataset.sample else data.find(name, data_dir=folder)
        if dataset.validation:
            found = validation_split(found, int(Path(dataset.folder).name.split("-")[-2]))
    except UserError as error:
        raise UserError(f"The worker on {platform.node()} has no data: {error}") from error
    if found.checksum != dataset.checksum:
        raise UserError(
            f"The worker on {platform.node()} has other data: {name} has the checksum "
            f"{found.checksum[:12]} there and {dataset.checksum[:12]} here. Name the same data "
            f"there by {data.DATA_DIR_VARIABLE}, or remove the worker's cache of it."
        )
    return replace(dataset, folder=found.folder)


def _is_here(dataset: Dataset) -> bool:
    """Whether the very folder is on this machine as well, with all that it must hold."""
    try:
        return combined(data.load(dataset).checksums()) == dataset.checksum
    except (OSError, UserError, ValueError):
        return False
