"""The gate tested on real data: a changed case goes red, the same case untouched stays green.

The gate on time is tested too: a slowed step fails, a busy process beside it makes nothing fail.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from bench.variants import CRIPPLED, ORIGINAL, ROOT, SLOWDOWNS, UNCHANGED
from fitting_room.cli.gate import timed
from fitting_room.judge.verdict import Verdict
from fitting_room.lab.evaluator import Evaluator
from fitting_room.plugin.options import option, results_folder
from fitting_room.spec import Case
from fitting_room.studies import write_document
from fitting_room.studies.gate import Finding, examine


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests for every variant and every slowdown, unless this tier cannot judge them."""
    given = partial(option, metafunc.config)
    changed = "notices" in metafunc.function.__name__
    if "slowed" in metafunc.fixturenames:
        why = None if given("tier") == "full" else "clocks need a quiet machine: --tier full"
        names = [name for name, each in SLOWDOWNS.items() if each.red == changed]
        params = [pytest.param(name, id=name) for name in names]
    else:
        why = {
            given("tier") == "smoke": "the sample has no bounds that a changed case could break",
            given("epochs") is not None: "the epochs were overridden, so nothing is judged",
        }.get(True)
        crippled = {name: each for name, each in CRIPPLED.items() if each.red}
        asked = crippled if changed else {"unchanged": UNCHANGED}
        params = [
            pytest.param(each.case, id=name, marks=slow_to_judge(each.case, given("tier")))
            for name, each in asked.items()
        ]
    marks = [pytest.mark.skip(reason=why)] if why else []
    name = "slowdown" if "slowed" in metafunc.fixturenames else "case"
    params = [pytest.param(*p.values, id=p.id, marks=[*marks, *p.marks]) for p in params]
    metafunc.parametrize(name, params)


def slow_to_judge(case: Case, tier: str) -> list[pytest.MarkDecorator]:
    """Return the mark that skips variants of a slow case in the accept tier."""
    if case.original == ORIGINAL.name or tier != "accept":
        return []
    why = f"variants of {case.original} take minutes: --tier quick, --tier full or `gate`"
    return [pytest.mark.skip(reason=why)]


def keep(request: pytest.FixtureRequest, name: str, found: Any) -> None:
    """Write a finding under ``latest/gate/``."""
    folder = results_folder(request.config) / "latest" / "gate"
    write_document(folder / f"{name}.json", found)


@pytest.fixture
def found(evaluator: Evaluator, case: Case, request: pytest.FixtureRequest) -> Finding:
    """Hold a variant to its original's bounds."""
    if why := evaluator.bounds.no_reference(case.original):
        pytest.skip(why)
    found = examine(evaluator, case, CRIPPLED.get(case.variant, UNCHANGED).words)
    keep(request, case.variant or "unchanged", found)
    request.node.user_properties.append(("gate", found.words))
    return found


@pytest.fixture
def slowed(slowdown: str, request: pytest.FixtureRequest) -> Verdict:
    """Time this checkout against itself under a slowdown."""
    pairs = timed(slowdown, SLOWDOWNS[slowdown], root=ROOT)
    verdict = pairs.verdict(shared=False)
    keep(request, f"time-{slowdown}", {"pairs": pairs, "verdict": verdict})
    request.node.user_properties.append(("time", verdict.reason))
    return verdict


@pytest.mark.needs(trained=True)
def test_gate_lets_the_unchanged_case_pass(found: Finding) -> None:
    """Trained as it is committed, the case meets every bound of its own."""
    assert found.outcome == "pass", found.words


@pytest.mark.needs(trained=True)
def test_gate_notices_a_crippled_case(found: Finding) -> None:
    """With one thing changed, at least one of the case's bounds fails."""
    assert found.outcome == "fail", found.words


def test_gate_lets_equal_seconds_pass(slowed: Verdict) -> None:
    """The checkout timed against itself is no slower, alone or beside a busy process."""
    assert slowed.outcome == "pass", slowed.reason


def test_gate_notices_slowed_seconds(slowed: Verdict) -> None:
    """A step that sleeps or computes 15 % longer fails, on one clock or on both."""
    assert slowed.outcome == "fail", slowed.reason
