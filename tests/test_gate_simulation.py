"""The committed simulation keeps to its error, and how rates and costs read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from imports import ROOT
from records import PROJECT
from tables import cells

from bench.cases import CASES
from fitting_room.judge.sequential import RUN_ALPHA
from fitting_room.judge.simulation import Rate, Scenario, Tally, scenarios, simulated_values
from fitting_room.metrics import METRICS
from fitting_room.store.bounds import read_bounds
from fitting_room.store.records import Store
from fitting_room.studies import ABSENT, read_document
from fitting_room.studies.gate_page import Cost, Costs, Measured, cost
from fitting_room.studies.gate_simulation import (
    QUICK,
    SIMULATION,
    TOO_MANY,
    Simulated,
    Simulation,
    rates,
    scatter,
    setups,
    shown,
    whole_run,
)

BOUNDS = read_bounds(PROJECT.bounds, cases=CASES, metrics=METRICS)
UNCHANGED = [each for each in scenarios(planned=False) if not each.at_bound]
TWICE = [each for each in UNCHANGED if each.sd != 1 and each.shape != "normal"]
"""Scatter misjudged in size and in form."""


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    """The document that the gate's page is made of."""
    found = read_document(ROOT / "results" / SIMULATION, Simulation)
    assert found is not None
    return found


@pytest.mark.parametrize("scenario", [each for each in UNCHANGED if each not in TWICE], ids=scatter)
def test_unchanged_code_keeps_to_the_error_of_a_run(
    simulation: Simulation, scenario: Scenario
) -> None:
    """The whole Monte-Carlo interval keeps to it, even if one thing about it is misjudged."""
    assert whole_run(simulation, scenario).interval[1] < RUN_ALPHA


def test_scatter_misjudged_twice_is_marked_where_it_fails_too_often(
    simulation: Simulation,
) -> None:
    """In the row of accept's whole run, and in the note below the tables, and nowhere else."""
    too_many = [s for s in TWICE if whole_run(simulation, s).interval[0] > RUN_ALPHA]
    text = rates(simulation)
    row, _ = (line for line in text.splitlines() if line.startswith("| a whole run"))
    assert row.count(TOO_MANY) == sum(scenario.least == 1 for scenario in too_many) == 1
    assert f"\n- {TOO_MANY}: more than that" in text
    assert text.count(TOO_MANY) == 2


def test_a_run_that_keeps_to_its_error_has_no_mark(simulation: Simulation) -> None:
    """A run without a failed case has nothing to point at."""
    cases = {
        name: tuple(replace(tally, failed=0) for tally in tallies)
        for name, tallies in simulation.cases.items()
    }
    assert TOO_MANY not in rates(replace(simulation, cases=cases))


def test_quick_runs_are_judged_by_the_bands_of_the_whole_curve() -> None:
    """Its first two epochs, each with its share of the error of all five."""
    case = CASES["fashion_mnist-dense_128"]
    records = list(Store(ROOT / "results" / "reference").all())
    known = setups({case.name: case}, BOUNDS, records, QUICK)[case.name]
    drawn = simulated_values(known, UNCHANGED[0], 6, runs=3, generator=np.random.default_rng(0))
    judged = {gauge.metric: (gauge, [sides for _, sides in of]) for gauge, of in drawn}
    gauge, sides = judged["training_loss_by_epoch"]
    assert (len(gauge.epochs), len(judged)) == (5, 2)
    assert sides == gauge.plans(alpha=known.alpha, least=1, most=known.most)[:2]


def test_rates_of_the_quick_tier_stand_below_those_of_accept(simulation: Simulation) -> None:
    """In a table of their own; where there are none, it is said how they are made."""
    without = rates(replace(simulation, quick=None))
    assert ABSENT.format("gate --simulate-only") in without
    case, tallies = next(iter(simulation.cases.items()))
    worse = tuple(replace(tally, failed=tally.runs // 10) for tally in tallies)
    text = rates(replace(simulation, quick=Simulated(assertions={case: 2}, cases={case: worse})))
    table = text.split("The same of `--tier quick`")[1]
    assert cells(table, case)[1:4] == ["2", "1", "10 (9.6–10)"]
    assert cells(table, "a whole run")[3] == "10 (9.6–10) ✗"


def test_costs_are_ratios_and_seconds() -> None:
    """Ten seeds are eight times one and a quarter; a case that was not timed has no seconds."""
    tally = Tally(
        metric="", scenario=Scenario(planned=False), runs=100, passed=100, failed=0, seeds=1.25
    )
    timed = Cost(seconds=8.0, timed=3, sequential=tally, ten=Rate(hits=0, runs=100), equal=5)
    known = {"timed": timed, "untimed": replace(timed, seconds=None, timed=0)}
    one = Measured(case="timed", sequential_seeds=1.4, sequential_seconds=9.0, ten_seconds=81.0)
    text = cost(Costs(bounds="", cases=known, measured=replace(one, runs=10)))
    assert cells(text, "timed")[1:8] == ["8", "1.25", "10", "80", "8.0", "5", "4.0"]
    assert cells(text, "untimed")[1:8] == ["—", "1.25", "—", "—", "8.0", "5", "4.0"]
    assert cells(text, "all")[3:6] == ["10", "80", "8.0"]
    measured = (
        "1.4 seeds in 9 s until the verdict (mean of n=10 runs of other seeds), 10 seeds in 81"
    )
    assert f"{measured} s: 9.0 times as much" in text


def test_shares_keep_what_counts() -> None:
    """Two figures, with the interval; none and all are limits."""
    assert shown(Rate(hits=3, runs=20_000)) == "0.015 (0.0031–0.044)"
    assert shown(Rate(hits=0, runs=20_000)) == "0 (< 0.018)"
    assert shown(Rate(hits=20_000, runs=20_000)) == "100 (> 99.98)"


def test_scatter_reads_as_it_is_meant() -> None:
    """Shape, size and unit."""
    assert scatter(Scenario()) == "as planned"
    assert scatter(Scenario(planned=False)) == "as the reference"
    assert scatter(Scenario(sd=0.7)) == "−30 %"
    assert scatter(Scenario(shape="skewed", sd=1.3)) == "skewed towards bad, +30 %"
