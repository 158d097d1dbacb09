"""``python -m bench noise``: where the scatter of accuracy, and of time, comes from."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path
from uuid import uuid4

from bench.cases import case_named
from bench.commands.datasets import add_data_options, datasets
from bench.commands.noise_times import time_blocks
from bench.harness.arguments import positive, seconds
from bench.harness.errors import UserError
from bench.harness.lab.lab import Lab, assign
from bench.harness.lab.options import Options
from bench.harness.lab.plan import specify
from bench.harness.record import Record
from bench.harness.report.gate.blocks import noise_block
from bench.harness.report.gate.files import origin_of, read_document, write_document
from bench.harness.report.gate.noise_files import NOISE, Crossed, Sample, sample
from bench.harness.report.progress import PlainWriter, Progress
from bench.harness.spec import Case, Dataset, TrialSpec
from bench.harness.store.records import Store

DENSE, CONVOLUTIONAL = "fashion_mnist-dense_128", "fashion_mnist-cnn_32"
LEVELS = 6
MINUTES = 6.0


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("noise", help="tell where scatter comes from")
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
    add_data_options(parser)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train or time what is missing, keep it under ``noise/``, and print the tables."""
    cases = [case_named(name) for name in arguments.case or (DENSE, CONVOLUTIONAL)]
    if arguments.levels < 2:
        raise UserError("--levels 1: scatter between seeds needs two of each kind at least.")
    found = datasets((case.task for case in cases), arguments)
    if arguments.times:
        progress = Progress(PlainWriter(sys.stderr), live=False)
        lab = _lab(arguments.results / NOISE / "trials" / "timed", progress, run=uuid4().hex)
        try:
            time_blocks(
                cases,
                found,
                lab=lab,
                wait=progress.wait,
                minutes=arguments.minutes,
                results=arguments.results,
            )
        finally:
            lab.close()
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
    labs = [_lab(arguments.results / NOISE / "trials" / str(r), progress) for r in range(2)]
    keys = [(assign(spec).key, repeat) for spec, repeat in wanted]
    progress.total = sum(key not in known for key in keys)
    origin = before.origin if before and all(key in known for key in keys) else None
    try:
        found: list[Sample] = []
        for (spec, repeat), key in zip(wanted, keys, strict=True):
            if key not in known:
                record = progress.wait(labs[repeat].request(spec, timed=False))
                known[key], origin = _sample(record, repeat), origin_of(record)
            found.append(known[key])
    finally:
        for lab in labs:
            lab.close()
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


def _lab(folder: Path, progress: Progress, *, run: str | None = None) -> Lab:
    store = Store(folder, run)
    store.check_writable()
    executor = ThreadPoolExecutor(1)
    return Lab(store=store, executor=executor, listen=progress.listen)
