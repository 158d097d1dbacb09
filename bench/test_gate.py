"""The gate judged on real data: a crippled case goes red, the same case untouched stays green."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest

from bench.variants import CRIPPLED, UNCHANGED
from fitting_room.errors import UserError
from fitting_room.lab.evaluator import Evaluator
from fitting_room.plugin.options import option, results_folder
from fitting_room.spec import Case
from fitting_room.store.records import write_whole
from fitting_room.studies.gate import Finding, examine

pytestmark = pytest.mark.needs(trained=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Ask every variant, unless nothing that is trained will be judged."""
    asked = partial(option, metafunc.config)
    why = {
        asked("tier") == "smoke": "the sample has no bounds that a crippled case could break",
        asked("epochs") is not None: "the epochs were overridden, so nothing is judged",
    }.get(True)
    marks = [pytest.mark.skip(reason=why)] if why else []
    crippled = "crippled" in metafunc.function.__name__
    variants = CRIPPLED if crippled else {"unchanged": UNCHANGED}
    cases = [pytest.param(each.case, id=name, marks=marks) for name, each in variants.items()]
    metafunc.parametrize("case", cases)


@pytest.fixture
def found(
    evaluator: Evaluator,
    case: Case,
    request: pytest.FixtureRequest,
) -> Finding:
    """Hold a variant to its original's bounds, and keep what came of it under ``latest/gate/``."""
    try:
        found = examine(evaluator, case, CRIPPLED.get(case.variant, UNCHANGED).words)
    except UserError as error:
        pytest.fail(str(error), pytrace=False)
    name = f"{case.variant or 'unchanged'}.json"
    told = msgspec.json.format(msgspec.json.encode(found)) + b"\n"
    write_whole(results_folder(request.config) / "latest" / "gate" / name, told)
    request.node.user_properties.append(("gate", found.words))
    return found


def test_gate_lets_the_unchanged_case_pass(found: Finding) -> None:
    """Trained as it is committed, the case meets every bound of its own."""
    assert found.outcome == "pass", found.words


def test_gate_notices_a_crippled_case(found: Finding) -> None:
    """With one thing changed, at least one of the case's bounds fails."""
    assert found.outcome == "fail", found.words
