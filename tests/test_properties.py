"""Verdicts as properties of tests."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from fitting_room.judge.verdict import Verdict
from fitting_room.report.verdicts import Judged, from_properties, to_properties

VERDICT = Verdict(
    metric="test_accuracy",
    outcome="fail",
    estimate=0.871,
    n=2,
    against="≥ 89.0 %",
    reason="87.10 % (n=2); bound ≥ 89.0 %; margin -1.90 points",
    epoch=2,
)
WITH = Judged(case="mnist-dense_128", records=("a1", "b2"), verdict=VERDICT)
BARE = Judged(
    case="mnist-dense_128", records=(), verdict=replace(VERDICT, estimate=None, epoch=None)
)


@pytest.mark.parametrize("judged", [WITH, BARE, Judged(case="mnist-dense_128", records=("a1",))])
def test_what_was_judged_survives_the_way_home(judged: Judged) -> None:
    """Over JSON, as a worker of xdist sends it, with pairs turned into lists."""
    assert from_properties(json.loads(json.dumps(to_properties(judged)))) == judged


def test_test_without_records_survives_too() -> None:
    """No key is no empty key."""
    assert from_properties(to_properties(Judged(case="x", records=()))) == Judged(
        case="x", records=()
    )


def test_a_verdict_is_one_property() -> None:
    """Its JSON has every field, also one that a verdict gains later."""
    ((name, told),) = to_properties(WITH)
    assert (name, [*json.loads(str(told))["verdict"]]) == (
        "judged",
        [field.name for field in fields(Verdict)],
    )


@pytest.mark.parametrize(
    "properties", [[], [("case", "x")], [("records", "a1")], [("owner", "me")]]
)
def test_other_tests_are_left_alone(properties: list[tuple[str, object]]) -> None:
    """A test with properties of its own is none of ours."""
    assert from_properties(properties) is None


def test_properties_come_in_any_company() -> None:
    """Properties that somebody else added do no harm."""
    assert from_properties([("owner", "me"), *to_properties(WITH)]) == WITH
