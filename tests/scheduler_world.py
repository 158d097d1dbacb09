"""A scheduler with simulated trials, for tests of what goes on around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from bench_runs import PATIENCE_S
from records import make_record

from bench.cases import CASES
from fitting_room.judge.quality import Curve, suggest
from fitting_room.judge.verdict import Bound
from fitting_room.lab import scheduler
from fitting_room.lab.evaluator import Evaluator
from fitting_room.lab.plan import Need, Options, plan
from fitting_room.lab.scheduler import Scheduler
from fitting_room.machine import this_machine
from fitting_room.metrics import curve
from fitting_room.record import Job, Listener, Message, Record, silent
from fitting_room.spec import TrialSpec
from fitting_room.store.bounds import SMOKE, Bounds
from fitting_room.store.records import Store

CASE = CASES["mnist-single_conv_32"]
DATASET = make_record(case=CASE).spec.dataset
CURVE = "training_loss_by_epoch"
SPEC, ORIGIN = make_record().spec, make_record().provenance


def trial(job: Job, listen: Listener = silent, **known: object) -> Record:
    """Return what a trial of a job would have given, without training."""
    spec = job.spec
    curve = {} if spec.epochs else {"training_accuracy": [], "test_accuracy": None}
    record = replace(
        make_record(case=spec.case, seed=spec.seed, **(curve | known)),  # type: ignore[arg-type]
        key=job.key,
        spec=spec,
        provenance=job.provenance,
        started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        machine=this_machine(),
    )
    listen(spec, Message(record=record))
    return record


@dataclass
class FakeTrials:
    """Stands in for ``run_trial``: remembers what it was given, and gives what ``make`` makes."""

    make: Callable[..., Record] = trial
    ran: list[Job] = field(default_factory=list)

    def __call__(self, job: Job, listen: Listener = silent) -> Record:
        """Run one made-up trial."""
        self.ran.append(job)
        return self.make(job, listen)

    @property
    def seeds(self) -> list[int]:
        """Seeds that ran, in order."""
        return [job.spec.seed for job in self.ran]


def pretend(monkeypatch: pytest.MonkeyPatch, make: Callable[..., Record] = trial) -> FakeTrials:
    """Let every scheduler of this process run made-up trials of code that never changes."""
    trials = FakeTrials(make)
    monkeypatch.setattr(scheduler, "run_trial", trials)
    monkeypatch.setattr(scheduler, "provenance", lambda *_, **__: ORIGIN)
    return trials


def new_scheduler(folder: Path, *, fresh: str | None = None, **known: Any) -> Scheduler:
    """Return the scheduler of a new run whose records are in ``folder``."""
    return Scheduler(store=Store(folder, fresh), executor=ThreadPoolExecutor(1), **known)


def answer(run: Scheduler, spec: TrialSpec = SPEC, *, timed: bool = False) -> Record:
    """Return the record of a spec as that run gets it, and end the run."""
    try:
        return run.request(spec, timed=timed).result(timeout=PATIENCE_S)
    finally:
        run.close()


def get(
    folder: Path, spec: TrialSpec = SPEC, *, timed: bool = False, fresh: str | None = None
) -> Record:
    """Return the record of a spec as a new run gets it."""
    return answer(new_scheduler(folder, fresh=fresh), spec, timed=timed)


def new_evaluator(
    folder: Path,
    options: Options | None = None,
    *bounds: Bound,
    smoke: Sequence[Bound] = (),
    need: Need | None = None,
) -> Evaluator:
    """Return the evaluator of a run that selected one test of ``CASE``."""
    options = options or Options()
    tables = {
        CASE.name: {bound.metric: bound for bound in bounds},
        SMOKE: {bound.metric: bound for bound in smoke},
    }
    return Evaluator(
        scheduler=new_scheduler(folder),
        bounds=Bounds(path=Path("bounds.toml"), tables=tables),
        options=options,
        planned=plan([need or Need(case=CASE)], options, {CASE.task: DATASET}),
    )


def bands() -> Curve:
    """Return bands on the learning curve of ``CASE`` around what made-up trials learn."""
    seeds = [
        curve(make_record(case=CASE, training_accuracy=0.893 + off), CURVE) for off in (0, 1 / 999)
    ]
    epochs = [[value or 0.0 for value in values] for values in zip(*seeds, strict=True)]
    of_epoch = (suggest("training_loss", values, band=5) for values in epochs)
    return Curve(metric=CURVE, epochs=tuple(of_epoch))
