"""Verdicts stay what they were while the code around them moves.

``python tests/test_golden_master.py`` writes ``golden_master.json`` anew: only a commit that means
to change a verdict may do so, and says why.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from records import PROJECT

from bench.cases import CASES
from fitting_room.analysis.audit import audit, claims_in, grounds, references
from fitting_room.analysis.comparison import compare
from fitting_room.analysis.sides import Side, facts_of
from fitting_room.judge.quality import judge
from fitting_room.judge.sequential import share
from fitting_room.judge.simulation import Scenario, Setup, simulate_case
from fitting_room.metrics import METRICS
from fitting_room.record import Record
from fitting_room.store.bounds import Bounds, read_bounds
from fitting_room.studies.gate_simulation import completed, setups

ROOT = Path(__file__).parents[1]
FILE = Path(__file__).with_name("golden_master.json")
RUNS = 1000
"""The runs of each case under each scenario: 27,000 in all."""
SCENARIOS = (
    Scenario(),
    Scenario(at_bound=True),
    Scenario(shape="skewed", sd=1.3, planned=False, least=2),
)
DIGITS = 9
"""Figures are compared to so many significant digits."""


@pytest.mark.parametrize("part", ["simulated", "recorded", "claims", "compared"])
def test_verdicts_are_those_that_were_written_down(part: str) -> None:
    """Every bound, claim and comparison decides as before on the same runs and records."""
    known = json.loads(FILE.read_text(encoding="utf-8"))
    assert json.loads(json.dumps(master()[part])) == known[part]


@lru_cache
def master() -> dict[str, Any]:
    """Return all that is held, as plain values."""
    bounds = read_bounds(ROOT / "bench" / "bounds.toml", cases=CASES, metrics=METRICS)
    records = references(ROOT / "results" / "reference")
    return {
        "simulated": _simulated(setups(CASES, bounds, records)),
        "recorded": _recorded(bounds, records),
        "claims": _claims(),
        "compared": _compared(records),
    }


def _simulated(known: dict[str, Setup]) -> dict[str, list[list[Any]]]:
    """Return how simulated runs of each case ended: metric, passed, failed, seeds."""
    return {
        name: [
            [tally.metric, tally.passed, tally.failed, _rounded(tally.seeds)]
            for number, scenario in enumerate(SCENARIOS)
            for tally in simulate_case(
                setup, scenario, runs=RUNS, generator=np.random.default_rng([len(name), number])
            )
        ]
        for name, setup in known.items()
    }


def _recorded(bounds: Bounds, records: list[Record]) -> dict[str, list[list[Any]]]:
    """Return the verdict on the first 1, 2, … reference seeds of each case: outcome, value, n."""
    alpha = share(bounds.assertions)
    found: dict[str, list[list[Any]]] = {}
    for name, case in CASES.items():
        of = completed(case.name, records)
        for metric, bound in bounds.tables.get(name, {}).items():
            values = [METRICS[metric](record) for record in of]
            for n in range(1, min(len(of), 6) + 1):
                verdict = judge(values[:n], bound, alpha=alpha)
                kept = [metric, n, verdict.outcome, _rounded(verdict.estimate), verdict.n]
                found.setdefault(name, []).append(kept)
    return found


def _claims() -> list[list[Any]]:
    """Return the verdict on each published claim."""
    published = claims_in(PROJECT.claims, PROJECT)
    rest = grounds(PROJECT, PROJECT.results)
    return [
        [each.claim.name, each.verdict.label]
        for each in audit(published, rest.records, rest.speeds)
    ]


def _compared(records: list[Record]) -> list[list[Any]]:
    """Return what is said of even against odd seeds of every case."""
    halves = [[r for r in records if r.spec.seed % 2 == parity] for parity in (0, 1)]
    base, head = (Side(told=str(i), facts=facts_of(half)) for i, half in enumerate(halves))
    return [
        [verdict.subject, verdict.metric, verdict.label, _rounded(each.base), _rounded(each.head)]
        for each in compare(base, head).changes
        for verdict in [each.verdict]
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")


if __name__ == "__main__":
    text = json.dumps(master(), ensure_ascii=False).replace("], [", "],\n[")  # a verdict a line
    FILE.write_text(text + "\n", encoding="utf-8")
