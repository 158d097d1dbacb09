"""Seconds per epoch, process after process: the timed half of ``python -m bench noise``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from itertools import count
from pathlib import Path

from bench.harness.durations import in_words
from bench.harness.errors import UserError
from bench.harness.lab.lab import Lab
from bench.harness.lab.options import Options
from bench.harness.lab.plan import specify
from bench.harness.record import Record
from bench.harness.report.gate.files import origin_of, read_document, write_document
from bench.harness.report.gate.noise_files import NOISE, Block, Times
from bench.harness.spec import Case, Dataset, TrialSpec

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
    lab: Lab,
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
            records = [wait(lab.request(spec, timed=True)) for spec in specs]
            _append(records, results / NOISE / f"{case.name}-times.json")
            slowest = max(slowest, time.monotonic() - began)
            left = in_words(max(until - time.monotonic(), 0))
            print(f"block {number + 1} of {case.name}, {left} left", file=sys.stderr)


def _timed(case: Case, dataset: Dataset, number: int) -> Iterator[TrialSpec]:
    """Yield the trials of a block; only their seeds differ, for a lab trains no spec twice."""
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
