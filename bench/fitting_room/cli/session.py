"""What commands that train share: their options, their data, and the scheduler of their trials."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from fitting_room import data
from fitting_room.errors import UserError, positive
from fitting_room.lab.engine import Engine, open_engine
from fitting_room.lab.plan import Options
from fitting_room.lab.process import home
from fitting_room.lab.scheduler import Scheduler
from fitting_room.record import Record
from fitting_room.report.model import card
from fitting_room.report.progress import Progress
from fitting_room.spec import Dataset, TrialSpec
from fitting_room.store.records import Models, Store

OPTIONS: dict[str, dict[str, Any]] = {
    "--data-dir": {
        "metavar": "DIR",
        "help": f"a folder with the data sets' IDX files (or {data.DATA_DIR_VARIABLE})",
    },
    "--offline": {"action": "store_true", "help": "never touch the network"},
    "--shared": {
        "action": "store_true",
        "help": "others use this machine meanwhile: keep no times",
    },
    "--jobs": {
        "type": positive,
        "default": 1,
        "help": "trials side by side, with --shared (1)",
    },
    "--engine": {
        "metavar": "ENGINE",
        "help": "where to train: dask://HOST:PORT, a scheduler file, or module:factory",
    },
    "--ship": {"action": "store_true", "help": "send this checkout to the engine's workers"},
    "--fresh": {"action": "store_true", "help": "train anew, whatever is stored"},
    "--keep-models": {"action": "store_true", "help": "keep trained models, with a card each"},
    "--results": {"type": Path, "help": "where records are kept (default: results)"},
}

DATA = ("--data-dir", "--offline")
ENGINE = ("--engine", "--ship")


def add_options(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add these of the shared options."""
    for name in names:
        parser.add_argument(name, **OPTIONS[name])


@dataclass(frozen=True, kw_only=True)
class Session:
    """The trials of one command."""

    scheduler: Scheduler
    progress: Progress

    def train(self, spec: TrialSpec, *, timed: bool = False) -> Record:
        """Return the record of a trial, trained now unless it is stored."""
        return self.progress.wait(self.scheduler.request(spec, timed=timed))


@contextmanager
def session(
    arguments: argparse.Namespace,
    *,
    trials: Path | None = None,
    fresh: bool = False,
    keep_models: bool = False,
    progress: Progress | None = None,
) -> Iterator[Session]:
    """Yield what runs a command's trials as its options say; nothing runs on after it.

    Args:
        arguments: Those of the command; an option that it lacks counts as not given.
        trials: The folder of the records; None is ``trials`` of the results.
        fresh: Whether stored records are ignored, also without ``--fresh``.
        keep_models: Whether trained models are kept, also without ``--keep-models``.
        progress: Shows the trials; None writes lines to standard error.

    Raises:
        UserError: Records cannot be written, or several trials are to run at once and be timed.
    """
    progress = progress or Progress()
    run = uuid4().hex if fresh or getattr(arguments, "fresh", False) else None
    keep_models = keep_models or getattr(arguments, "keep_models", False)
    engine = _engine_for(arguments, keep_models=keep_models)
    scheduler = Scheduler(
        store=Store(trials or arguments.results / "trials", run),
        executor=executor_for(arguments, engine),
        slots=engine.slots if engine else getattr(arguments, "jobs", 1),
        engine=engine,
        models=Models(arguments.results / "models", card, run) if keep_models else None,
        listen=progress.listen,
        root=getattr(getattr(arguments, "project", None), "root", None),
    )
    try:
        scheduler.store.check_writable()
        yield Session(scheduler=scheduler, progress=progress)
    finally:
        scheduler.close()
        _tell(engine)


def _tell(engine: Engine | None) -> None:
    if engine and engine.words:
        print(engine.words, file=sys.stderr)


def _engine_for(arguments: argparse.Namespace, *, keep_models: bool) -> Engine | None:
    name, ship = getattr(arguments, "engine", None), getattr(arguments, "ship", False)
    options = Options(
        engine=name,
        ship=ship,
        jobs=arguments.jobs if name and getattr(arguments, "jobs", 1) > 1 else None,
        keep_models=keep_models,
    )  # which refuses what cannot be had together
    return open_engine(name, ship=home() if options.ship else None) if name else None


def executor_for(arguments: argparse.Namespace, engine: Engine | None = None) -> ThreadPoolExecutor:
    """Return what runs as many trials at once as was asked for, if they are not to be timed."""
    if engine:
        return ThreadPoolExecutor(engine.slots)
    jobs = getattr(arguments, "jobs", 1)
    if jobs > 1 and not getattr(arguments, "shared", True):
        raise UserError(
            "--jobs: trials side by side slow each other down, so that their times say nothing. "
            "Add --shared, which keeps none."
        )
    return ThreadPoolExecutor(jobs)


def datasets(tasks: Iterable[str], arguments: argparse.Namespace) -> dict[str, Dataset]:
    """Return task → verified copy of its data, from where the options or the variable say.

    Raises:
        UserError: One cannot be had.
    """
    folder = data.chosen_data_dir(arguments.data_dir, os.environ)
    return {
        task: data.find(task, data_dir=folder, offline=arguments.offline)
        for task in dict.fromkeys(tasks)
    }


def dataset(task: str) -> Dataset:
    """Return a verified copy of a task's data, for a command that has no options for it."""
    return data.find(task, data_dir=data.chosen_data_dir(None, os.environ))
