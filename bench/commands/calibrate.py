"""``python -m bench calibrate``: reference records, and the bounds that they suggest."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from bench.cases import CASES, case_named
from bench.harness import data
from bench.harness.arguments import positive
from bench.harness.durations import now
from bench.harness.lab.lab import Lab, assign
from bench.harness.lab.options import Options
from bench.harness.lab.plan import specify
from bench.harness.record import Record
from bench.harness.report.progress import PlainWriter, Progress
from bench.harness.report.suggestion import suggest
from bench.harness.spec import Case, TrialSpec
from bench.harness.store.records import Store

SEEDS = 20

RESULTS = ("completed", "diverged")
"""What a reference holds: what came of training, be it good or bad, and no accident."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("calibrate", help="train references, and suggest bounds")
    parser.add_argument("case", nargs="*", help="cases by name; all, if none is given")
    parser.add_argument("--seeds", type=positive, default=SEEDS, help=f"seeds a case ({SEEDS})")
    parser.add_argument("--data-dir", type=Path, help="a folder with the data sets' IDX files")
    parser.add_argument("--offline", action="store_true", help="never touch the network")
    parser.add_argument(
        "--shared", action="store_true", help="others use this machine meanwhile: keep no times"
    )
    parser.add_argument("--fresh", action="store_true", help="train anew, whatever is stored")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train what is missing, seed by seed; write the references; print the bounds they suggest."""
    cases = [case_named(name) for name in arguments.case or CASES]
    reference = Store(arguments.results / "reference")
    progress = Progress(PlainWriter(sys.stderr), live=False)
    lab = Lab(
        store=Store(arguments.results / "trials"),
        executor=ThreadPoolExecutor(1),
        since=now() if arguments.fresh else None,
        listen=progress.listen,
    )
    for store in (reference, lab.store):
        store.check_writable()
    specs = _specs(cases, arguments)
    known = [None if arguments.fresh else _known(spec, reference) for spec in specs]
    missing = [spec for spec, record in zip(specs, known, strict=True) if record is None]
    progress.total = sum(lab.stored(spec, timed=False) is None for spec in missing)
    records = [record for record in known if record]
    try:
        for spec in missing:
            record = progress.wait(lab.request(spec, timed=False))
            if record.outcome in RESULTS:
                reference.replace(published(record, alone=not arguments.shared))
            records.append(record)
    finally:
        lab.close()
    records.sort(key=lambda record: record.spec.seed)
    print("\n".join(suggest(case, _of(records, case)) for case in cases))
    return 0


def _known(spec: TrialSpec, reference: Store) -> Record | None:
    """Return the reference that is there, if it was made by the very code that would run."""
    return reference.find(spec.case.name, assign(spec).key)


def _specs(cases: Sequence[Case], arguments: argparse.Namespace) -> list[TrialSpec]:
    """Seed by seed through all cases, so that an early end leaves each with some."""
    found = {
        task: data.find(task, data_dir=arguments.data_dir, offline=arguments.offline)
        for task in {case.task for case in cases}
    }
    return [
        replace(specify(case, seed, Options(), found[case.task]), alone=not arguments.shared)
        for seed in range(arguments.seeds)
        for case in cases
    ]


def published(record: Record, *, alone: bool) -> Record:
    """Return the record without what only concerns this machine, and with times only if alone."""
    dataset = replace(record.spec.dataset, folder="")
    spec = replace(record.spec, dataset=dataset, alone=alone and record.spec.alone)
    return replace(record, spec=spec)


def _of(records: Sequence[Record], case: Case) -> list[Record]:
    return [record for record in records if record.spec.case.name == case.name]
