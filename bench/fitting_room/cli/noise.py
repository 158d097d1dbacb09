"""``python -m bench noise``: where the scatter of accuracy, and of time, comes from."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count, product
from pathlib import Path

from fitting_room.cli import COMMANDS
from fitting_room.cli.session import DATA, ENGINE, Session, add_options, datasets, session
from fitting_room.errors import UserError, positive, seconds
from fitting_room.format import in_words
from fitting_room.lab.plan import Options, specify
from fitting_room.lab.scheduler import job_of
from fitting_room.record import Record
from fitting_room.report.progress import Progress
from fitting_room.spec import Case, Dataset, TrialSpec
from fitting_room.studies import origin_of, read_document, write_document
from fitting_room.studies.noise import (
    FOLDER,
    TIMED,
    Block,
    Crossed,
    Sample,
    Times,
    noise_block,
    sample,
)

PROCESSES = 3
"""Timed right after one another: a block."""
FEWEST = 2
"""Blocks, without which nothing can be said of what lies between them."""
LEVELS = 6
MINUTES = 6.0


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("noise", help=COMMANDS["noise"])
    parser.add_argument(
        "case", nargs="*", help="cases by name; if none is given, those that the project names"
    )
    parser.add_argument(
        "--levels", type=positive, default=LEVELS,
        help=f"seeds of the weights, and of the order ({LEVELS}); each weight meets each order",
    )  # fmt: skip
    parser.add_argument("--epochs", type=positive, help="instead of each recipe's")
    parser.add_argument(
        "--times", action="store_true", help="time epochs instead, alone on this machine"
    )
    parser.add_argument(
        "--minutes", type=seconds, default=MINUTES, help=f"how long to time ({MINUTES:g})"
    )
    add_options(parser, *DATA, *ENGINE, "--results")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train or time what is missing, keep it under ``noise/``, and print the tables."""
    project = arguments.project
    names = arguments.case or project.noise or project.cases
    cases = [project.case(name) for name in names]
    if arguments.levels < 2:
        raise UserError("--levels 1: scatter between seeds needs two of each kind at least.")
    found = datasets((case.task for case in cases), arguments)
    if arguments.times and arguments.engine:
        raise UserError("--times times epochs alone on this machine: leave out --engine.")
    if arguments.times:
        folder = arguments.results / FOLDER / "trials" / "timed"
        with session(arguments, trials=folder, fresh=True) as running:
            _time(cases, found, arguments, running)
    else:
        for case in cases:
            _cross(case, found[case.task], arguments)
    print(noise_block(arguments.results))
    return 0


def _cross(case: Case, dataset: Dataset, arguments: argparse.Namespace) -> None:
    """Train every pair of seeds, and those on the diagonal twice; resume where it was left."""
    base = specify(case, 0, Options(epochs=arguments.epochs), dataset)
    base = replace(base, alone=False, evaluate_each_epoch=False)
    folder = arguments.results / FOLDER
    path = folder / f"{case.name}.json"
    before = read_document(path, Crossed)
    origin = before.origin if before else None
    known = {(s.key, s.repeat): s for s in before.samples} if before else {}
    root, pairs = arguments.project.root, _wanted(base, arguments.levels)
    wanted = {(job_of(spec, root).key, repeat): spec for spec, repeat in pairs}
    progress = Progress()
    progress.total = len(wanted.keys() - known.keys())
    for repeat in range(2):  # each has records of its own, for a scheduler repeats no spec
        trials = folder / "trials" / str(repeat)
        with session(arguments, trials=trials, progress=progress) as running:
            missing = {k: s for k, s in wanted.items() if k not in known and k[1] == repeat}
            asked = {k: running.scheduler.request(s, timed=False) for k, s in missing.items()}
            for key, future in asked.items():
                record = progress.wait(future)
                known[key], origin = _or_refuse(record, repeat), origin_of(record)
    assert origin is not None  # either nothing was missing, or something was trained
    document = Crossed(
        origin=origin,
        case=case.name,
        epochs=base.epochs,
        whole=case.recipe.epochs,
        levels=arguments.levels,
        samples=tuple(known[each] for each in wanted),
    )
    write_document(path, document)


def _wanted(base: TrialSpec, levels: int) -> Iterator[tuple[TrialSpec, int]]:
    """Yield each spec, and whether it is a repeat; repeats come after what they repeat."""
    for initial, order in product(range(levels), repeat=2):
        yield replace(base, seed=initial, order_seed=order), 0
    for level in range(levels):
        yield replace(base, seed=level, order_seed=level), 1


def _or_refuse(record: Record, repeat: int) -> Sample:
    try:
        return sample(record, repeat=repeat)
    except ValueError as error:
        raise UserError(f"A trial gave no result: {error}. Run the command again.") from error


def _time(
    cases: Sequence[Case],
    found: Mapping[str, Dataset],
    arguments: argparse.Namespace,
    running: Session,
) -> None:
    """Time blocks of the cases in turn until the minutes are over, adding them to the series."""
    until, slowest = time.monotonic() + 60 * arguments.minutes, 0.0
    for number, case in ((number, case) for number in count() for case in cases):
        began = time.monotonic()
        if began + slowest > until and number >= FEWEST:
            return
        share = arguments.project.noise.get(case.name, 1.0)
        specs = _timed(case, found[case.task], number, share)
        records = [running.train(spec, timed=True) for spec in specs]
        _append(records, arguments.results / FOLDER / f"{case.name}{TIMED}.json")
        slowest = max(slowest, time.monotonic() - began)
        left = in_words(max(until - time.monotonic(), 0))
        print(f"block {number + 1} of {case.name}, {left} left", file=sys.stderr)


def _timed(case: Case, dataset: Dataset, number: int, share: float) -> Iterator[TrialSpec]:
    """Yield the trials of a block; only their seeds differ, for a scheduler repeats no spec."""
    recipe = replace(case.recipe, train_fraction=share, stop_at_accuracy=None)
    for process in range(PROCESSES):
        seed = PROCESSES * number + process
        spec = specify(replace(case, recipe=recipe), seed, Options(), dataset)
        yield replace(spec, evaluate_each_epoch=False)


def _append(records: Sequence[Record], path: Path) -> None:
    failed = [record for record in records if not record.completed]
    if failed:
        raise UserError(f"A timed trial gave no result: {failed[0].reason}. Run the command again.")
    first = records[0]
    before = read_document(path, Times)
    alike = before.blocks if before and before.origin.machine == first.machine else ()
    times = tuple(tuple(epoch.seconds for epoch in record.epochs[1:]) for record in records)
    document = Times(
        origin=origin_of(first),
        case=first.spec.case.name,
        train_fraction=first.spec.case.recipe.train_fraction,
        blocks=(*alike, Block(started=first.started, seconds=times)),
    )
    write_document(path, document)
