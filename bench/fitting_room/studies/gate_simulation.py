"""The committed bounds over simulated runs: how often they err, and what a verdict costs."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from fitting_room.errors import UserError
from fitting_room.format import count, in_words, plus, two_digits
from fitting_room.judge.interval import best_by
from fitting_room.judge.quality import Curve, floor_by
from fitting_room.judge.sequential import BETA, RUN_ALPHA, planning_sd, share
from fitting_room.judge.simulation import Rate, Scenario, Setup, Tally, scenarios, simulate_case
from fitting_room.judge.verdict import EPOCHS, Bound
from fitting_room.lab.plan import MOST_SEEDS, Options
from fitting_room.metrics import CURVES, METRICS, curve
from fitting_room.record import Record
from fitting_room.report.table import Table, bullets
from fitting_room.spec import TASKS, Case
from fitting_room.store.bounds import Bounds
from fitting_room.studies import ABSENT, SCHEMA

SIMULATION = Path("gate", "simulation.json")

SEED = 20_251_123
"""Of the simulated runs: the same bounds and references give the same figures."""

ONE_TO = 10
"""One assertion alone is walked over so many times the runs of a case: its errors are rarer."""

ACCEPT, QUICK = Options(), Options(tier="quick")
QUICK_STREAMS = 1000
"""From here on streams of random numbers are the quick tier's."""

TOO_MANY = "✗"
SHAPES = {"skewed": "skewed towards bad", "heavy": "with heavy tails"}


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """How simulated runs of a tier ended."""

    assertions: Mapping[str, int]
    """Case → how many of its bounds were simulated: those with a reference."""
    cases: Mapping[str, tuple[Tally, ...]]
    """Case → under each scenario, all its bounds together; at the bounds, the bluntest of them."""


@dataclass(frozen=True, kw_only=True)
class Simulation(Simulated):
    """How simulated runs ended; of the accept tier, where no other is named."""

    schema: int = SCHEMA
    bounds: str
    """Digest of the bounds that they were judged by; see ``digest_of``."""
    alpha: float
    """Error of one assertion."""
    most: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    """Seeds at which a verdict is given up."""
    one: tuple[Tally, ...]
    """Of one assertion, three planned scatters from its bound."""
    quick: Simulated | None = None
    """The same of the quick tier; None in a document from before it."""


def digest_of(bounds: Bounds) -> str:
    """Return what changes when any bound does, and not when a reason is reworded."""

    def told(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: told(each) for key, each in value.items() if key != "reason"}
        return [told(each) for each in value] if isinstance(value, list) else value

    plain = told(msgspec.to_builtins([bounds.tables, bounds.curves]))
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()


def gauges(case: Case, bounds: Bounds, options: Options = ACCEPT) -> list[Curve]:
    """Return what gates a case in a tier and scatters: bounds with a reference, and curves."""
    found = []
    for metric, bound in bounds.tables.get(case.name, {}).items():
        if not bound.has_reference:
            continue
        if metric == EPOCHS:
            # It is judged by the best value of the metric that has the target; see `judge_best`.
            bound = floor_by(bound, *next(iter(TASKS[case.task].targets.items())))
        found.append(Curve(metric=metric, epochs=(bound,)))
    curves = bounds.curves.get(case.name, {}).values()
    return [gauge for gauge in (*found, *curves) if options.judges(gauge.metric)]


def reference_values(
    case: Case, bounds: Bounds, records: Sequence[Record], options: Options = ACCEPT
) -> np.ndarray:
    """Return what each reference seed gave to each bound of ``gauges``, in their order.

    Returns:
        Shape (seeds, bounds), float64; NaN where a seed stopped before.
    """
    known = gauges(case, bounds, options)
    rows = [[v for each in known for v in _values(each, case, bounds, r)] for r in records]
    return np.array(rows, dtype=float)


def _values(gauge: Curve, case: Case, bounds: Bounds, record: Record) -> list[float | None]:
    if gauge.metric in CURVES:
        values = curve(record, gauge.metric)
        return [values[at] if at < len(values) else None for at in range(len(gauge.epochs))]
    if gauge.metric == EPOCHS:
        aim = next(iter(TASKS[case.task].targets))
        by = int(bounds.for_case(case.name, EPOCHS).limits[0])
        return [best_by(curve(record, aim), by)]
    return [METRICS[gauge.metric](record)]


def completed(name: str, records: Sequence[Record]) -> list[Record]:
    """Return the reference seeds of a case that can be judged."""
    return [record for record in records if record.spec.case.name == name and record.completed]


def setups(
    cases: Mapping[str, Case], bounds: Bounds, records: Sequence[Record], options: Options = ACCEPT
) -> dict[str, Setup]:
    """Return what each case with bounds and references is judged by in a tier.

    Raises:
        UserError: There is no such case.
    """
    found = {
        name: Setup(
            gauges=known,
            reference=reference_values(case, bounds, of, options),
            alpha=share(bounds.assertions),
            most=MOST_SEEDS,
            stop_after=options.stop_after,
        )
        for name, case in cases.items()
        if (of := completed(name, records)) and (known := gauges(case, bounds, options))
    }
    if not found:
        raise UserError(
            "No case has both bounds with a reference and reference records to simulate runs from. "
            "Run: fitting-room calibrate"
        )
    return found


def simulate(
    known: Mapping[str, Setup], quick: Mapping[str, Setup], bounds: Bounds, *, runs: int
) -> Simulation:
    """Simulate runs of each case under each scenario, as accept and as quick judge them.

    Progress goes to standard error.
    """
    alpha = share(bounds.assertions)
    one = _tallies(_one_assertion(alpha), scenarios(planned=True), runs=ONE_TO * runs, stream=0)
    accept = _simulated(known, runs=runs, told="accept", streams=0)
    return Simulation(
        bounds=digest_of(bounds),
        alpha=alpha,
        most=MOST_SEEDS,
        assertions=accept.assertions,
        one=one,
        cases=accept.cases,
        quick=_simulated(quick, runs=runs, told="quick", streams=QUICK_STREAMS),
    )


def _simulated(known: Mapping[str, Setup], *, runs: int, told: str, streams: int) -> Simulated:
    cases: dict[str, tuple[Tally, ...]] = {}
    began = time.monotonic()
    for done, (name, setup) in enumerate(known.items(), start=1):
        cases[name] = _tallies(setup, scenarios(planned=False), runs=runs, stream=streams + done)
        left = (time.monotonic() - began) / done * (len(known) - done)
        print(f"{told} [{done}/{len(known)}] {name}, {in_words(left)} left", file=sys.stderr)
    assertions = {name: len(setup.gauges) for name, setup in known.items()}
    return Simulated(assertions=assertions, cases=cases)


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


def rates(found: Simulation) -> str:
    """Return the tables: one assertion by itself, and every case with its own bounds by tier."""
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
    of_quick = (
        f"The same of `--tier quick`, which stops after epoch {QUICK.stop_after} and judges the "
        "training loss until then and its drop."
    )
    quick = _cases(found.quick) if found.quick else ABSENT.format("gate --simulate-only")
    notes = bullets(_notes(found))
    return "\n\n".join([of_one, _one(found.one), of_cases, _cases(found), of_quick, quick, notes])


def _one(tallies: Sequence[Tally]) -> str:
    by_scenario, rows = {tally.scenario: tally for tally in tallies}, []
    for scenario, tally in by_scenario.items():
        if not scenario.at_bound:
            passes = shown(by_scenario[replace(scenario, at_bound=True)].passes)
            what = (scatter(scenario), str(scenario.least))
            rows.append((*what, shown(tally.fails), passes, f"{tally.seeds:.2f}"))
    head = ("seeds scatter", "from seed", "unchanged fails %", "at the bound passes %", "seeds")
    return Table(head, rows).markdown()


def _cases(found: Simulated) -> str:
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
    cells = [shown(rate) + (f" {TOO_MANY}" if _too_many(rate) else "") for rate in whole]
    rows.append(("a whole run", str(sum(found.assertions.values())), "1", *cells, "", ""))
    scatters = [f"… {scatter(scenario)}" for scenario in columns]
    head = ("case", "bounds", "from seed", *scatters, "at its bound passes %", "seeds")
    return Table(head, rows).markdown()


def _too_many(rate: Rate) -> bool:
    return rate.interval[0] > RUN_ALPHA


def _notes(found: Simulation) -> list[str]:
    columns = [s for s in scenarios(planned=False) if not s.at_bound and s.least == 1]
    tiers: list[Simulated] = [found, *filter(None, [found.quick])]
    marked = any(_too_many(whole_run(tier, scenario)) for tier in tiers for scenario in columns)
    runs = next(iter(found.cases.values()))[0].runs
    return [
        f"Over {count(runs)} runs a case and column, with 95 % Monte-Carlo intervals. Of whole "
        f"runs over unchanged code {two_digits(RUN_ALPHA)} % may fail.",
        *([f"{TOO_MANY}: more than that, beyond Monte-Carlo error."] if marked else []),
        "The first table counts in planned scatters: the 90 % upper limits of what the reference "
        "seeds showed. The others count in what they showed; the metrics of a case go together "
        "as they did in those seeds, and all must pass.",
        "At its bound: the metric that lets most through, seeds scattering as the reference's. "
        "Seeds: of unchanged code. Exact counts are left out: they err neither way.",
        "The runs are walked by array operations; of every scenario some are judged again by the "
        "gate's own function, and must end alike.",
    ]


def whole_run(found: Simulated, scenario: Scenario) -> Rate:
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
