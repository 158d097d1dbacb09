"""The committed bounds over simulated runs: how often they err, and how many seeds they take."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np

from fitting_room.disturbed import exclusive
from fitting_room.errors import UserError
from fitting_room.format import in_words
from fitting_room.judge.rates import (
    Gauge,
    Scenario,
    Setup,
    Tally,
    scenarios,
    seeds_of_equal_power,
    simulate_case,
    simulate_fixed,
)
from fitting_room.judge.sequential import planning_sd, share
from fitting_room.judge.verdict import Bound
from fitting_room.lab.plan import MOST_SEEDS
from fitting_room.record import Record
from fitting_room.spec import Case
from fitting_room.store.bounds import Bounds
from fitting_room.studies.documents import Cost, Simulation, digest_of
from fitting_room.studies.gate import gauges, reference_values
from fitting_room.studies.gate_tables import TEN

SEED = 20_251_123
"""Of the simulated runs: the same bounds and references give the same figures."""

ONE_TO = 10
"""One assertion alone is walked over so many times the runs of a case: its errors are rarer."""


def setups(
    cases: Mapping[str, Case], bounds: Bounds, records: Sequence[Record]
) -> dict[str, Setup]:
    """Return what each case with bounds and references is judged by.

    Raises:
        UserError: There is no such case.
    """
    found = {
        name: _setup(case, bounds, of)
        for name, case in cases.items()
        if (of := completed(name, records)) and gauges(case, bounds)
    }
    if not found:
        raise UserError(
            "No case has both bounds with a reference and reference records to make up runs from. "
            "Run: python -m bench calibrate"
        )
    return found


def completed(name: str, records: Sequence[Record]) -> list[Record]:
    """Return the reference seeds of a case that can be judged."""
    return [record for record in records if record.spec.case.name == name and record.completed]


def _setup(case: Case, bounds: Bounds, records: Sequence[Record]) -> Setup:
    return Setup(
        gauges=gauges(case, bounds),
        reference=reference_values(case, bounds, records),
        alpha=share(bounds.assertions),
        most=MOST_SEEDS,
    )


def simulate(known: Mapping[str, Setup], bounds: Bounds, *, runs: int) -> Simulation:
    """Make up ``runs`` runs of each case under each scenario; progress goes to standard error."""
    alpha = share(bounds.assertions)
    one = _tallies(_one_assertion(alpha), scenarios(planned=True), runs=ONE_TO * runs)
    wanted = scenarios(planned=False)
    cases: dict[str, tuple[Tally, ...]] = {}
    began = time.monotonic()
    for number, (name, setup) in enumerate(known.items(), start=1):
        print(f"[{number}/{len(known)}] {name}: {len(wanted)} scenarios", file=sys.stderr, end="")
        cases[name] = _tallies(setup, wanted, runs=runs, number=number)
        each = (time.monotonic() - began) / number
        print(f", {in_words(each * (len(known) - number))} left", file=sys.stderr)
    return Simulation(
        bounds=digest_of(bounds),
        alpha=alpha,
        most=MOST_SEEDS,
        assertions={name: len(setup.gauges) for name, setup in known.items()},
        one=one,
        cases=cases,
    )


def _tallies(
    setup: Setup, wanted: Sequence[Scenario], *, runs: int, number: int = 0
) -> tuple[Tally, ...]:
    """Return the tally of each scenario; setups of another number have runs of their own."""
    generator = np.random.default_rng([SEED, number])
    return tuple(_tally(setup, each, runs=runs, generator=generator) for each in wanted)


def _tally(setup: Setup, scenario: Scenario, *, runs: int, generator: np.random.Generator) -> Tally:
    *each, whole = simulate_case(setup, scenario, runs=runs, generator=generator)
    return max(each, key=lambda tally: tally.passed) if scenario.at_bound else whole


def _one_assertion(alpha: float) -> Setup:
    """Three planned scatters from its bound, in units of the planned scatter."""
    bound = Bound(
        metric="test_accuracy",
        at_least=0.0,
        mean=3.0,
        sd=1 / planning_sd(1.0, 20),
        reference_seeds=20,
        reason="the distance that statistics plan with",
    )
    gauge = Gauge(metric=bound.metric, bounds=(bound,))
    return Setup(gauges=[gauge], reference=np.array([[-1.0], [1.0]]), alpha=alpha, most=MOST_SEEDS)


def costs(known: Mapping[str, Setup], records: Sequence[Record], *, runs: int) -> dict[str, Cost]:
    """Return what a verdict on unchanged code costs, seeds scattering as the reference's do."""
    return {name: _cost(setup, completed(name, records), runs) for name, setup in known.items()}


def _cost(setup: Setup, records: Sequence[Record], runs: int) -> Cost:
    seconds = [record.seconds["total"] for record in records if exclusive(record)]
    scenario = Scenario(planned=False)
    sides = [
        side
        for gauge in setup.gauges
        for each in gauge.sides(alpha=setup.alpha, least=scenario.least, most=setup.most)
        for side in each
    ]
    *_, whole = simulate_case(setup, scenario, runs=runs, generator=np.random.default_rng(SEED))
    generator = np.random.default_rng(SEED)
    return Cost(
        seconds=median(seconds) if seconds else None,
        timed=len(seconds),
        sequential=whole,
        ten=simulate_fixed(setup, scenario, TEN, runs=runs, generator=generator),
        equal=seeds_of_equal_power(sides),
    )
