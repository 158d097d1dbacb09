"""``python -m bench noise``: where the scatter of accuracy, and of time, comes from."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import count, product
from pathlib import Path
from uuid import uuid4

from fitting_room.cli import COMMANDS
from fitting_room.cli.session import DATA, add_options, datasets
from fitting_room.durations import positive, seconds
from fitting_room.errors import UserError
from fitting_room.format import in_words
from fitting_room.lab.plan import Options, specify
from fitting_room.lab.scheduler import Scheduler, job_of
from fitting_room.record import Record
from fitting_room.report.progress import PlainWriter, Progress
from fitting_room.spec import Case, Dataset, TrialSpec
from fitting_room.store.records import Store
from fitting_room.studies.documents import (
    NOISE,
    Block,
    Crossed,
    Sample,
    Times,
    origin_of,
    read_document,
    sample,
    write_document,
)
from fitting_room.studies.gate_blocks import noise_block

PROCESSES = 3
"""Timed right after one another: a block."""
FEWEST = 2
"""Blocks, without which nothing can be said of what lies between them."""
IMAGES = {"fashion_mnist-cnn_32": 0.1}
"""Part of the training images of a timed epoch, so that it lasts about a second."""


def time_blocks(
    cases: Sequence[Case],
    datasets: Mapping[str, Dataset],
    *,
    scheduler: Scheduler,
    wait: Callable[[Future[Record]], Record],
    minutes: float,
    results: Path,
) -> None:
    """Time blocks of the cases in turn until the minutes are over, adding them to the series."""
    until = time.monotonic() + 60 * minutes
    slowest = 0.0
    for number in count():
        for case in cases:
            began = time.monotonic()
            if began + slowest > until and number >= FEWEST:
                return
            specs = _timed(case, datasets[case.task], number)
            records = [wait(scheduler.request(spec, timed=True)) for spec in specs]
            _append(records, results / NOISE / f"{case.name}-times.json")
            slowest = max(slowest, time.monotonic() - began)
            left = in_words(max(until - time.monotonic(), 0))
            print(f"block {number + 1} of {case.name}, {left} left", file=sys.stderr)


def _timed(case: Case, dataset: Dataset, number: int) -> Iterator[TrialSpec]:
    """Yield the trials of a block; only their seeds differ, for a scheduler repeats no spec."""
    recipe = replace(case.recipe, train_fraction=IMAGES.get(case.name, 1.0), stop_at_accuracy=None)
    for process in range(PROCESSES):
        seed = PROCESSES * number + process
        spec = specify(replace(case, recipe=recipe), seed, Options(), dataset)
        yield replace(spec, evaluate_each_epoch=False)


def _append(records: Sequence[Record], path: Path) -> None:
    failed = [record for record in records if not record.completed]
    if failed:
        raise UserError(f"A timed trial gave no result: {failed[0].reason}. Run the command again.")
    block = Block(
        started=records[0].started,
        seconds=tuple(tuple(e.seconds for e in record.epochs[1:]) for record in records),
    )
    before = read_document(path, Times)
    alike = before is not None and before.origin.machine == records[0].machine
    case = records[0].spec.case
    write_document(
        path,
        Times(
            origin=origin_of(records[0]),
            case=case.name,
            train_fraction=case.recipe.train_fraction,
            blocks=(*(before.blocks if before and alike else ()), block),
        ),
    )


DENSE, CONVOLUTIONAL = "fashion_mnist-dense_128", "fashion_mnist-cnn_32"
LEVELS = 6
MINUTES = 6.0


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("noise", help=COMMANDS["noise"])
    parser.add_argument(
        "case", nargs="*", help=f"cases by name; {DENSE} and {CONVOLUTIONAL}, if none is given"
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
    add_options(parser, *DATA, "--results")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train or time what is missing, keep it under ``noise/``, and print the tables."""
    cases = [arguments.project.case(name) for name in arguments.case or (DENSE, CONVOLUTIONAL)]
    if arguments.levels < 2:
        raise UserError("--levels 1: scatter between seeds needs two of each kind at least.")
    found = datasets((case.task for case in cases), arguments)
    if arguments.times:
        progress = Progress(PlainWriter(sys.stderr), live=False)
        scheduler = _scheduler(
            arguments.results / NOISE / "trials" / "timed", progress, run=uuid4().hex
        )
        try:
            time_blocks(
                cases,
                found,
                scheduler=scheduler,
                wait=progress.wait,
                minutes=arguments.minutes,
                results=arguments.results,
            )
        finally:
            scheduler.close()
    else:
        for case in cases:
            _cross(case, found[case.task], arguments)
    print(noise_block(arguments.results))
    return 0


def _cross(case: Case, dataset: Dataset, arguments: argparse.Namespace) -> None:
    """Train every pair of seeds, and those on the diagonal twice; go on where it was left."""
    base = specify(case, 0, Options(epochs=arguments.epochs), dataset)
    wanted = list(_wanted(base, arguments.levels))
    path = arguments.results / NOISE / f"{case.name}.json"
    before = read_document(path, Crossed)
    known = {(s.key, s.repeat): s for s in before.samples} if before else {}
    progress = Progress(PlainWriter(sys.stderr), live=False)
    schedulers = [
        _scheduler(arguments.results / NOISE / "trials" / str(r), progress) for r in range(2)
    ]
    keys = [(job_of(spec).key, repeat) for spec, repeat in wanted]
    progress.total = sum(key not in known for key in keys)
    origin = before.origin if before and all(key in known for key in keys) else None
    try:
        found: list[Sample] = []
        for (spec, repeat), key in zip(wanted, keys, strict=True):
            if key not in known:
                record = progress.wait(schedulers[repeat].request(spec, timed=False))
                known[key], origin = _sample(record, repeat), origin_of(record)
            found.append(known[key])
    finally:
        for scheduler in schedulers:
            scheduler.close()
    assert origin is not None  # either nothing was missing, or something was trained
    write_document(
        path,
        Crossed(
            origin=origin,
            case=case.name,
            epochs=base.epochs,
            whole=case.recipe.epochs,
            levels=arguments.levels,
            samples=tuple(found),
        ),
    )


def _wanted(base: TrialSpec, levels: int) -> Iterator[tuple[TrialSpec, int]]:
    """Yield each spec, and whether it is a repeat; repeats come after what they repeat."""
    base = replace(base, alone=False, evaluate_each_epoch=False)
    pairs = list(product(range(levels), repeat=2))
    for repeat, initial, order in [(0, *pair) for pair in pairs] + [
        (1, level, level) for level in range(levels)
    ]:
        yield replace(base, seed=initial, order_seed=order), repeat


def _sample(record: Record, repeat: int) -> Sample:
    try:
        return sample(record, repeat=repeat)
    except ValueError as error:
        raise UserError(f"A trial gave no result: {error}. Run the command again.") from error


def _scheduler(folder: Path, progress: Progress, *, run: str | None = None) -> Scheduler:
    store = Store(folder, run)
    store.check_writable()
    executor = ThreadPoolExecutor(1)
    return Scheduler(store=store, executor=executor, listen=progress.listen)
