"""The scheduler: one trial per key and run, from the store if it has one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from fitting_room.errors import UnwritableError, UserError
from fitting_room.lab.engine import Engine, open_engine
from fitting_room.lab.locks import file_lock
from fitting_room.lab.plan import Options
from fitting_room.lab.prepared import end_idle
from fitting_room.lab.process import home, run_trial, strays, trials_ended
from fitting_room.machine import exclusive, this_machine
from fitting_room.metrics import sources
from fitting_room.reading import below
from fitting_room.record import Job, Listener, Message, Record, loader, run_name, silent
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
            f"Python imported {others[0]}, but the bench from {root}: a record would mix them. "
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
    """Return whether models of a case can be saved: a trainer's module must load them."""
    if case.trainer is None:
        return True
    try:
        return bool(Sources(root).origin(loader(case.trainer)))
    except LookupError:
        return False


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
        """Return the completed record of ``spec``, if its model is saved where models are wanted.

        ``timed`` wants it timed on this machine; with an engine, on whichever. A quick trial is
        served by the whole one that it is the beginning of, too.
        """
        job, timed = self._job(spec), timed and spec.alone
        if spec.epochs and self.lacks_model(spec):
            return None
        keys = [job.key, *([quality_key(spec.whole, job.provenance)] if spec.stop_after else [])]
        machine = this_machine(self.accelerator) if timed and not self.engine else None
        every = (self.store.find(spec.case.name, key, machine=machine) for key in keys)
        return next((each for each in every if each and (exclusive(each) or not timed)), None)

    def lacks_model(self, spec: TrialSpec) -> bool:
        """Return whether the trained model of ``spec`` is wanted and missing."""
        return self._models(spec) is not None and self.saved_model(spec) is None

    def saved_model(self, spec: TrialSpec) -> Kept | None:
        """Return the saved model of ``spec`` that this code made, if there is one."""
        models = self._models(spec)
        return models.find(self._job(spec)) if models else None

    def request(self, spec: TrialSpec, *, timed: bool) -> Future[Record]:
        """Return the future record of ``spec``, submitting it if nobody has."""
        timed = timed and spec.alone  # a trial that shares its machine has no times
        key = self._job(spec).key
        for kind in (True,) if timed else (True, False):  # a timed trial answers both
            if known := self._futures.get((key, kind)):
                return known
        future = self._futures[key, timed] = self.executor.submit(self._fulfil, spec, timed)
        future.add_done_callback(self._check_writable)
        if self.unwritable:
            future.cancel()
        return future

    def _fulfil(self, spec: TrialSpec, timed: bool) -> Record:
        """Return the stored record of a trial, or run it and store its record.

        Two runs that want the same trial at once share one.

        Raises:
            UserError: The record or the model cannot be written.
        """
        job = self._job(spec)
        lock = self.store.root / ".locks" / f"{job.key[:16]}.lock"
        try:
            lock.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnwritableError(f"Cannot write {lock.parent}: {error.strerror}.") from error
        with file_lock(lock):
            if known := self.stored(spec, timed=timed):
                return known
            if self.engine:
                return self._train_elsewhere(job, self.engine, timed)
            return self._train(job)

    def _train(self, job: Job) -> Record:
        models = self._models(job.spec) if job.spec.epochs else None
        with models.part(job.spec) if models else nullcontext() as part:
            record = run_trial(replace(job, keep=str(part) if part else None), self.listen)
            record = replace(record, run=self.store.run)
            self.store.put(record)
            if models and part and record.completed:
                models.put(record, part)
        return record

    def _train_elsewhere(self, job: Job, engine: Engine, timed: bool) -> Record:
        """Of two records of one key the first that came stands; a later one is set aside."""
        record = replace(engine.train(job, self.listen, fresh=self.store.run), run=self.store.run)
        first = self.stored(job.spec, timed=timed) if record.completed else None
        if first:
            self.store.set_aside(record)
            engine.second += 1
            note = "a second record of it came; the first one stands"
            self.listen(job.spec, Message(note=note))
            return first
        self.store.put(record)
        return record

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
        wanted = self.models and saves_model(spec.case, self.root or home())
        return self.models if wanted else None

    def _job(self, spec: TrialSpec) -> Job:
        key = hashlib.sha256(msgspec.json.encode(spec)).digest()  # mappings in it have no hash
        if key not in self._jobs:
            job = job_of(spec, self.root)
            if self.log and spec.epochs:
                job = replace(job, log=str(below(self.log, run_name(spec, job.key))))
            self._jobs[key] = job
        return self._jobs[key]


def open_scheduler(
    options: Options,
    card: Callable[[Record, Path], str],
    *,
    listen: Listener,
    root: Path,
    trials: Path | None = None,
    accelerator: str | None = None,
) -> Scheduler:
    """Return the scheduler that trains as the options say.

    ``card`` writes the card of a model that is saved; ``trials`` is the folder of the records, if
    not that of the options.

    Raises:
        UserError: There is no such engine, or it does not answer.
    """
    ship, models = root if options.ship else None, options.results / "models"
    engine = open_engine(options.engine, ship=ship) if options.engine else None
    slots = engine.slots if engine else options.slots
    return Scheduler(
        store=Store(trials or options.trials, options.fresh),
        executor=ThreadPoolExecutor(slots),
        slots=slots,
        engine=engine,
        accelerator=accelerator,
        models=Models(models, card, options.fresh) if options.keep_models else None,
        log=options.log,
        listen=listen,
        root=root,
    )
