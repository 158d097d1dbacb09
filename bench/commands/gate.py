"""``python -m bench gate``: how often the gate errs, what it notices, and what a verdict costs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from uuid import uuid4

from bench.cases import CASES
from bench.commands.datasets import add_data_options, datasets
from bench.commands.gate_seconds import rehearse_all
from bench.commands.gate_simulation import completed, costs, setups, simulate
from bench.commands.gate_variants import examined, side
from bench.harness.arguments import positive
from bench.harness.lab.gate import anew
from bench.harness.lab.lab import Lab
from bench.harness.lab.options import Options
from bench.harness.lab.outline import unstored
from bench.harness.lab.plan import Need, plan
from bench.harness.lab.referee import Referee
from bench.harness.metrics import METRICS
from bench.harness.record import Record
from bench.harness.report.gate.blocks import cost_block, gate_block
from bench.harness.report.gate.cost import TEN
from bench.harness.report.gate.files import (
    COST,
    SIMULATION,
    VARIANTS,
    Costs,
    Measured,
    Variants,
    digest_of,
    origin_of,
    read_document,
    write_document,
)
from bench.harness.report.progress import PlainWriter, Progress
from bench.harness.store.bounds import Bounds, read_bounds
from bench.harness.store.records import Store
from bench.variants import CRIPPLED, UNCHANGED

BOUNDS = Path(__file__).parents[1] / "bounds.toml"

RUNS = 20_000
AGAIN = 10
OTHER_SEEDS = 1000
"""From here on no reference holds any."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("gate", help="measure how often the gate itself errs")
    parser.add_argument(
        "--runs", type=positive, default=RUNS, help=f"made-up runs a case and scenario ({RUNS})"
    )
    parser.add_argument(
        "--simulate-only", action="store_true", help="train nothing: keep the variants there are"
    )
    parser.add_argument(
        "--again", type=positive, default=AGAIN,
        help=f"runs of the untouched case with other seeds ({AGAIN})",
    )  # fmt: skip
    parser.add_argument("--fresh", action="store_true", help="train anew, whatever is stored")
    parser.add_argument(
        "--times", action="store_true", help="put the judge of seconds to the test instead"
    )
    add_data_options(parser)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Simulate, examine the variants, write what came of it, and print its tables.

    Returns 1 where the gate let a crippled variant pass, or stopped the untouched case.
    """
    if arguments.times:
        return rehearse_all(arguments.results)
    bounds = read_bounds(BOUNDS, cases=CASES, metrics=METRICS)
    records = list(Store(arguments.results / "reference").all())
    known = setups(bounds, records)
    write_document(arguments.results / SIMULATION, simulate(known, bounds, runs=arguments.runs))
    before = read_document(arguments.results / COST, Costs)
    measured, wrong = before.measured if before else None, 0
    if not arguments.simulate_only:
        measured, wrong = _examine(arguments, bounds, records)
    found = costs(known, records, runs=arguments.runs)
    document = Costs(bounds=digest_of(bounds), cases=found, measured=measured)
    write_document(arguments.results / COST, document)
    print(gate_block(arguments.results, bounds), cost_block(arguments.results, bounds), sep="\n\n")
    return 1 if wrong else 0


def _examine(
    arguments: argparse.Namespace, bounds: Bounds, records: Sequence[Record]
) -> tuple[Measured, int]:
    """Examine every variant and train what ten seeds take; return that, and the wrong verdicts."""
    options = Options(results=arguments.results)
    referee, progress = _referee(arguments, bounds, options)
    progress.total = len(unstored(referee)) + arguments.again
    base = side("the reference", completed(UNCHANGED.case, records))
    try:
        findings = [examined(referee, each, base) for each in (UNCHANGED, *CRIPPLED.values())]
        ten = referee.records(UNCHANGED.case, TEN)
        other = [
            examined(anew(referee, UNCHANGED.case, first=first), UNCHANGED, base)
            for first in range(OTHER_SEEDS, OTHER_SEEDS + 10 * arguments.again, 10)
        ]
    finally:
        referee.lab.close()
    document = Variants(
        origin=origin_of(ten[0]),
        bounds=digest_of(bounds),
        findings=tuple(findings),
        anew=tuple(other),
    )
    write_document(arguments.results / VARIANTS, document)
    unchanged, *crippled = findings
    wrong = [each for each in crippled if each.outcome != "fail"]
    wrong += [unchanged] if unchanged.outcome != "pass" else []
    for each in wrong:
        print(f"{each.case}, {each.change} changed: {each.words}", file=sys.stderr)
    measured = Measured(
        case=UNCHANGED.case.name,
        sequential_seeds=fmean(each.seeds for each in other),
        sequential_seconds=fmean(each.seconds for each in other),
        ten_seconds=sum(record.seconds["total"] for record in ten),
        runs=len(other),
    )
    return measured, len(wrong)


def _referee(
    arguments: argparse.Namespace, bounds: Bounds, options: Options
) -> tuple[Referee, Progress]:
    cases = [UNCHANGED.case, *(each.case for each in CRIPPLED.values())]
    found = datasets((case.task for case in cases), arguments)
    progress = Progress(PlainWriter(sys.stderr), live=False)
    run = uuid4().hex if arguments.fresh else None
    lab = Lab(
        store=Store(arguments.results / "trials", run),
        executor=ThreadPoolExecutor(1),
        listen=progress.listen,
    )
    lab.store.check_writable()
    planned = plan([Need(case=case) for case in cases], options, found)
    first = planned[UNCHANGED.case.name][0]
    planned[UNCHANGED.case.name] = [
        replace(first, spec=replace(first.spec, seed=seed)) for seed in range(TEN)
    ]
    return (
        Referee(lab=lab, bounds=bounds, options=options, planned=planned, wait=progress.wait),
        progress,
    )
