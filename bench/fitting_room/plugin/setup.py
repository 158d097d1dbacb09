"""From pytest's configuration to an evaluator that is ready to judge."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from fitting_room import data
from fitting_room.lab.engine import open_engine
from fitting_room.lab.estimate import Remaining
from fitting_room.lab.evaluator import Evaluator, loss_limits, unstored
from fitting_room.lab.plan import Need, Options, plan
from fitting_room.lab.probe import check_backend
from fitting_room.lab.scheduler import Scheduler
from fitting_room.machine import usable_cores
from fitting_room.metrics import METRICS
from fitting_room.plugin.options import project_of, read_options
from fitting_room.record import Record
from fitting_room.report.model import card
from fitting_room.report.progress import Progress
from fitting_room.spec import Dataset
from fitting_room.store.bounds import read_bounds
from fitting_room.store.records import Models, Store


def assemble(config: pytest.Config, needs: Sequence[Need], *, run: str) -> Evaluator:
    """Return the evaluator of the run of that id.

    Raises:
        UserError: Data, backend, bounds or the results folder are not as they must be.
    """
    options = read_options(config, run=run)
    project = project_of(config)
    bounds = read_bounds(project.bounds, cases=project.cases, metrics=METRICS)
    here = "cpu" if options.engine else options.device  # an engine's workers see for themselves
    accelerator = check_backend(options.backend, here)
    datasets = {task: _dataset(task, options) for task in {need.case.task for need in needs}}
    progress = _progress(config)
    scheduler = _scheduler(options, accelerator, progress, project.root)
    scheduler.store.check_writable()
    planned = plan(
        needs,
        options,
        datasets,
        stored=lambda wanted: scheduler.stored(wanted.spec, timed=wanted.timed) is not None,
        limits=lambda case: loss_limits(case, bounds, options),
    )
    evaluator = Evaluator(
        scheduler=scheduler,
        bounds=bounds,
        options=options,
        planned=planned,
        wait=_uncaptured(config, progress.wait),
    )
    missing = [trial.spec for trial in unstored(evaluator)]
    progress.total = len(missing)
    if missing:
        evaluator.known = _known(scheduler.store, options)
        progress.left_after = Remaining(missing, evaluator.known).after
    return evaluator


def _known(trials: Store, options: Options) -> list[Record]:
    """Return the records of this folder and the committed ones."""
    return [*trials.readable(), *Store(options.results / "reference").readable()]


def _scheduler(
    options: Options, accelerator: str | None, progress: Progress, root: Path
) -> Scheduler:
    ship = root if options.ship else None
    engine = open_engine(options.engine, ship=ship) if options.engine else None
    slots = engine.slots if engine else options.jobs or _workers(options)
    return Scheduler(
        store=Store(options.trials, options.fresh),
        executor=ThreadPoolExecutor(slots),
        slots=slots,
        engine=engine,
        accelerator=accelerator,
        models=(
            Models(options.results / "models", card, options.fresh) if options.keep_models else None
        ),
        log=options.log,
        listen=progress.listen,
        root=root,
    )


def _workers(options: Options) -> int:
    """Return how many trials run at once.

    A quick one spends as long on its start, on one core, as on its epochs: another trains then.
    """
    if not options.side_by_side:
        return 1
    if options.tier == "smoke":
        return usable_cores()
    return 1 if options.device == "gpu" else min(2, usable_cores())


def _dataset(task: str, options: Options) -> Dataset:
    if options.tier == "smoke":
        return data.sample(task)
    return data.find(task, data_dir=options.data_dir, offline=options.offline)


def _progress(config: pytest.Config) -> Progress:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return Progress(verbosity=-2)
    writer = config.get_terminal_writer()
    line = DotLine(reporter, writer)
    return Progress(
        line,
        live=reporter.isatty and writer.hasmarkup,
        verbosity=config.get_verbosity(),
        leave=line.leave,
        resume=line.resume,
    )


def _uncaptured(
    config: pytest.Config, wait: Callable[[Future[Record]], Record]
) -> Callable[[Future[Record]], Record]:
    """Wait with pytest's capture suspended: what is shown meanwhile is for the terminal."""
    capture = config.pluginmanager.get_plugin("capturemanager")

    def uncaptured(future: Future[Record]) -> Record:
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            return wait(future)

    return uncaptured


BENCHMARK_NAME, BENCHMARK_COLUMN = 55, 23
"""Columns of a terminal that pytest-benchmark's tables take: name and rounds, each statistic."""

COLUMNS = ["min", "median", "max", "iqr", "rounds"]
"""The statistics of this project's own setting, which alone is touched."""

MOST_TELLING = ("median", "min", "max", "iqr")


def fit_benchmark_tables(config: Any) -> None:
    """Leave out statistics that a narrow terminal would fold."""
    if getattr(config.option, "benchmark_columns", None) != COLUMNS:
        return
    width = shutil.get_terminal_size().columns  # pytest's own writer is not there yet
    room = (width - BENCHMARK_NAME) // BENCHMARK_COLUMN
    kept = MOST_TELLING[: max(1, room)]
    config.option.benchmark_columns = [
        name for name in COLUMNS if name in kept or name not in MOST_TELLING
    ]


class DotLine:
    """Writes beside pytest's terminal reporter without confusing its count of columns."""

    def __init__(self, reporter: Any, writer: Any) -> None:
        self._reporter = reporter
        self._writer = writer
        self._begun: Any = None

    @property
    def fullwidth(self) -> int:
        """Columns of the terminal."""
        return int(self._writer.fullwidth)

    def write(self, msg: str, *, flush: bool = False) -> None:
        """Write text as it is; pytest's capture must be suspended."""
        print(msg, end="", flush=flush)

    def leave(self) -> None:
        """End the line that the reporter has begun, if it has."""
        sys.stdout.flush()
        self._begun = self._reporter.currentfspath
        self._reporter.ensure_newline()
        if self._writer.width_of_current_line:  # quiet, it writes dots and no file's name
            self._writer.line()

    def resume(self) -> None:
        """Begin it again: with the file, or where pytest is verbose with the test."""
        if isinstance(self._begun, Path):
            name = os.path.relpath(self._begun, self._reporter.startpath)
            self._writer.write(f"{name} ", flush=True)
        elif isinstance(self._begun, str):
            self._writer.write(self._begun, flush=True)
        else:
            return
        self._reporter.currentfspath = self._begun
