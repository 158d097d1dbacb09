"""What a verdict on unchanged code costs, beside gates of a fixed number of seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from fitting_room.format import MISSING, counted, number
from fitting_room.judge.simulation import (
    Rate,
    Scenario,
    Setup,
    Tally,
    seeds_of_equal_power,
    simulate_case,
    simulate_fixed,
)
from fitting_room.machine import exclusive
from fitting_room.record import Record
from fitting_room.report.table import Table
from fitting_room.studies import SCHEMA
from fitting_room.studies.gate_simulation import SEED, shown

COST = Path("gate", "cost.json")

TEN = 10
"""Seeds of the fixed gate that people know."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seeds until a verdict on unchanged code, which scatters as the reference seeds do."""

    seconds: float | None
    """Median wall time of a whole trial that ran alone; None where none did."""
    timed: int
    """Trials behind it."""
    sequential: Tally
    ten: Rate
    """Failures of unchanged code where always ten seeds are trained."""
    equal: int
    """Seeds of a fixed gate that errs as seldom both ways as the sequential one."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The two gates over the same trials of one case, on real data."""

    case: str
    sequential_seeds: float
    """Mean over the runs."""
    sequential_seconds: float
    ten_seconds: float
    runs: int = 1
    """Of the sequential gate."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a verdict costs: simulated for every case, measured for one."""

    schema: int = SCHEMA
    bounds: str
    cases: Mapping[str, Cost]
    measured: Measured | None


def cost_of(setup: Setup, records: Sequence[Record], *, runs: int) -> Cost:
    """Return what a verdict on unchanged code costs, seeds scattering as the reference's do."""
    seconds = [record.seconds["total"] for record in records if exclusive(record)]
    scenario = Scenario(planned=False)
    sides = [
        side
        for gauge in setup.gauges
        for each in gauge.plans(alpha=setup.alpha, least=scenario.least, most=setup.most)
        for side in each
    ]
    first, second = (np.random.default_rng(SEED) for _ in range(2))
    *_, whole = simulate_case(setup, scenario, runs=runs, generator=first)
    return Cost(
        seconds=median(seconds) if seconds else None,
        timed=len(seconds),
        sequential=whole,
        ten=simulate_fixed(setup, scenario, TEN, runs=runs, generator=second),
        equal=seeds_of_equal_power(sides),
    )


def cost(found: Costs) -> str:
    """Return the table, the measured comparison below it, and how to read them."""
    rows, totals = [], np.zeros(3)
    for case, each in found.cases.items():
        seeds = np.array([each.sequential.seeds, TEN, each.equal])
        took = (each.seconds or 0) * seeds
        totals += took
        sequential, ten = (MISSING if each.seconds is None else f"{s:.0f}" for s in took[:2])
        ratios = [f"{ratio:.1f}" for ratio in seeds[1:] / seeds[0]]
        cells = (f"{seeds[0]:.2f}", sequential, ten, ratios[0], str(each.equal), ratios[1])
        fails = (shown(each.sequential.fails), shown(each.ten))
        rows.append((case, number(each.seconds, 0), *cells, *fails))
    if totals.any():
        ratios = [f"{ratio:.1f}" for ratio in totals[1:] / totals[0]]
        cells = ("", f"{totals[0]:.0f}", f"{totals[1]:.0f}", ratios[0], "", ratios[1])
        rows.append(("all", "", *cells, "", ""))
    always, equal = f"always {TEN}", "equal errors: seeds"
    head = ("case", "s a trial", "sequential: seeds", "seconds", f"{always}: seconds", "ratio")
    heads = (*head, equal, "ratio", "unchanged fails %", always)
    return Table(heads, rows, _cost_notes(found)).markdown()


def _cost_notes(found: Costs) -> list[str]:
    notes = [
        "Unchanged code whose seeds scatter as the reference's did; all metrics of a case share "
        "its seeds, and the last one to pass ends it.",
        f"Always {TEN}: the mean of {TEN} seeds against a limit set to fail unchanged code, "
        "scattering as planned, as seldom as the sequential test does; at the bound it lets less "
        "through. Equal errors: the fewest seeds whose mean errs as seldom both ways.",
        "Seconds: median wall time of a whole reference trial that ran alone "
        f"({', '.join(f'{name} n={each.timed}' for name, each in found.cases.items())}).",
    ]
    if one := found.measured:
        notes.append(
            f"Measured on real data, {one.case}: {counted(round(one.sequential_seeds, 1), 'seed')} "
            f"in {one.sequential_seconds:.0f} s until the verdict (mean of n={one.runs} runs of "
            f"other seeds), {TEN} seeds in {one.ten_seconds:.0f} s: "
            f"{one.ten_seconds / one.sequential_seconds:.1f} times as much."
        )
    return notes
