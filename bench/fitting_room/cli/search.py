"""``python -m bench search``: candidates trained and compared on images held out of training.

The test set stays shut: every trial is given a folder that holds training images alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fitting_room.cli import COMMANDS
from fitting_room.cli.session import DATA, ENGINE, add_options, session
from fitting_room.data import chosen_data_dir, find
from fitting_room.data.split import HELD_OUT, validation_split
from fitting_room.errors import UserError, nearest, positive, seconds
from fitting_room.format import in_words
from fitting_room.lab.estimate import warnings
from fitting_room.lab.plan import BACKENDS, DEVICES, Options, specify
from fitting_room.lab.probe import check_backend
from fitting_room.lab.scheduler import job_of
from fitting_room.report.progress import Progress
from fitting_room.spec import TASKS, Case, Dataset, TrialSpec
from fitting_room.studies.search import FINAL, append, read_log, read_study, settings_of, tried
from fitting_room.studies.search_tables import candidates, table


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("search", help=COMMANDS["search"])
    parser.add_argument("task", help="a task of the project")
    parser.add_argument(
        "candidates", nargs="?", type=Path, help="TOML file; without one, show the whole log"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these candidates of the file")
    parser.add_argument("--seeds", type=positive, default=1, help="seeds a candidate (1)")
    parser.add_argument("--first-seed", type=int, default=0, help="the first of them (0)")
    parser.add_argument(
        "--held-out",
        type=positive,
        default=HELD_OUT,
        help=f"last training images, held out to compare by ({HELD_OUT})",
    )
    parser.add_argument("--jobs", type=positive, default=1, help="trials side by side (1)")
    parser.add_argument("--device", choices=DEVICES, default="cpu", help="where to train (cpu)")
    parser.add_argument(
        "--backend", choices=BACKENDS, default="tensorflow", help="Keras' backend (tensorflow)"
    )
    parser.add_argument("--time-limit", type=seconds, metavar="SECONDS", help="end longer trials")
    add_options(parser, *DATA, *ENGINE, "--results")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train what the log does not hold yet, seed by seed; log each trial; print the table."""
    if arguments.task not in TASKS:
        raise UserError(f"There is no task {arguments.task!r}. {nearest(arguments.task, TASKS)}")
    log = arguments.results / "search" / f"{arguments.task}.jsonl"
    if arguments.candidates is None:
        print(table(candidates(read_log(log))))
        return 0
    cases = _chosen(read_study(arguments.candidates, arguments.task).cases, arguments.only)
    # An engine's workers see for themselves what they have.
    check_backend(arguments.backend, "cpu" if arguments.engine else arguments.device)
    data_dir = chosen_data_dir(arguments.data_dir, os.environ)
    whole = find(arguments.task, data_dir=data_dir, offline=arguments.offline)
    dataset = validation_split(whole, arguments.held_out)
    _train(_specs(list(cases.values()), dataset, arguments), log, arguments)
    wanted = {settings_of(c, c.recipe.epochs, dataset.source) for c in cases.values()}
    print(table(candidates(line for line in read_log(log) if line.settings in wanted)))
    return 0


def _chosen(cases: Mapping[str, Case], only: Sequence[str] | None) -> Mapping[str, Case]:
    for name in only or ():
        if name not in cases:
            raise UserError(f"--only: there is no candidate {name!r}. {nearest(name, cases)}")
    return {name: case for name, case in cases.items() if not only or name in only}


def _specs(
    cases: Sequence[Case], dataset: Dataset, arguments: argparse.Namespace
) -> list[TrialSpec]:
    """Seed by seed through all candidates, so that an early end leaves each with some."""
    options = Options(
        backend=arguments.backend, device=arguments.device, time_limit_s=arguments.time_limit
    )
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    specs = [specify(case, seed, options, dataset) for seed in seeds for case in cases]
    return [replace(spec, alone=False) for spec in specs]  # only accuracies are compared


def _train(specs: Sequence[TrialSpec], log: Path, arguments: argparse.Namespace) -> None:
    known = {line.key for line in read_log(log) if line.outcome in FINAL}
    root = arguments.project.root
    missing = [spec for spec in specs if job_of(spec, root).key not in known]
    print(f"{len(specs)} trials, {len(specs) - len(missing)} of them in {log}", file=sys.stderr)
    for line in warnings(missing, []):
        print(line, file=sys.stderr)
    progress = Progress(verbosity=-1)
    progress.total = len(missing)
    began = time.monotonic()
    with session(arguments, trials=log.parent / "trials", progress=progress) as running:
        futures = [running.scheduler.request(spec, timed=False) for spec in missing]
        for done, future in enumerate(futures, start=1):
            append(log, tried(progress.wait(future)))
            left = (time.monotonic() - began) / done * (len(missing) - done)
            if left:
                print(f"about {in_words(left)} left", file=sys.stderr, flush=True)
