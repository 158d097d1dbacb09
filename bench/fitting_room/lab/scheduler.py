"""The scheduler: one trial per key and run, from the store if it has one."""

from __future__ import annotations

import hashlib
from concurrent.futures import Executor, Future, wait
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from fitting_room.errors import UnwritableError, UserError
from fitting_room.lab.engine import Engine
from fitting_room.lab.locks import file_lock
from fitting_room.lab.prepared import end_idle
from fitting_room.lab.process import home, run_trial, strays, trials_ended
from fitting_room.machine import exclusive, this_machine
from fitting_room.metrics import sources
from fitting_room.reading import below
from fitting_room.record import Job, Listener, Machine, Message, Record, loader, run_name, silent
from fitting_room.spec import TASKS, Case, TrialSpec
from fitting_room.store.digest import Sources
from fitting_room.store.key import provenance, quality_key
from fitting_room.store.records import Kept, Models, Store
from fitting_room.trial import loaded_files


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
    key = quality_key(spec, origin)
    task = TASKS.get(spec.case.task)
    return Job(
        spec=spec,
        key=key,
        provenance=origin,
        root=str(root),
        metrics=sources(),
        task=task and replace(task, load=None, sample=None, pin=None),
    )


def saves_model(case: Case, root: Path) -> bool:
    """Whether trained models of a case can be kept: a trainer's module has to load them."""
    if case.trainer is None:
        return True
    try:
        return bool(Sources(root).origin(loader(case.trainer)))
    except LookupError:
        return False


def fulfil(
    job: Job,
    store: Store,
    machine: Machine | None,
    models: Models | None,
    listen: Listener,
    engine: Engine | None = None,
    *,
    timed: bool = False,
) -> Record:
    """Return the stored record of a job, or run the trial and store its record.

    Two runs that want the same trial at once share one. With an ``engine`` it is trained there, and
    of two records of one key the first that came stands: a later one is set aside. ``timed`` wants
    one that was timed on whichever machine.

    Raises:
        UserError: The record or the model cannot be written.
    """
    lock = store.root / ".locks" / f"{job.key[:16]}.lock"
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableError(f"Cannot write {lock.parent}: {error.strerror}.") from error
    with file_lock(lock):
        if known := _stored(job, store, machine, models, timed=timed):
            return known
        if engine:
            return _train_elsewhere(job, store, listen, engine, timed=timed)
        return _train(job, store, models, listen)


def _stored(
    job: Job,
    store: Store,
    machine: Machine | None,
    models: Models | None,
    *,
    timed: bool = False,
) -> Record | None:
    """Return the completed record of a job, if its model is saved where models are wanted.

    With a ``machine`` its times are wanted too: only a record timed there will do. A quick trial
    is served by the whole one that it is the beginning of, too.
    """
    spec = job.spec
    if models and spec.epochs and models.find(job) is None:
        return None
    keys = [job.key]
    if spec.stop_after:
        keys.append(quality_key(spec.whole, job.provenance))
    every = (store.find(spec.case.name, key, machine=machine) for key in keys)
    found = next((record for record in every if record), None)
    return found if found and (exclusive(found) or not timed) else None


def _train(job: Job, store: Store, models: Models | None, listen: Listener) -> Record:
    with models.part(job.spec) if models and job.spec.epochs else nullcontext() as part:
        record = run_trial(replace(job, keep=str(part) if part else None), listen)
        record = replace(record, run=store.run)
        store.put(record)
        if models and part and record.completed:
            models.put(record, part)
    return record


def _train_elsewhere(
    job: Job, store: Store, listen: Listener, engine: Engine, *, timed: bool
) -> Record:
    record = replace(engine.train(job, listen, fresh=store.run), run=store.run)
    first = _stored(job, store, None, None, timed=timed) if record.completed else None
    if first:
        store.set_aside(record)
        engine.second += 1
        listen(job.spec, Message(note="a second record of it came; the first one stands"))
        return first
    store.put(record)
    return record


@dataclass
class Scheduler:
    """Hands each trial to the executor once, and remembers its future for the run."""

    store: Store
    executor: Executor
    accelerator: str | None = None
    models: Models | None = None
    """The store of trained models; None saves none."""
    log: Path | None = None
    """TensorBoard's folder; None logs nothing."""
    listen: Listener = silent
    root: Path | None = None
    """Folder of the project whose code trials run; None for that of the engine or at hand."""
    engine: Engine | None = None
    """The engine that trains trials; None is this machine."""
    slots: int = 1
    """Trials that run at once."""
    unwritable: UnwritableError | None = None
    """Why no record can be stored; the trials that were queued are cancelled then."""
    _futures: dict[tuple[str, bool], Future[Record]] = field(default_factory=dict)
    _jobs: dict[bytes, Job] = field(default_factory=dict)

    def stored(self, spec: TrialSpec, *, timed: bool) -> Record | None:
        """Return the stored record of ``spec``; ``timed`` wants it timed on this machine."""
        wanted = timed and spec.alone
        machine = self._machine(wanted)
        return _stored(self._job(spec), self.store, machine, self._models(spec), timed=wanted)

    def lacks_model(self, spec: TrialSpec) -> bool:
        """Whether the trained model of ``spec`` is wanted, and is not there."""
        return self._models(spec) is not None and self.saved_model(spec) is None

    def saved_model(self, spec: TrialSpec) -> Kept | None:
        """Return the saved model of ``spec`` that this code made, if there is one."""
        models = self._models(spec)
        return models.find(self._job(spec)) if models else None

    def request(self, spec: TrialSpec, *, timed: bool) -> Future[Record]:
        """Return the future record of ``spec``, submitting it if nobody has."""
        wanted = timed and spec.alone  # a trial that shares its machine has no times
        job, machine = self._job(spec), self._machine(wanted)
        kinds = (True,) if wanted else (True, False)  # a timed trial answers both
        for kind in kinds:
            if known := self._futures.get((job.key, kind)):
                return known
        given = (job, self.store, machine, self._models(spec), self.listen, self.engine)
        future = self.executor.submit(fulfil, *given, timed=wanted)
        self._futures[job.key, wanted] = future
        future.add_done_callback(self._check_writable)
        if self.unwritable:
            future.cancel()
        return future

    @property
    def idle(self) -> int:
        """Slots that nothing runs in or waits for."""
        return max(0, self.slots - sum(not future.done() for future in self._futures.values()))

    def _check_writable(self, done: Future[Record]) -> None:
        error = None if done.cancelled() else done.exception()
        if isinstance(error, UnwritableError) and self.unwritable is None:
            self.unwritable = error
            for future in [*self._futures.values()]:
                future.cancel()

    def close(self) -> None:
        """Cancel what has not begun, end what has, and wait until its record is on disk."""
        running = [f for f in self._futures.values() if not f.done() and not f.cancel()]
        with trials_ended():
            if self.engine and running:
                self.engine.end(self.engine.run)
            wait(running)
            self.executor.shutdown()
        end_idle()
        if self.engine:
            self.engine.close()

    def _models(self, spec: TrialSpec) -> Models | None:
        """Return where a trained model is saved, if that is wanted and can be."""
        return self.models if saves_model(spec.case, self.root or home()) else None

    def _machine(self, timed: bool) -> Machine | None:
        """Return where it must have been timed; an engine has machines of its own."""
        return this_machine(self.accelerator) if timed and not self.engine else None

    def _job(self, spec: TrialSpec) -> Job:
        key = hashlib.sha256(msgspec.json.encode(spec)).digest()  # mappings in it have no hash
        if key not in self._jobs:
            job = job_of(spec, self.root)
            if self.log and spec.epochs:
                job = replace(job, log=str(below(self.log, run_name(spec, job.key))))
            self._jobs[key] = job
        return self._jobs[key]
