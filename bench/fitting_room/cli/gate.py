"""``python -m bench gate``: how often the gate errs, what it notices, and what a verdict costs."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec

from fitting_room.cli.compare import time_case
from fitting_room.cli.session import DATA, dataset, session, shared, tell
from fitting_room.errors import UserError, positive
from fitting_room.format import counted
from fitting_room.judge.timing import ABTiming
from fitting_room.lab.evaluator import Evaluator
from fitting_room.lab.plan import Arguments, Options, argument, flag, specify, whole
from fitting_room.lab.timing import ANEW, Timed
from fitting_room.machine import this_machine
from fitting_room.metrics import METRICS
from fitting_room.project import FILE, Project, Slowdown, Variant
from fitting_room.record import Record, now
from fitting_room.spec import Case, TrialSpec
from fitting_room.store.bounds import Bounds, read_bounds
from fitting_room.store.key import provenance
from fitting_room.store.records import Store
from fitting_room.studies import Origin, origin_of, read_document, write_document
from fitting_room.studies.gate import Finding, Variants, anew, compared, examine
from fitting_room.studies.gate_page import (
    BLOCKS,
    COST,
    QUICK_RUNS,
    SECONDS,
    TEN,
    VARIANTS,
    Costs,
    Measured,
    QuickRuns,
    Seconds,
    Timing,
    cost_of,
    quick_runs,
    seconds,
)
from fitting_room.studies.gate_simulation import (
    QUICK,
    SIMULATION,
    completed,
    digest_of,
    setups,
    simulate,
)

PAIRS = 20
OTHER_SEEDS = 1000
"""The first of the seeds that no reference holds."""


QUICK_TOO = "make N whole runs of the quick tier instead, each with new seeds"

ARGUMENTS: dict[str, Arguments] = {
    "gate": {
        "--runs": whole(20_000, "simulated runs a case and scenario"),
        "--simulate-only": flag("train nothing: keep the variants' verdicts"),
        "--again": whole(10, "runs of the untouched case with other seeds"),
        "--times": flag("test the verdicts on seconds instead"),
        "--quick-runs": argument(QUICK_TOO, type=positive, metavar="N"),
        "case": argument("the cases of --quick-runs; all, if none is given", nargs="*"),
        **shared("--fresh", *DATA, "--results"),
    }
}


def gate(arguments: argparse.Namespace) -> int:
    """Simulate, examine the variants, write the results, and print their tables.

    Returns 1 where the gate let a changed variant pass, or stopped the untouched case.
    """
    project, results = arguments.project, arguments.results
    if arguments.times:
        return time_slowdowns(project, results)
    bounds = read_bounds(project.bounds, cases=project.cases, metrics=METRICS)
    if arguments.quick_runs:
        return run_quick(arguments, bounds)
    records = list(Store(results / "reference").all())
    known = setups(project.cases, bounds, records)
    quick = setups(project.cases, bounds, records, QUICK)
    write_document(results / SIMULATION, simulate(known, quick, bounds, runs=arguments.runs))
    before = read_document(results / COST, Costs)
    measured, wrong = before.measured if before else None, 0
    if not arguments.simulate_only:
        measured, wrong = _examine(arguments, bounds, records)
    costs = {
        name: cost_of(setup, completed(name, records), runs=arguments.runs)
        for name, setup in known.items()
    }
    document = Costs(bounds=digest_of(bounds), cases=costs, measured=measured)
    write_document(results / COST, document)
    print(*(BLOCKS[name](results, bounds) for name in ("gate", "cost")), sep="\n\n")
    return int(wrong > 0)


def run_quick(arguments: argparse.Namespace, bounds: Bounds) -> int:
    """Make whole runs of the quick tier, write and print the results; return 1 if one is red.

    Every run has seeds that no other run and no reference has. Stored trials are not repeated.
    """
    project, results = arguments.project, arguments.results
    cases = [project.case(each) for each in arguments.case] or [*project.cases.values()]
    cases = [case for case in cases if bounds.metrics(case.name)]
    firsts = range(OTHER_SEEDS, OTHER_SEEDS + 10 * arguments.quick_runs, 10)
    runs: list[tuple[Finding, ...]] = []
    with session(arguments) as running:
        options = Options(tier="quick", results=results)
        evaluator = running.evaluator(cases, bounds, options, arguments)
        asked = [(case, first) for first in firsts for case in cases]
        running.expect(_untrained(evaluator, asked))
        for first in firsts:
            of = (examine(anew(evaluator, case, first=first), case, "nothing") for case in cases)
            runs.append(tuple(of))
            origin = origin_of(anew(evaluator, cases[0], first=first).records(cases[0], 1)[0])
            document = QuickRuns(origin=origin, bounds=digest_of(bounds), runs=tuple(runs))
            write_document(results / QUICK_RUNS, document)
            tell(f"{counted(len(runs), 'whole run')}, {document.red} of them red")
    print(quick_runs(document))
    return int(document.red > 0)


def _examine(
    arguments: argparse.Namespace, bounds: Bounds, records: Sequence[Record]
) -> tuple[Measured, int]:
    """Examine every variant and train what ten seeds take; return that, and the wrong verdicts.

    Stored trials are not repeated: the same command resumes a run that was interrupted.
    """
    wanted = _by_case(arguments.project)
    unchanged, cases, results = wanted[0], [each.case for each in wanted], arguments.results
    firsts = range(OTHER_SEEDS, OTHER_SEEDS + 10 * arguments.again, 10)
    with session(arguments) as running:
        evaluator = running.evaluator(cases, bounds, Options(results=results), arguments)
        asked = [(case, 0) for case in cases]
        asked += [(unchanged.case, seed) for seed in (*range(1, TEN), *firsts)]
        running.expect(_untrained(evaluator, asked), records)
        findings = tuple(compared(evaluator, each, records) for each in wanted)
        ten = evaluator.records(unchanged.case, TEN)
        other = tuple(
            compared(anew(evaluator, unchanged.case, first=first), unchanged, records)
            for first in firsts
        )
    document = Variants(
        origin=origin_of(ten[0]), bounds=digest_of(bounds), findings=findings, anew=other
    )
    write_document(results / VARIANTS, document)
    wrong = [
        found
        for found, each in zip(findings, wanted, strict=True)
        if each.red and found.outcome != ("fail" if found.variant else "pass")
    ]
    for each in wrong:
        tell(f"{each.case}, {each.change} changed: {each.words}")
    measured = Measured(
        case=unchanged.case.name,
        sequential_seeds=fmean(each.seeds for each in other),
        sequential_seconds=fmean(each.seconds for each in other),
        ten_seconds=sum(record.seconds["total"] for record in ten),
        runs=len(other),
    )
    return measured, len(wrong)


def _by_case(project: Project) -> list[Variant]:
    """Return each case that has variants, as it is, and after it the variants of it."""
    changed = list(_known(project, "variants").values())
    return [
        each
        for name in dict.fromkeys(variant.case.original for variant in changed)
        for each in (
            Variant(case=project.case(name), words="nothing"),
            *(variant for variant in changed if variant.case.original == name),
        )
    ]


def _untrained(evaluator: Evaluator, asked: Iterable[tuple[Case, int]]) -> list[TrialSpec]:
    """Return the trials of these cases and seeds that no stored record answers."""
    firsts = {name: first.spec for name, (first, *_) in evaluator.planned.items()}
    specs = [replace(firsts[case.name], seed=seed) for case, seed in asked]
    return [spec for spec in specs if not evaluator.scheduler.stored(spec, timed=False)]


def _known(project: Project, what: str) -> Mapping[str, Any]:
    """Return the variants or the slowdowns of a project; raise a UserError if it has none."""
    found: Mapping[str, Any] = getattr(project, what)
    if not found:
        raise UserError(
            f"{project.root / FILE} names no {what}, which the gate is tested with. Add a line "
            f'{what} = "module:name" to [tool.fitting-room]; --simulate-only needs none.'
        )
    return found


def time_slowdowns(project: Project, results: Path) -> int:
    """Time this checkout against itself under every slowdown; return 1 if a verdict is wrong.

    Raises:
        UserError: The project has no slowdowns, there is no data, or a side cannot train.
    """
    slowdowns = _known(project, "slowdowns")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    case = next(iter(slowdowns.values())).case
    spec = specify(case, 0, Options(), dataset(case.task))
    origin = Origin(
        provenance=provenance(spec, root=project.root), machine=this_machine(), started=now()
    )
    timings = {
        name: Timing(done=each.words, red=each.red, pairs=timed(name, each, root=project.root))
        for name, each in slowdowns.items()
    }
    found = Seconds(origin=origin, case=case.name, load=load, timings=timings, anew=ANEW)
    write_document(results / SECONDS, found)
    print(seconds(found))
    return int(not all(each.right for each in timings.values()))


def timed(name: str, slowdown: Slowdown, *, root: Path) -> ABTiming:
    """Time the checkout in the root folder against itself under a slowdown, A B B A.

    Raises:
        UserError: There is no data, or a side cannot train.
    """
    case = msgspec.to_builtins(slowdown.case)
    with slowdown.checkout() as checkout:
        base = Timed(name="base", checkout=root, case=case)
        head = Timed(name="head", checkout=checkout, case=case)
        return time_case(base, head, dataset(slowdown.case.task), PAIRS, told=name)
