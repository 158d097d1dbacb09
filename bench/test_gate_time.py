"""The gate on time judged for real: a slowed step goes red, a neighbour makes nothing red."""

from __future__ import annotations

import msgspec
import pytest

from bench.slowdowns import ROOT, SLOWDOWNS
from fitting_room.cli.gate_seconds import rehearse
from fitting_room.errors import UserError
from fitting_room.judge.verdict import Verdict
from fitting_room.plugin.options import option, results_folder
from fitting_room.store.records import write_whole

PAIRS = 20
"""Of chunks of about 0.3 s: half a minute a race."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Race only where every seed is trained too: a busy machine must not redden a daily run."""
    full = option(metafunc.config, "tier") == "full"
    why = "clocks need a quiet machine: --tier full"
    marks = [] if full else [pytest.mark.skip(reason=why)]
    slowed = "slowed" in metafunc.function.__name__
    names = [name for name in SLOWDOWNS if SLOWDOWNS[name].red == slowed]
    metafunc.parametrize("slowdown", [pytest.param(name, marks=marks) for name in names])


@pytest.fixture
def raced(slowdown: str, request: pytest.FixtureRequest) -> Verdict:
    """Race this checkout against itself, and keep what came of it under ``latest/gate/``."""
    try:
        found = rehearse(slowdown, SLOWDOWNS[slowdown], root=ROOT, pairs=PAIRS)
    except UserError as error:
        pytest.fail(str(error), pytrace=False)
    verdict = found.verdict(shared=False)
    folder = results_folder(request.config) / "latest" / "gate"
    told = {"race": found, "verdict": verdict}
    content = msgspec.json.format(msgspec.json.encode(told)) + b"\n"
    write_whole(folder / f"time-{slowdown}.json", content)
    request.node.user_properties.append(("race", verdict.reason))
    return verdict


def test_gate_lets_equal_seconds_pass(raced: Verdict) -> None:
    """The checkout raced against itself is no slower, alone or beside a busy process."""
    assert raced.outcome == "pass", raced.reason


def test_gate_notices_slowed_seconds(raced: Verdict) -> None:
    """A step that sleeps or computes 15 % longer fails, on one clock or on both."""
    assert raced.outcome == "fail", raced.reason
