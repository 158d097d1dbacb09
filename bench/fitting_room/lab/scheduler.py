"""The scheduler: one trial per key and run, from the store where it has one."""

from __future__ import annotations

from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from fitting_room.errors import UnwritableError, UserError
from fitting_room.job import Job, Listener, run_name, silent
from fitting_room.lab.locks import held
from fitting_room.lab.process import home, run_trial, strays, trials_ended
from fitting_room.machine import this_machine
from fitting_room.record import Machine, Record
from fitting_room.spec import TrialSpec
from fitting_room.store.key import provenance, quality_key
from fitting_room.store.models import Kept, Models
from fitting_room.store.reading import below
from fitting_room.store.records import Store
from fitting_room.trial.protocol import loaded_files


def job_of(spec: TrialSpec, root: Path | None = None) -> Job:
    """Return ``spec`` with its key and the origin of the code in ``root`` that would run it.

    Raises:
        UserError: The architecture cannot be read, or two copies of the project are mixed here.
    """
    root = root or home()
    if others := strays(loaded_files(spec.case.builder), root):
        raise UserError(
            f"Python imported {others[0]}, and the bench from {root}: a record would mix them. "
            "Take one of the two off Python's path, or uninstall it."
        )
    origin = provenance(spec, root=root)
    return Job(spec=spec, key=quality_key(spec, origin), provenance=origin, root=str(root))


def fulfil(
    job: Job,
    store: Store,
    *,
    machine: Machine | None = None,
    models: Models | None = None,
    listen: Listener = silent,
) -> Record:
    """Return the stored record of a job, or run the trial and store what it gives.

    A module-level function of picklable values, so that any ``concurrent.futures`` executor can
    run it. Two runs that want the same trial at once share one.

    Args:
        job: What is wanted.
        store: Where records are.
        machine: Given, its times are wanted too: only a record timed there will do.
        models: Given, the trained model is wanted too: without it a record will not do.
        listen: Hears the trial's messages.

    Raises:
        UserError: The record or the model cannot be written.
    """
    lock = store.root / ".locks" / f"{job.key[:16]}.lock"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableError(f"Cannot write {lock.parent}: {error.strerror}.") from error
    with held(lock):
        record = stored(job, store, machine=machine, models=models)
        if record is None:
            record = _train(job, store, models, listen)
    return record


def _train(job: Job, store: Store, models: Models | None, listen: Listener) -> Record:
    if models is None or not job.spec.epochs:
        record = replace(run_trial(job, listen), run=store.run)
        store.put(record)
        return record
    with models.part(job.spec) as part:
        record = run_trial(replace(job, keep=str(part)), listen)
        record = replace(record, run=store.run)
        store.put(record)
        if record.completed:
            models.put(record, part)
    return record


def stored(
    job: Job,
    store: Store,
    *,
    machine: Machine | None,
    models: Models | None = None,
) -> Record | None:
    """Return the completed record that answers a job, or None."""
    record = store.find(job.spec.case.name, job.key, machine=machine)
    if models and job.spec.epochs and models.find(job) is None:
        return None
    return record


@dataclass
class Scheduler:
    """Hands each trial to the executor once, and keeps what it gave for the run."""

    store: Store
    executor: Executor
    accelerator: str | None = None
    models: Models | None = None
    """Where trained models are kept; None keeps none."""
    log: Path | None = None
    """TensorBoard's folder; None logs nothing."""
    listen: Listener = silent
    root: Path | None = None
    """Folder of the project whose code trials run; None for that of the engine or at hand."""
    unwritable: UnwritableError | None = None
    """Why no record can be kept: what was queued behind the trial that found it is given up."""
    _futures: dict[tuple[str, bool], Future[Record]] = field(default_factory=dict)
    _jobs: dict[bytes, Job] = field(default_factory=dict)

    def stored(self, spec: TrialSpec, *, timed: bool) -> Record | None:
        """Return the stored record of ``spec``; ``timed`` wants it timed on this machine."""
        return stored(
            self._job(spec),
            self.store,
            machine=self._machine(timed and spec.alone),
            models=self.models,
        )

    def lacks_model(self, spec: TrialSpec) -> bool:
        """Whether the trained model of ``spec`` is wanted, and is not there."""
        return self.models is not None and self.kept(spec) is None

    def kept(self, spec: TrialSpec) -> Kept | None:
        """Return the kept model of ``spec`` that this code made, if there is one."""
        return self.models.find(self._job(spec)) if self.models else None

    def request(self, spec: TrialSpec, *, timed: bool) -> Future[Record]:
        """Return the future record of ``spec``, submitting it if nobody has."""
        job = self._job(spec)
        timed = timed and spec.alone  # one that shares its machine has no times to keep
        known = self._futures.get((job.key, True))
        if known is None and not timed:
            known = self._futures.get((job.key, False))
        if known is None:
            known = self.executor.submit(
                fulfil,
                job,
                self.store,
                machine=self._machine(timed),
                models=self.models,
                listen=self.listen,
            )
            self._futures[job.key, timed] = known
            known.add_done_callback(self._look_for_space)
            if self.unwritable:
                known.cancel()
        return known

    def _look_for_space(self, done: Future[Record]) -> None:
        error = None if done.cancelled() else done.exception()
        if isinstance(error, UnwritableError) and self.unwritable is None:
            self.unwritable = error
            for future in [*self._futures.values()]:
                future.cancel()

    def close(self) -> None:
        """Give up what has not begun, end what has, and wait until its record is on disk."""
        open_futures = [future for future in self._futures.values() if not future.done()]
        for future in open_futures:
            future.cancel()
        with trials_ended():
            wait(future for future in open_futures if not future.cancelled())
            self.executor.shutdown()

    def _machine(self, timed: bool) -> Machine | None:
        return this_machine(self.accelerator) if timed else None

    def _logged(self, job: Job) -> Job:
        if self.log is None or not job.spec.epochs:
            return job
        folder = below(self.log, run_name(job.spec, job.key))
        return replace(job, log=str(folder))

    def _job(self, spec: TrialSpec) -> Job:
        key = msgspec.json.encode(spec)  # a spec holds mappings, which have no hash
        if key not in self._jobs:
            self._jobs[key] = self._logged(job_of(spec, self.root))
        return self._jobs[key]
