"""``python -m bench gate``: how often the gate errs, what it notices, and what a verdict costs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from statistics import fmean
from uuid import uuid4

from fitting_room.analysis.comparison import compare
from fitting_room.analysis.sides import Side, facts_of
from fitting_room.cli import COMMANDS
from fitting_room.cli.gate_seconds import rehearse_all
from fitting_room.cli.gate_simulation import completed, costs, setups, simulate
from fitting_room.cli.session import DATA, add_options, datasets
from fitting_room.durations import positive
from fitting_room.errors import UserError
from fitting_room.lab.evaluator import Evaluator, unstored
from fitting_room.lab.plan import Need, Options, plan
from fitting_room.lab.scheduler import Scheduler
from fitting_room.metrics import METRICS
from fitting_room.project import FILE, Project, Variant
from fitting_room.record import Record
from fitting_room.report.progress import PlainWriter, Progress
from fitting_room.store.bounds import Bounds, read_bounds
from fitting_room.store.records import Store
from fitting_room.studies.documents import (
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
from fitting_room.studies.gate import Finding, anew, examine
from fitting_room.studies.gate_blocks import cost_block, gate_block
from fitting_room.studies.gate_tables import TEN


def examined(evaluator: Evaluator, variant: Variant, base: Side) -> Finding:
    """Hold a variant to the bounds of its original, and compare the same trials with ``base``.

    Raises:
        UserError: A trial gave no result, or the original has no bounds.
    """
    found = examine(evaluator, variant.case, variant.words)
    return replace(found, compared=_compared(base, evaluator.records(variant.case, found.seeds)))


def untouched(project: Project) -> Variant:
    """Return the case that the variants were made from, as it is.

    Raises:
        UserError: The project has no variants.
    """
    for each in project.variants.values():
        return Variant(case=project.case(each.case.original), words="nothing")
    raise UserError(
        f"{project.root / FILE} names no variants, by which the gate is put to the test. Add a "
        'line variants = "module:name" to [tool.fitting-room], or --simulate-only.'
    )


def side(told: str, records: Sequence[Record]) -> Side:
    """Return records as a side that tells no seconds: this is about what is learned."""
    facts = {name: replace(each, pace=None) for name, each in facts_of(records).items()}
    return Side(told=told, facts=facts)


def _compared(base: Side, records: Sequence[Record]) -> str:
    found = compare(base, side("the variant", records))
    judged = len(found.changes) - len(found.of("not comparable"))
    if found.red(undecided=False):
        return f"red by {len(found.failed)} of {judged}"
    unsure = found.of("undecided")
    return f"open by {len(unsure)} of {judged}" if unsure else "green"


RUNS = 20_000
AGAIN = 10
OTHER_SEEDS = 1000
"""From here on no reference holds any."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("gate", help=COMMANDS["gate"])
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
    add_options(parser, *DATA, "--results")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Simulate, examine the variants, write what came of it, and print its tables.

    Returns 1 where the gate let a crippled variant pass, or stopped the untouched case.
    """
    if arguments.times:
        return rehearse_all(arguments.project, arguments.results)
    project: Project = arguments.project
    bounds = read_bounds(project.bounds, cases=project.cases, metrics=METRICS)
    records = list(Store(arguments.results / "reference").all())
    known = setups(project.cases, bounds, records)
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
    crippled = list(arguments.project.variants.values())
    unchanged = untouched(arguments.project)
    evaluator, progress = _referee(arguments, bounds, options, [unchanged, *crippled])
    progress.total = len(unstored(evaluator)) + arguments.again
    base = side("the reference", completed(unchanged.case.name, records))
    try:
        findings = [examined(evaluator, each, base) for each in (unchanged, *crippled)]
        ten = evaluator.records(unchanged.case, TEN)
        other = [
            examined(anew(evaluator, unchanged.case, first=first), unchanged, base)
            for first in range(OTHER_SEEDS, OTHER_SEEDS + 10 * arguments.again, 10)
        ]
    finally:
        evaluator.scheduler.close()
    document = Variants(
        origin=origin_of(ten[0]),
        bounds=digest_of(bounds),
        findings=tuple(findings),
        anew=tuple(other),
    )
    write_document(arguments.results / VARIANTS, document)
    wanted = ["pass", *["fail"] * len(crippled)]
    pairs = zip(findings, wanted, strict=True)
    wrong = [each for each, outcome in pairs if each.outcome != outcome]
    for each in wrong:
        print(f"{each.case}, {each.change} changed: {each.words}", file=sys.stderr)
    measured = Measured(
        case=unchanged.case.name,
        sequential_seeds=fmean(each.seeds for each in other),
        sequential_seconds=fmean(each.seconds for each in other),
        ten_seconds=sum(record.seconds["total"] for record in ten),
        runs=len(other),
    )
    return measured, len(wrong)


def _referee(
    arguments: argparse.Namespace, bounds: Bounds, options: Options, variants: Sequence[Variant]
) -> tuple[Evaluator, Progress]:
    cases = [each.case for each in variants]
    found = datasets((case.task for case in cases), arguments)
    progress = Progress(PlainWriter(sys.stderr), live=False)
    run = uuid4().hex if arguments.fresh else None
    scheduler = Scheduler(
        store=Store(arguments.results / "trials", run),
        executor=ThreadPoolExecutor(1),
        listen=progress.listen,
    )
    scheduler.store.check_writable()
    planned = plan([Need(case=case) for case in cases], options, found)
    first = planned[cases[0].name][0]
    planned[cases[0].name] = [
        replace(first, spec=replace(first.spec, seed=seed)) for seed in range(TEN)
    ]
    return (
        Evaluator(
            scheduler=scheduler, bounds=bounds, options=options, planned=planned, wait=progress.wait
        ),
        progress,
    )
