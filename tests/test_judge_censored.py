"""Epochs to target, where some runs never get there."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitting_room.judge.censored import best_by, epochs_to_target, first_epoch, same_speed, survival

# Remission of acute myelogenous leukaemia in weeks: Miller, "Survival Analysis", 1981, p. 49.
MAINTAINED = [9, 13, None, 18, 23, None, 31, 34, None, 48, None]
MAINTAINED_WATCHED = [9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161]
CONTROL = [5, 5, 8, 8, 12, None, 23, 27, 30, 33, 43, 45]
CONTROL_WATCHED = [5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45]


def test_medians_are_those_of_the_textbook() -> None:
    """The leukaemia data have medians of 31 and 23 weeks."""
    assert epochs_to_target(MAINTAINED, watched=MAINTAINED_WATCHED).median == 31
    assert epochs_to_target(CONTROL, watched=CONTROL_WATCHED).median == 23


def test_the_log_rank_test_is_that_of_the_textbook() -> None:
    """Chi squared is 3.396 on one degree of freedom, p = 0.0653."""
    p = same_speed(MAINTAINED, CONTROL, watched=MAINTAINED_WATCHED, others_watched=CONTROL_WATCHED)
    assert p == pytest.approx(0.0653, abs=5e-5)


def test_the_interval_follows_greenwoods_formula() -> None:
    """Its ends are the first epochs at which limits of the survivors, by hand, come to a half."""
    left, spread, limits = 1.0, 0.0, []
    for week in sorted(set(CONTROL_WATCHED) - {16, 45}):
        at_risk = sum(watched >= week for watched in CONTROL_WATCHED)
        events = CONTROL.count(week)
        left *= 1 - events / at_risk
        spread += events / at_risk / (at_risk - events)
        factor = 1.959964 * math.sqrt(spread) / abs(math.log(left))
        limits.append((week, left ** math.exp(factor), left ** math.exp(-factor)))
    by_hand = tuple(next(at[0] for at in limits if at[side] <= 0.5) for side in (1, 2))
    assert epochs_to_target(CONTROL, watched=CONTROL_WATCHED).interval == by_hand


@pytest.mark.parametrize(("runs", "end"), [(5, math.inf), (6, 7.0)])
def test_runs_that_all_agree_set_an_upper_end_once_there_are_six(runs: int, end: float) -> None:
    """With half a chance each, six of six fall on one side in less than 2.5 % of cases."""
    assert epochs_to_target([7] * runs, watched=[10] * runs).interval == (7.0, end)


def test_a_run_that_never_reached_is_counted_and_not_averaged() -> None:
    """Two of five late: the median stands, its upper end is open, the words show both."""
    found = epochs_to_target([5, 6, 6, None, None], watched=[10] * 5)
    assert (found.reached, found.n, found.median) == (3, 5, 6.0)
    assert found.interval[1] == math.inf
    assert found.words.endswith("∞), reached 3/5")


def test_the_median_is_infinite_where_most_never_reach() -> None:
    """One of three is not half."""
    found = epochs_to_target([5, None, None], watched=[10] * 3)
    assert found.median == math.inf
    assert found.words == "∞ (5–∞), reached 1/3"


@pytest.mark.parametrize("epochs", [[5, 6, 9], [None, None], [7, 7, 7], [4]])
def test_nobody_is_lost_early_so_the_restricted_mean_is_a_plain_one(
    epochs: list[int | None],
) -> None:
    """With all runs watched for ten epochs it is the mean of the epoch or ten."""
    plain = sum(10 if epoch is None else epoch for epoch in epochs) / len(epochs)
    found = epochs_to_target(epochs, watched=[10] * len(epochs))
    assert found.restricted_mean == pytest.approx(plain)


def test_a_curve_gives_its_first_epoch_and_its_best_value() -> None:
    """Epochs count from 1, and a value that is missing is no value."""
    curve = [0.97, None, 0.995, 0.99]
    assert (first_epoch(curve, 0.995), first_epoch(curve, 0.999)) == (3, None)
    assert (best_by(curve, 2), best_by(curve, 4), best_by([None], 1)) == (0.97, 0.995, None)


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.tuples(st.integers(1, 10), st.booleans()), min_size=1, max_size=12))
def test_the_survival_curve_is_kaplan_and_meiers(runs: list[tuple[int, bool]]) -> None:
    """Shares, median and mean are those of the product that the paper defines, by hand."""
    epochs, watched = [e if hit else None for e, hit in runs], [e for e, _ in runs]
    left, share, area, before = [], 1.0, 0.0, 0
    for at in sorted(set(watched)):
        area, before = area + share * (at - before), at
        share *= 1 - epochs.count(at) / sum(seen >= at for seen in watched)
        left.append((at, share))
    found = epochs_to_target(epochs, watched=watched)
    assert survival(epochs, watched).left == pytest.approx([each for _, each in left])
    assert found.median == next((at for at, each in left if each <= 0.5 + 1e-9), math.inf)
    assert found.restricted_mean == pytest.approx(area)
