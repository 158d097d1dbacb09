"""The committed simulation: a whole run keeps to its error, and the page says where it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from imports import ROOT

from fitting_room.judge.rates import Scenario, scenarios
from fitting_room.judge.sequential import RUN_ALPHA
from fitting_room.studies.documents import SIMULATION, Simulation, read_document
from fitting_room.studies.gate_tables import TOO_MANY, rates, scatter, whole_run

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
    """By all of the Monte-Carlo interval, also where one thing about the scatter is misjudged."""
    assert whole_run(simulation, scenario).interval[1] < RUN_ALPHA


def test_scatter_misjudged_twice_is_marked_where_it_fails_too_often(
    simulation: Simulation,
) -> None:
    """In the row of the whole run, and in the note below the table, and nowhere else."""
    too_many = [s for s in TWICE if whole_run(simulation, s).interval[0] > RUN_ALPHA]
    text = rates(simulation)
    (row,) = (line for line in text.splitlines() if line.startswith("| a whole run"))
    assert row.count(TOO_MANY) == sum(scenario.least == 1 for scenario in too_many) == 1
    (note,) = (line for line in text.splitlines() if line.startswith(f"- {TOO_MANY}"))
    assert scatter(too_many[0]) in note
    assert text.count(TOO_MANY) == 2


def test_a_run_that_keeps_to_its_error_has_no_mark(simulation: Simulation) -> None:
    """Where no case failed there is nothing to point at."""
    cases = {
        name: tuple(replace(tally, failed=0) for tally in tallies)
        for name, tallies in simulation.cases.items()
    }
    assert TOO_MANY not in rates(replace(simulation, cases=cases))
