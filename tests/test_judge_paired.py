"""Two models on the same images, two recipes over seeds, and families of comparisons."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from bench.harness.judge.family import holm, share
from bench.harness.judge.paired import accuracy_difference, superiority


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
    """Of four pairs A wins two and ties one."""
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


def test_holm_adjusts_step_by_step() -> None:
    """Four p-values by hand, in the order given, none above 1."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


def test_the_error_of_a_run_is_shared_among_its_assertions() -> None:
    """A hundred assertions get a hundredth of 1 % each."""
    assert share(100) == pytest.approx(1e-4)
    with pytest.raises(ValueError, match="at least one"):
        share(0)
