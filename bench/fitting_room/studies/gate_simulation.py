"""The committed bounds over simulated runs: how often they err, and what a verdict costs."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import msgspec
import numpy as np

from fitting_room.errors import UserError
from fitting_room.format import MISSING, count, counted, in_words, number, plus, two_digits
from fitting_room.judge.censored import best_by
from fitting_room.judge.quality import Curve, floor_by
from fitting_room.judge.sequential import BETA, RUN_ALPHA, planning_sd, share
from fitting_room.judge.simulation import (
    Rate,
    Scenario,
    Setup,
    Tally,
    scenarios,
    seeds_of_equal_power,
    simulate_case,
    simulate_fixed,
)
from fitting_room.judge.verdict import EPOCHS, Bound
from fitting_room.lab.plan import MOST_SEEDS
from fitting_room.machine import exclusive
from fitting_room.metrics import CURVES, METRICS, curve, of_epoch
from fitting_room.record import Record
from fitting_room.report.table import Table
from fitting_room.spec import TASKS, Case
from fitting_room.store.bounds import Bounds
from fitting_room.studies import SCHEMA

SIMULATION = Path("gate", "simulation.json")
COST = Path("gate", "cost.json")

SEED = 20_251_123
"""Of the simulated runs: the same bounds and references give the same figures."""

ONE_TO = 10
"""One assertion alone is walked over so many times the runs of a case: its errors are rarer."""

TEN = 10
"""Seeds of the fixed gate that people know."""

TOO_MANY = "✗"
SHAPES = {"skewed": "skewed towards bad", "heavy": "with heavy tails"}


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """How simulated runs ended."""

    schema: int = SCHEMA
    bounds: str
    """Digest of the bounds that they were judged by; see ``digest_of``."""
    alpha: float
    """Error of one assertion."""
    most: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    """Seeds at which a verdict is given up."""
    assertions: Mapping[str, int]
    """Case → how many of its bounds were simulated: those with a reference."""
    one: tuple[Tally, ...]
    """Of one assertion, three planned scatters from its bound."""
    cases: Mapping[str, tuple[Tally, ...]]
    """Case → under each scenario, all its bounds together; at the bounds, the bluntest of them."""


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


def digest_of(bounds: Bounds) -> str:
    """Return what changes when any bound does, and not when a reason is reworded."""

    def told(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: told(each) for key, each in value.items() if key != "reason"}
        return [told(each) for each in value] if isinstance(value, list) else value

    plain = told(msgspec.to_builtins([bounds.tables, bounds.curves]))
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()


def gauges(case: Case, bounds: Bounds) -> list[Curve]:
    """Return what gates a case and scatters: bounds that have a reference, and learning curves."""
    found = []
    for metric, bound in bounds.tables.get(case.name, {}).items():
        if metric == EPOCHS and bound.has_reference:
            # It is judged by the best value of the metric that has the target; see `judge_best`.
            aim, target = next(iter(TASKS[case.task].targets.items()))
            found.append(Curve(metric=metric, epochs=(floor_by(bound, aim, target),)))
        elif bound.has_reference:
            found.append(Curve(metric=metric, epochs=(bound,)))
    curves = bounds.curves.get(case.name, {}).values()
    return [*found, *curves]


def reference_values(case: Case, bounds: Bounds, records: Sequence[Record]) -> np.ndarray:
    """Return what each reference seed gave to each bound of ``gauges``, in their order.

    Returns:
        Shape (seeds, bounds), float64; NaN where a seed stopped before.
    """
    rows = [
        [value for gauge in gauges(case, bounds) for value in _values(gauge, case, bounds, record)]
        for record in records
    ]
    return np.array(rows, dtype=float)


def _values(gauge: Curve, case: Case, bounds: Bounds, record: Record) -> list[float | None]:
    if gauge.metric in CURVES:
        values = curve(record, gauge.metric)
        return [values[at] if at < len(values) else None for at in range(len(gauge.epochs))]
    if gauge.metric == EPOCHS:
        aim = next(iter(TASKS[case.task].targets))
        by = int(bounds.for_case(case.name, EPOCHS).limits[0])
        return [best_by([of_epoch(epoch, aim) for epoch in record.epochs], by)]
    return [METRICS[gauge.metric](record)]


def completed(name: str, records: Sequence[Record]) -> list[Record]:
    """Return the reference seeds of a case that can be judged."""
    return [record for record in records if record.spec.case.name == name and record.completed]


def setups(
    cases: Mapping[str, Case], bounds: Bounds, records: Sequence[Record]
) -> dict[str, Setup]:
    """Return what each case with bounds and references is judged by.

    Raises:
        UserError: There is no such case.
    """
    found = {
        name: Setup(
            gauges=gauges(case, bounds),
            reference=reference_values(case, bounds, of),
            alpha=share(bounds.assertions),
            most=MOST_SEEDS,
        )
        for name, case in cases.items()
        if (of := completed(name, records)) and gauges(case, bounds)
    }
    if not found:
        raise UserError(
            "No case has both bounds with a reference and reference records to simulate runs from. "
            "Run: fitting-room calibrate"
        )
    return found


def simulate(known: Mapping[str, Setup], bounds: Bounds, *, runs: int) -> Simulation:
    """Simulate runs of each case under each scenario; progress goes to standard error."""
    alpha = share(bounds.assertions)
    one = _tallies(_one_assertion(alpha), scenarios(planned=True), runs=ONE_TO * runs, stream=0)
    cases: dict[str, tuple[Tally, ...]] = {}
    began = time.monotonic()
    for done, (name, setup) in enumerate(known.items(), start=1):
        cases[name] = _tallies(setup, scenarios(planned=False), runs=runs, stream=done)
        left = (time.monotonic() - began) / done * (len(known) - done)
        print(f"[{done}/{len(known)}] {name}, {in_words(left)} left", file=sys.stderr)
    return Simulation(
        bounds=digest_of(bounds),
        alpha=alpha,
        most=MOST_SEEDS,
        assertions={name: len(setup.gauges) for name, setup in known.items()},
        one=one,
        cases=cases,
    )


def _tallies(
    setup: Setup, wanted: Sequence[Scenario], *, runs: int, stream: int
) -> tuple[Tally, ...]:
    """Return the tally of each scenario; each stream of random numbers has runs of its own."""
    generator = np.random.default_rng([SEED, stream])
    found = []
    for scenario in wanted:
        *each, whole = simulate_case(setup, scenario, runs=runs, generator=generator)
        bluntest = max(each, key=lambda tally: tally.passed)
        found.append(bluntest if scenario.at_bound else whole)
    return tuple(found)


def _one_assertion(alpha: float) -> Setup:
    """Return a bound three planned scatters away, in units of the planned scatter."""
    bound = Bound(
        metric="test_accuracy",
        at_least=0.0,
        mean=3.0,
        sd=1 / planning_sd(1.0, 20),
        reference_seeds=20,
        reason="the distance that statistics plan with",
    )
    gauge = Curve(metric=bound.metric, epochs=(bound,))
    return Setup(gauges=[gauge], reference=np.array([[-1.0], [1.0]]), alpha=alpha, most=MOST_SEEDS)


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


def rates(found: Simulation) -> str:
    """Return both tables: one assertion by itself, and every case with its own bounds."""
    of_one = (
        "One assertion, three planned scatters from its bound, over "
        f"{count(found.one[0].runs)} runs each. Its share of the error of a run allows that "
        f"{two_digits(found.alpha)} % of unchanged code fails; {two_digits(BETA)} % of code at the "
        "bound may pass."
    )
    of_cases = (
        "With the committed bounds of each case, per cent of unchanged code that fails if its "
        "seeds scatter …"
    )
    return "\n\n".join([of_one, _one(found.one), of_cases, _cases(found)])


def _one(tallies: Sequence[Tally]) -> str:
    by_scenario = {tally.scenario: tally for tally in tallies}
    rows = [
        (
            scatter(scenario),
            str(scenario.least),
            shown(tally.fails),
            shown(by_scenario[replace(scenario, at_bound=True)].passes),
            f"{tally.seeds:.2f}",
        )
        for scenario, tally in by_scenario.items()
        if not scenario.at_bound
    ]
    head = ("seeds scatter", "from seed", "unchanged fails %", "at the bound passes %", "seeds")
    return Table(head, rows).markdown()


def _cases(found: Simulation) -> str:
    tallies = {case: {t.scenario: t for t in of} for case, of in found.cases.items()}
    unchanged = [each for each in next(iter(tallies.values())) if not each.at_bound]
    columns = [scenario for scenario in unchanged if scenario.least == 1]
    rows = []
    for case, of in tallies.items():
        for least in sorted({scenario.least for scenario in unchanged}):
            mine = [replace(scenario, least=least) for scenario in columns]
            at_bound = of[replace(mine[0], at_bound=True)]
            fails = [shown(of[scenario].fails) for scenario in mine]
            last = (shown(at_bound.passes), f"{of[mine[0]].seeds:.2f}")
            rows.append((case, str(found.assertions[case]), str(least), *fails, *last))
    whole = [whole_run(found, scenario) for scenario in columns]
    marks = [f" {TOO_MANY}" if rate.interval[0] > RUN_ALPHA else "" for rate in whole]
    cells = [shown(rate) + mark for rate, mark in zip(whole, marks, strict=True)]
    rows.append(("a whole run", str(sum(found.assertions.values())), "1", *cells, "", ""))
    scatters = [f"… {scatter(scenario)}" for scenario in columns]
    head = ("case", "bounds", "from seed", *scatters, "at its bound passes %", "seeds")
    runs = next(iter(found.cases.values()))[0].runs
    return Table(head, rows, _notes(runs, marked=any(marks))).markdown()


def _notes(runs: int, *, marked: bool) -> list[str]:
    return [
        f"Over {count(runs)} runs a case and column, with 95 % Monte-Carlo intervals. Of whole "
        f"runs over unchanged code {two_digits(RUN_ALPHA)} % may fail.",
        *([f"{TOO_MANY}: more than that, beyond Monte-Carlo error."] if marked else []),
        "The upper table counts in planned scatters: the 90 % upper limits of what the reference "
        "seeds showed. The lower one counts in what they showed; the metrics of a case go together "
        "as they did in those seeds, and all must pass.",
        "At its bound: the metric that lets most through, seeds scattering as the reference's. "
        "Seeds: of unchanged code. Exact counts are left out: they err neither way.",
        "The runs are walked by array operations; of every scenario some are judged again by the "
        "gate's own function, and must end alike.",
    ]


def whole_run(found: Simulation, scenario: Scenario) -> Rate:
    """Return the red cases a run: no less than the share of runs with one."""
    tallies = [t for of in found.cases.values() for t in of if t.scenario == scenario]
    return Rate(hits=sum(tally.failed for tally in tallies), runs=tallies[0].runs)


def scatter(scenario: Scenario) -> str:
    """Return in words how seeds scatter."""
    size = "as planned" if scenario.planned else "as the reference"
    if scenario.sd != 1:
        size = f"{plus(100 * (scenario.sd - 1), 0)} %"
    return size if scenario.shape == "normal" else f"{SHAPES[scenario.shape]}, {size}"


def shown(rate: Rate) -> str:
    """Return ``0.011 (0.004–0.024)`` per cent, or ``0 (< 0.018)`` where no run is among them."""
    low, high = rate.interval
    if not rate.hits:
        return f"0 (< {two_digits(high)})"
    if rate.hits == rate.runs:
        return f"100 (> {100 * low:.4g})"
    return f"{two_digits(rate.estimate)} ({two_digits(low)}–{two_digits(high)})"


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
