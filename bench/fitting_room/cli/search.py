"""``python -m bench search``: candidates trained and compared on images held out of training.

The test set stays shut: every trial is given a folder that holds training images alone.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from fitting_room.cli import Arguments, option, path, whole
from fitting_room.cli.session import DATA, ENGINE, datasets, session, shared, tell, warn
from fitting_room.data import HELD_OUT, validation_split
from fitting_room.errors import UserError, nearest, seconds
from fitting_room.format import in_words
from fitting_room.lab.plan import Options, specify
from fitting_room.lab.probe import check_backend
from fitting_room.lab.scheduler import job_of
from fitting_room.record import Record
from fitting_room.report.progress import Progress
from fitting_room.spec import TASKS, Case, TrialSpec
from fitting_room.studies.search import Tried, candidates, read_log, read_study, settings_of, table

FINAL = ("completed", "diverged")
"""The outcomes that another trial of the same key would only repeat."""


ARGUMENTS: dict[str, Arguments] = {
    "search": {
        "task": option("a task of the project"),
        "candidates": path("TOML file; without one, show the whole log", nargs="?"),
        "--only": option("these candidates of the file", nargs="+", metavar="NAME"),
        "--seeds": whole(1, "seeds a candidate"),
        "--first-seed": option("the first seed (0)", type=int, default=0),
        "--held-out": whole(HELD_OUT, "number of training images, the last ones, to compare by"),
        "--jobs": whole(1, "trials side by side"),
        **shared("--device", "--backend"),
        "--time-limit": option("end longer trials", type=seconds, metavar="SECONDS"),
        **shared(*DATA, *ENGINE, "--results"),
    }
}


def search(arguments: argparse.Namespace) -> int:
    """Train the trials that the log lacks, seed by seed; log each; print the table."""
    if arguments.task not in TASKS:
        raise UserError(f"There is no task {arguments.task!r}. {nearest(arguments.task, TASKS)}")
    log = arguments.results / "search" / f"{arguments.task}.jsonl"
    if arguments.candidates is None:
        print(table(candidates(read_log(log))))
        return 0
    cases = _chosen(read_study(arguments.candidates, arguments.task).cases, arguments.only)
    # An engine's workers check their own devices.
    check_backend(arguments.backend, "cpu" if arguments.engine else arguments.device)
    whole = datasets([arguments.task], arguments)[arguments.task]
    dataset = validation_split(whole, arguments.held_out)
    options = Options(
        backend=arguments.backend, device=arguments.device, time_limit_s=arguments.time_limit
    )
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    # Seed by seed, so that an early end leaves each with some; only accuracies are compared.
    specs = [
        replace(specify(case, seed, options, dataset), alone=False)
        for seed in seeds
        for case in cases.values()
    ]
    _train(specs, log, arguments)
    wanted = {settings_of(c, c.recipe.epochs, dataset.source) for c in cases.values()}
    print(table(candidates(line for line in read_log(log) if line.settings in wanted)))
    return 0


def _chosen(cases: Mapping[str, Case], only: Sequence[str] | None) -> Mapping[str, Case]:
    for name in only or ():
        if name not in cases:
            raise UserError(f"--only: there is no candidate {name!r}. {nearest(name, cases)}")
    return {name: case for name, case in cases.items() if not only or name in only}


def _train(specs: Sequence[TrialSpec], log: Path, arguments: argparse.Namespace) -> None:
    known = {line.key for line in read_log(log) if line.outcome in FINAL}
    root = arguments.project.root
    missing = [spec for spec in specs if job_of(spec, root).key not in known]
    tell(f"{len(specs)} trials, {len(specs) - len(missing)} of them in {log}")
    warn(missing)
    progress = Progress(verbosity=-1)
    progress.total = len(missing)
    began = time.monotonic()
    with session(arguments, trials=log.parent / "trials", progress=progress) as running:
        for done, record in enumerate(running.train(missing), start=1):
            append(log, tried(record))
            left = (time.monotonic() - began) / done * (len(missing) - done)
            if left:
                tell(f"about {in_words(left)} left")


def tried(record: Record) -> Tried:
    """Return the line of a record; one that was made on a test set is a ValueError."""
    spec, case = record.spec, record.spec.case
    if not spec.dataset.validation:
        raise ValueError(f"the record of {case.name} is of the test set, and no search's")
    machine = record.machine
    return Tried(
        task=case.task,
        candidate=case.architecture,
        builder=case.builder,
        arguments=case.arguments,
        recipe=replace(case.recipe),  # a decoded one would leave its defaults unsaid
        seed=spec.seed,
        epochs=spec.epochs,
        held_out=spec.dataset.source,
        outcome=record.outcome,
        reason=record.reason,
        parameters=record.size.parameters if record.size else None,
        validation_accuracy=record.test_accuracy,
        validation_loss=record.test_loss,
        by_epoch=tuple(epoch.test_accuracy for epoch in record.epochs),
        training_accuracy=record.epochs[-1].training_accuracy if record.epochs else None,
        seconds=round(record.seconds.get("total", 0.0), 1),
        epoch_seconds=tuple(round(epoch.seconds, 2) for epoch in record.epochs),
        started=record.started,
        commit=record.provenance.commit,
        dirty=record.provenance.dirty,
        backend=spec.backend,
        machine=(machine.accelerator or f"{machine.cpu}, {machine.cores} cores") if machine else "",
        key=record.key,
    )


def append(path: Path, line: Tried) -> None:
    """Add a line in one write, so that neither an interruption nor another search splits it.

    Raises:
        UserError: It cannot be written, or not whole.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(file).st_size
            # A full disk or a power cut leaves half a line, which must not swallow the next.
            torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            content = (b"\n" if torn else b"") + msgspec.json.encode(line) + b"\n"
            written = os.write(file, content)
        finally:
            os.close(file)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None
    if written < len(content):
        told = f"{written} of {len(content)} bytes were written"
        raise UserError(f"{path}: {told}. Free the disk, then run the same command again.")
