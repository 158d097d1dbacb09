"""Bounds without a reference, and bounds from one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bench.harness.judge.bound import Bound
from bench.harness.judge.groups import judge_without_reference
from bench.harness.judge.suggest import suggest

FLOOR = Bound(metric="test_accuracy", at_least=0.89, reason="a round figure")
BAND = Bound(metric="test_loss", between=(0.2, 0.3), reason="a round figure")
ABOVE = [0.900, 0.902, 0.901, 0.899, 0.900]
BELOW = [0.860, 0.862, 0.861, 0.859, 0.860]


@pytest.mark.parametrize(
    ("values", "outcome"),
    [(ABOVE[:4], "undecided"), (ABOVE, "pass"), (BELOW, "fail"), ([0.85, 0.93] * 5, "undecided")],
)
def test_seeds_must_show_their_own_scatter(values: Sequence[float], outcome: str) -> None:
    """Four seeds decide nothing, and ten that straddle the floor do not either."""
    assert judge_without_reference(values, FLOOR).outcome == outcome


@pytest.mark.parametrize(("value", "outcome"), [(0.25, "pass"), (0.35, "fail"), (0.15, "fail")])
def test_seeds_that_all_agree_are_judged_as_they_are(value: float, outcome: str) -> None:
    """Without any scatter the mean decides, on both sides of a band."""
    assert judge_without_reference([value] * 5, BAND).outcome == outcome


def test_code_at_the_floor_fails_and_passes_no_more_often_than_allowed() -> None:
    """Over all looks the errors keep to alpha and beta, with the scatter unknown."""
    draws = np.random.default_rng(3).normal(0.89, 0.004, (2000, 6))
    outcomes = [judge_without_reference(row, FLOOR, most=6).outcome for row in draws.tolist()]
    assert outcomes.count("fail") <= 40
    assert outcomes.count("pass") <= 140


def test_a_floor_sits_three_planned_scatters_below_the_reference() -> None:
    """Twenty seeds with a scatter of 0.4 points leave 1.54 points, and the rounding is outward."""
    values = np.tile([0.896, 0.904], 10) - 0.9
    bound = suggest("test_accuracy", (0.9 + values).tolist(), both_sides=False)
    assert bound.at_least == 0.884
    assert bound.reference_seeds == 20


def test_a_loss_gets_a_ceiling_and_a_band_both_ends() -> None:
    """The mean lies within either, and a band leaves five scatters of room where three will do."""
    losses = [0.30, 0.31, 0.32]
    ceiling = suggest("test_loss", losses, both_sides=False)
    band = suggest("training_loss", losses, both_sides=True)
    assert ceiling.at_most is not None and ceiling.at_most > 0.31
    room = 5 / 3 * (ceiling.at_most - 0.31)
    assert band.between == pytest.approx((0.31 - room, 0.31 + room), abs=0.002)
