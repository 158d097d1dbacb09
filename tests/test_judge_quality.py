"""The rule for seeds against a bound, and for learning curves: every epoch within its band."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from records import make_band

from fitting_room.judge.quality import Curve, judge, judge_curve, judge_without_reference, suggest
from fitting_room.judge.sequential import setback
from fitting_room.judge.verdict import Bound

FLOOR = Bound(metric="test_accuracy", at_least=0.89, reason="a round figure")
CEILING = Bound(metric="test_loss", at_most=0.3, reason="a round figure")
BAND = Bound(metric="training_loss", between=(0.281, 0.305), reason="a round figure")
COUNT = Bound(metric="parameters", exactly=243_786, reason="counted by hand")
EPOCHS = Bound(metric="epochs_to_target", at_most=7, reason="published")


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        (FLOOR, "≥ 89.0 %"),
        (CEILING, "≤ 0.300"),
        (BAND, "0.281–0.305"),
        (COUNT, "= 243,786"),
        (EPOCHS, "≤ 7"),
        (Bound(metric="test_accuracy", at_least=0.8935, reason="finer"), "≥ 89.35 %"),
    ],
)
def test_a_bound_reads_as_a_person_would_write_it(bound: Bound, words: str) -> None:
    """Accuracies are in per cent, losses have 3–4 decimals, counts have none."""
    assert bound.words == words


@pytest.mark.parametrize(
    ("bound", "values", "outcome"),
    [
        (FLOOR, [0.90, 0.885], "pass"),
        (FLOOR, [0.90, 0.875], "fail"),
        (CEILING, [0.29], "pass"),
        (CEILING, [0.31], "fail"),
        (BAND, [0.29], "pass"),
        (BAND, [0.27], "fail"),
        (BAND, [0.31], "fail"),
        (COUNT, [243_786, 243_786], "pass"),
        (COUNT, [243_786, 243_787], "fail"),
        (COUNT, [None], "fail"),
    ],
)
def test_the_mean_of_the_seeds_meets_the_bound_or_not(
    bound: Bound, values: Sequence[float | None], outcome: str
) -> None:
    """Coarse bounds are decided by the mean, and exact counts by every seed."""
    assert judge(values, bound, coarse=True).outcome == outcome


@pytest.mark.parametrize(
    ("seeds", "outcome"), [(1, "undecided"), (4, "undecided"), (5, "pass"), (6, "pass")]
)
def test_a_bound_without_reference_waits_for_five_seeds(seeds: int, outcome: str) -> None:
    """Before that nothing is known of the scatter, however far off the bound lies."""
    values = [0.9, 0.901, 0.899, 0.902, 0.9, 0.901][:seeds]
    assert judge(values, FLOOR).outcome == outcome


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        ([], "undecided"),
        ([None], "undecided"),
        ([None, 0.9], "pass"),
        ([math.nan, 0.9, None], "fail"),
        ([0.9, None, 0.8], "fail"),
    ],
)
def test_one_diverged_seed_is_tolerated_and_two_are_not(
    values: Sequence[float | None], outcome: str
) -> None:
    """None and NaN both count as diverged, wherever they stand."""
    assert judge(values, FLOOR, coarse=True).outcome == outcome


def test_a_diverged_seed_is_shown() -> None:
    """It is among the seeds that a verdict rests on, beside value, bound and margin."""
    verdict = judge([0.9, None, 0.901, 0.899, 0.902, 0.9], FLOOR)
    assert (verdict.outcome, verdict.n) == ("pass", 6)
    assert verdict.reason.endswith("; 1 of 6 seeds diverged")
    evidence = judge([0.9, None], FLOOR, coarse=True).reason
    assert evidence == ("90.00 % (n=1); bound ≥ 89.0 %; margin +1.00 points; 1 of 2 seeds diverged")


@pytest.mark.parametrize(
    ("epochs", "outcome"),
    [
        ([5, 7], "pass"),
        ([None], "undecided"),
        ([5, None], "undecided"),
        ([5, 8, 6], "pass"),
        ([None, 5, 8], "fail"),
    ],
)
def test_epochs_to_target_asks_each_seed(epochs: Sequence[float | None], outcome: str) -> None:
    """One late seed of three is tolerated; two, late or never there, fail."""
    assert judge(epochs, EPOCHS).outcome == outcome


def test_epochs_to_target_shows_how_many_reached_it() -> None:
    """A run that never reached the target is counted, not turned into a number."""
    verdict = judge([5, None, 8], EPOCHS)
    assert "reached 2/3, at epoch 5, never, 8" in verdict.reason
    assert verdict.estimate == 6.5


def test_the_last_seed_decides_what_no_other_can() -> None:
    """With a single seed allowed, one that failed is not left undecided."""
    assert judge([None], FLOOR, most=1).outcome == "fail"
    assert judge([None], EPOCHS, most=1).outcome == "fail"


def test_too_few_seeds_decide_nothing() -> None:
    """Below the least number of seeds the outcome stays open."""
    assert judge([0.95], FLOOR, least=2).outcome == "undecided"
    assert judge([5], EPOCHS, least=2).outcome == "undecided"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"at_least": 0.1, "at_most": 0.2},
        {"at_least": math.nan},
        {"between": (0.2, 0.1)},
        {"at_least": 0.1, "sd": 0.1},
        {"exactly": 3, "sd": 0.1, "reference_seeds": 5, "mean": 3.0},
        {"at_least": 0.1, "sd": 0.0, "reference_seeds": 5, "mean": 0.2},
        {"at_least": 0.1, "sd": 0.1, "reference_seeds": 5, "mean": 0.05},
    ],
)
def test_a_bound_that_cannot_be_judged_by_is_refused(wrong: dict[str, float]) -> None:
    """Kinds, finite numbers and whole references are checked at construction."""
    with pytest.raises(ValueError):
        Bound(metric="test_accuracy", reason="a test", **wrong)  # type: ignore[arg-type]


LOSS_BAND = Bound(metric="test_loss", between=(0.2, 0.3), reason="a round figure")
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
    assert judge_without_reference([value] * 5, LOSS_BAND).outcome == outcome


def test_code_at_the_floor_fails_and_passes_no_more_often_than_allowed() -> None:
    """Over all looks the errors keep to alpha and beta, with the scatter unknown."""
    draws = np.random.default_rng(3).normal(0.89, 0.004, (2000, 6))
    outcomes = [judge_without_reference(row, FLOOR, most=6).outcome for row in draws.tolist()]
    assert outcomes.count("fail") <= 40
    assert outcomes.count("pass") <= 140


def test_a_floor_sits_three_planned_scatters_below_the_reference() -> None:
    """Twenty seeds with a scatter of 0.4 points leave 1.54 points, and the rounding is outward."""
    values = np.tile([0.896, 0.904], 10) - 0.9
    bound = suggest("test_accuracy", (0.9 + values).tolist())
    assert bound.at_least == 0.884
    assert bound.reference_seeds == 20


def test_a_loss_gets_a_ceiling_and_a_band_both_ends() -> None:
    """The mean lies within either, and a band leaves five scatters of room where three will do."""
    losses = [0.30, 0.31, 0.32]
    ceiling = suggest("test_loss", losses)
    band = suggest("training_loss", losses, band=5)
    assert ceiling.at_most is not None and ceiling.at_most > 0.31
    room = 5 / 3 * (ceiling.at_most - 0.31)
    assert band.between == pytest.approx((0.31 - room, 0.31 + room), abs=0.002)


MEANS = (0.5, 0.4, 0.35)
SD = 0.002


CURVE = Curve(
    metric="training_loss_by_epoch", epochs=tuple(make_band(mean, 0.0077, sd=SD) for mean in MEANS)
)
"""Bands three planned scatters wide to each side."""


@pytest.mark.parametrize(
    ("seeds", "outcome"),
    [
        ([MEANS], "pass"),
        ([(0.5, 0.4, 0.39)], "fail"),
        ([(0.46, 0.4, 0.35)], "fail"),
        ([(2.3,)], "fail"),
        ([MEANS[:2]], "pass"),
        ([], "undecided"),
        ([(None,)], "undecided"),
        ([(None,), (None,)], "fail"),
        ([(None,), MEANS], "pass"),
        ([(0.5, 0.4071, 0.35)], "undecided"),
    ],
)
def test_every_epoch_must_stay_in_its_band(
    seeds: Sequence[Sequence[float | None]], outcome: str
) -> None:
    """To either side; epochs that no seed came to do not count, and one diverged seed may be."""
    assert judge_curve(seeds, CURVE).outcome == outcome


def test_the_first_epoch_that_failed_is_told() -> None:
    """With its value, its band and the ratio that decided."""
    verdict = judge_curve([(0.5, 0.43, 0.39)], CURVE)
    assert verdict.reason.startswith("epoch 2 of 3: 0.4300 (n=1); bound 0.3923–0.4077;")
    assert verdict.epoch == 2


@pytest.mark.parametrize("lost", [(None,), (0.5, None), (0.5, 0.4, None)])
def test_one_diverged_seed_is_shown(lost: Sequence[float | None]) -> None:
    """Whichever epoch is told of, and whenever the seed was lost."""
    verdict = judge_curve([lost, MEANS], CURVE)
    assert (verdict.outcome, "1 of 2 seeds diverged" in verdict.reason) == ("pass", True)


def test_limits_are_where_one_seed_alone_fails() -> None:
    """Just beyond them the first seed fails its epoch, and just within it does not."""
    for epoch, (low, high) in enumerate(CURVE.limits(alpha=0.001)):
        for edge, beyond in ((low, -1e-9), (high, 1e-9)):
            seed = [*MEANS[:epoch], edge + beyond]
            within = [*MEANS[:epoch], edge - beyond]
            assert judge_curve([seed], CURVE, alpha=0.001).outcome == "fail"
            assert judge_curve([within], CURVE, alpha=0.001).outcome != "fail"


def test_unchanged_training_hardly_ever_fails() -> None:
    """Over 2,000 runs of independent epochs fewer than one in a hundred is a false alarm."""
    generator = np.random.default_rng(7)
    runs = generator.normal(MEANS, SD, size=(2000, 6, 3)).tolist()
    failed = sum(judge_curve(run, CURVE, alpha=0.01).outcome == "fail" for run in runs)
    assert failed < 20


@pytest.mark.parametrize(
    ("means", "epoch", "expected"),
    [
        ([0.5, 0.4, 0.35], 3, 0.2),
        ([0.5, 0.4, 0.35], 1, 0.1),
        ([0.80, 0.85, 0.84], 3, float("inf")),
        ([0.5], 1, float("inf")),
        ([0.5, 0.5], 2, float("inf")),
    ],
)
def test_setback_is_counted_in_epochs(means: Sequence[float], epoch: int, expected: float) -> None:
    """The change caught, over what the metric still moves in an epoch."""
    assert setback(0.01, means, epoch) == pytest.approx(expected)
