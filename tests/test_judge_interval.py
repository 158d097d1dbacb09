"""Intervals: of a new seed, of means and sums, of ranges, of scatter, of epochs to a target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import norm

from fitting_room.format import Interval
from fitting_room.judge.interval import (
    accuracy_difference,
    best_by,
    crossed,
    epochs_to_target,
    first_epoch,
    nested,
    of_contrast,
    of_new_count,
    of_new_seed,
    of_new_share,
    of_ranges,
    of_ratio,
    same_speed,
    superiority,
    survival,
)

SEEDS = [0.8670, 0.8742, 0.8711, 0.8655, 0.8768, 0.8699]
OTHERS = [0.9012, 0.8987, 0.9075, 0.9040]


def ends(found: Interval) -> tuple[float, float]:
    """Return both ends."""
    return found.low, found.high


def test_a_new_seed_falls_where_student_says() -> None:
    """The ends are those of scipy's t distribution, scaled by s·sqrt(1 + 1/n)."""
    scale = stdev(SEEDS) * math.sqrt(1 + 1 / 6)
    expected = stats.t.interval(0.95, 5, loc=fmean(SEEDS), scale=scale)
    assert ends(of_new_seed(SEEDS)) == pytest.approx(expected)


def test_a_new_seed_falls_within_as_often_as_promised() -> None:
    """The interval of five seeds holds a sixth in 95 % of 4,000 draws."""
    drawn = np.random.default_rng(0).normal(size=(4000, 6))
    intervals = [of_new_seed(list(row[:5])) for row in drawn]
    inside = sum(x.low <= row[5] <= x.high for x, row in zip(intervals, drawn, strict=True))
    assert inside / 4000 == pytest.approx(0.95, abs=0.014)  # four standard errors


def test_a_single_seed_bounds_nothing() -> None:
    """Without scatter there is an estimate and no interval, for shares neither."""
    assert of_new_seed([0.5]) == Interval(estimate=0.5, low=-math.inf, high=math.inf)
    assert ends(of_new_share([0.5])) == (0, 1)
    assert ends(of_contrast([[0.5], SEEDS], [1, -1])) == (-math.inf, math.inf)


def test_a_share_is_judged_by_its_log_odds() -> None:
    """The ends, as log-odds, are those of the log-odds; they stay between 0 and 1."""
    shares = [0.999, 0.9, 0.97, 0.5, 1.0]
    odds = [math.log(p / (1 - p)) for p in [*shares[:4], 1 - 1e-9]]
    found = of_new_share(shares)
    assert stats.logistic.ppf(found.low) == pytest.approx(of_new_seed(odds).low)
    assert 0 <= found.low < found.estimate < found.high <= 1


def test_a_difference_has_welch_s_interval() -> None:
    """Weights 1 and −1 give what scipy gives for samples of unequal scatter."""
    test = stats.ttest_ind(SEEDS, OTHERS, equal_var=False)
    assert ends(of_contrast([SEEDS, OTHERS], [1, -1])) == pytest.approx(
        tuple(test.confidence_interval(0.95))
    )


def test_a_single_mean_has_student_s_interval() -> None:
    """One sample of weight 1, at another level."""
    expected = stats.ttest_1samp(SEEDS, 0).confidence_interval(0.99)
    assert ends(of_contrast([SEEDS], [1], level=0.99)) == pytest.approx(tuple(expected))


def test_seeds_that_all_agree_have_no_scatter() -> None:
    """The interval is the estimate, and nothing is divided by zero."""
    assert ends(of_contrast([[3, 3], [1, 1, 1]], [1, -1])) == (2, 2)


@settings(deadline=None)  # a busy machine is no fault
@given(
    st.lists(
        st.tuples(st.floats(-5, 5), st.floats(0, 2), st.sampled_from([-2, -1, 1, 2])),
        min_size=1,
        max_size=4,
    )
)
def test_a_sum_of_ranges_reaches_from_corner_to_corner(
    parts: Sequence[tuple[float, float, float]],
) -> None:
    """Its ends are the least and the most of all corners."""
    ranges = [Interval(estimate=x, low=x - half, high=x + half) for x, half, _ in parts]
    weights = [weight for _, _, weight in parts]
    corners = [
        sum(w * x for w, x in zip(weights, corner, strict=True))
        for corner in product(*((each.low, each.high) for each in ranges))
    ]
    expected = (min(corners), max(corners))
    assert ends(of_ranges(ranges, weights)) == pytest.approx(expected)


def test_a_ratio_reaches_from_least_over_most_to_most_over_least() -> None:
    """21 s over 10 s, each rounded to a second: 20.5/10.5 to 21.5/9.5."""
    found = of_ratio(
        Interval(estimate=21, low=20.5, high=21.5), Interval(estimate=10, low=9.5, high=10.5)
    )
    assert (found.estimate, *ends(found)) == (2.1, 20.5 / 10.5, 21.5 / 9.5)


def test_counts_reach_as_far_as_they_were_seen() -> None:
    """Epochs 5, 7 and never: the median is 7, and never is an end."""
    assert of_new_count([7, math.inf, 5]) == Interval(estimate=7, low=5, high=math.inf)


def disagreeing(only_a: int, only_b: int, both: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which images two models have right, from the counts."""
    a = [True] * only_a + [False] * only_b + [True] * both
    b = [False] * only_a + [True] * only_b + [True] * both
    return np.array(a), np.array(b)


def test_one_seed_each_has_the_interval_of_paired_proportions() -> None:
    """The bootstrap agrees with the normal formula for a paired difference."""
    a, b = disagreeing(120, 60, 1820)
    found = accuracy_difference(a[None], b[None])
    error = np.sqrt(180 - 60**2 / 2000) / 2000
    assert found.estimate == pytest.approx(0.03)
    assert found.low == pytest.approx(0.03 - 1.96 * error, abs=0.0012)
    assert found.high == pytest.approx(0.03 + 1.96 * error, abs=0.0012)


def test_scatter_between_seeds_widens_the_interval() -> None:
    """Seeds of one recipe that differ by ten points leave a wide doubt."""
    generator = np.random.default_rng(5)
    steady = generator.random((4, 500)) < 0.8
    moody = generator.random((4, 500)) < np.array([[0.7], [0.8], [0.8], [0.9]])
    widths = [
        found.high - found.low
        for found in (accuracy_difference(x, steady, resamples=500) for x in (steady, moody))
    ]
    assert widths[1] > 1.5 * widths[0]


def test_the_chance_to_win_counts_pairs_and_halves_ties() -> None:
    """A wins two of four pairs and ties one."""
    assert superiority([1.0, 3.0], [1.0, 2.0]).estimate == 2.5 / 4


def test_always_winning_leaves_doubt_about_few_seeds() -> None:
    """Five wins over five keep an interval."""
    found = superiority([6, 7, 8, 9, 10], [1, 2, 3, 4, 5])
    assert found.estimate == found.high == 1.0
    assert 0.5 < found.low < 0.85


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_interval_holds_the_true_chance_as_often_as_it_says(shift: float) -> None:
    """For normal seeds, eight against eight, at least 93 % of intervals hold it."""
    generator = np.random.default_rng(11)
    true = norm.cdf(shift / np.sqrt(2))
    runs = (generator.normal(np.array([[shift], [0.0]]), 1, (2, 8)) for _ in range(400))
    chances = [superiority(a.tolist(), b.tolist()) for a, b in runs]
    assert np.mean([c.low <= true <= c.high for c in chances]) >= 0.93


# Montgomery, "Design and Analysis of Experiments": 20 parts, measured twice by each of 3 operators.
GAUGE = """
21 20 20 20 19 21  24 23 24 24 23 24  20 21 19 21 20 22  27 27 28 26 27 28  19 18 19 18 18 21
23 21 24 21 23 22  22 21 22 24 22 20  19 17 18 20 19 18  24 23 25 23 24 24  25 23 26 25 24 25
21 20 20 20 21 20  18 19 17 19 18 19  23 25 25 25 25 25  24 24 23 25 24 25  29 30 30 28 31 30
26 26 25 26 25 27  20 20 19 20 20 20  19 21 19 19 21 23  25 26 25 24 25 25  19 19 18 17 19 17
"""
SIMULATED = 100


def test_the_textbooks_components_come_out() -> None:
    """Parts 10.28, operators 0.0149, repeats 0.992, as published; the interaction is negative."""
    runs = np.array(GAUGE.split(), float).reshape(20, 3, 2)
    found = crossed(runs.mean(axis=2), runs.reshape(60, 2))
    assert found["rows"].estimate ** 2 == pytest.approx(10.28, abs=0.005)
    assert found["columns"].estimate ** 2 == pytest.approx(0.0149, abs=0.00005)
    assert found["repeat"].estimate ** 2 == pytest.approx(0.992, abs=0.0005)
    assert found["interaction"].estimate == 0


def test_intervals_of_a_crossed_design_hold_what_they_promise() -> None:
    """At least 88 of 100 intervals at 95 % hold the scatter that was put in."""
    generator = np.random.default_rng(0)
    truth = {"rows": 1.0, "columns": 0.5, "interaction": 0.4, "repeat": 0.3}
    held = dict.fromkeys(truth, 0)
    for _ in range(SIMULATED):
        main = generator.normal(0, 1.0, (6, 1)) + generator.normal(0, 0.5, (1, 6))
        table = main + generator.normal(0, 0.4, (6, 6)) + generator.normal(0, 0.3, (6, 6))
        found = crossed(table, generator.normal(0, 0.3, (8, 2)))
        for name, sd in truth.items():
            held[name] += found[name].low <= sd <= found[name].high
    assert min(held.values()) >= 0.88 * SIMULATED


def test_intervals_of_a_nested_design_hold_what_they_promise() -> None:
    """The same for values in groups in blocks."""
    generator = np.random.default_rng(0)
    truth = {"blocks": 1.0, "groups": 0.5, "values": 0.7}
    held = dict.fromkeys(truth, 0)
    for _ in range(SIMULATED):
        blocks, groups = generator.normal(0, 1, (8, 1, 1)), generator.normal(0, 0.5, (8, 3, 1))
        found = nested(blocks + groups + generator.normal(0, 0.7, (8, 3, 4)))
        for name, sd in truth.items():
            held[name] += found[name].low <= sd <= found[name].high
    assert min(held.values()) >= 0.88 * SIMULATED


def test_nested_estimates_are_right_on_average() -> None:
    """Over many designs the mean variances are those that were put in."""
    generator = np.random.default_rng(1)
    shape = (40, 3, 4)
    found = [
        nested(
            generator.normal(0, 2, (40, 1, 1))
            + generator.normal(0, 1, (40, 3, 1))
            + generator.normal(0, 0.5, shape)
        )
        for _ in range(60)
    ]
    variances = {name: np.mean([each[name].estimate ** 2 for each in found]) for name in found[0]}
    assert variances == pytest.approx({"blocks": 4, "groups": 1, "values": 0.25}, rel=0.1)


def test_what_is_the_same_whenever_it_is_repeated_scatters_by_nothing() -> None:
    """Repeats that agree to the last bit have a component of exactly zero."""
    generator = np.random.default_rng(2)
    found = crossed(generator.normal(0, 1, (4, 4)), np.repeat(generator.normal(0, 1, (4, 1)), 2, 1))
    assert (found["repeat"].estimate, found["repeat"].low, found["repeat"].high) == (0, 0, 0)


def test_the_same_seed_gives_the_same_interval() -> None:
    """A table made twice of the same records is the same table."""
    values = np.random.default_rng(3).normal(0, 1, (4, 4))
    assert crossed(values, values) == crossed(values, values)


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
    p = same_speed((MAINTAINED, MAINTAINED_WATCHED), (CONTROL, CONTROL_WATCHED))
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
