"""From pytest's configuration to a referee that is ready to judge."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext

import pytest

from bench.harness import data
from bench.harness.lab.lab import Lab
from bench.harness.lab.options import Options
from bench.harness.lab.outline import unstored
from bench.harness.lab.plan import Need, plan
from bench.harness.lab.probe import check_backend
from bench.harness.lab.referee import Referee, loss_limits
from bench.harness.machine import usable_cores
from bench.harness.metrics import METRICS
from bench.harness.plugin_options import read_options
from bench.harness.plugin_terminal import DotLine
from bench.harness.record import Record
from bench.harness.report.card import card
from bench.harness.report.progress import PlainWriter, Progress
from bench.harness.spec import Case, Dataset
from bench.harness.store.bounds import read_bounds
from bench.harness.store.models import Models
from bench.harness.store.records import Store


def registered_cases(config: pytest.Config) -> Mapping[str, Case]:
    """Import the cases that the ini option names: the harness itself knows none."""
    module, name = config.getini("fitting_room_cases").split(":")
    cases: Mapping[str, Case] = getattr(importlib.import_module(module), name)
    return cases


def assemble(config: pytest.Config, needs: Sequence[Need], *, run: str) -> Referee:
    """Return the referee of the run of that id.

    Raises:
        UserError: Data, backend, bounds or the results folder are not as they must be.
    """
    options = read_options(config, run=run)
    bounds = read_bounds(
        config.rootpath / config.getini("fitting_room_bounds"),
        cases=registered_cases(config),
        metrics=METRICS,
    )
    accelerator = check_backend(options.backend, options.device)
    datasets = {task: _dataset(task, options) for task in {need.case.task for need in needs}}
    progress = _progress(config)
    lab = _lab(options, accelerator, progress)
    lab.store.check_writable()
    planned = plan(
        needs,
        options,
        datasets,
        stored=lambda wanted: lab.stored(wanted.spec, timed=wanted.timed) is not None,
        limits=lambda case: loss_limits(case, bounds, options),
    )
    referee = Referee(
        lab=lab,
        bounds=bounds,
        options=options,
        planned=planned,
        wait=_uncaptured(config, progress.wait),
    )
    progress.total = len(unstored(referee))
    return referee


def _lab(options: Options, accelerator: str | None, progress: Progress) -> Lab:
    return Lab(
        store=Store(options.trials, options.fresh),
        executor=ThreadPoolExecutor(1 if options.tier != "smoke" else usable_cores()),
        accelerator=accelerator,
        models=(
            Models(options.results / "models", card, options.fresh) if options.keep_models else None
        ),
        log=options.log,
        listen=progress.listen,
    )


def _dataset(task: str, options: Options) -> Dataset:
    if options.tier == "smoke":
        return data.sample(task)
    return data.find(task, data_dir=options.data_dir, offline=options.offline)


def _progress(config: pytest.Config) -> Progress:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return Progress(PlainWriter(sys.stderr), live=False, verbosity=-2)
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
