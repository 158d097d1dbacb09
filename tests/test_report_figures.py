"""Figures: means, medians, and how many digits they deserve."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fitting_room.analysis.trials import figure, quartiles
from fitting_room.format import decimals, with_spread


def test_a_figure_has_mean_and_sample_sd() -> None:
    """1, 2 and 6 have mean 3 and, with two degrees of freedom, sd √7."""
    found = figure([1, 2, 6])
    assert found is not None
    assert (found.mean, found.n) == (3, 3)
    assert found.sd == pytest.approx(math.sqrt(7))


def test_a_single_seed_has_no_sd() -> None:
    """No scatter is invented for n = 1, and nothing at all for n = 0."""
    found = figure([0.9])
    assert found is not None
    assert found.sd is None
    assert figure([]) is None


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.floats(0.01, 1e3), min_size=1, max_size=20))
def test_quartiles_are_those_of_numpy(seconds: list[float]) -> None:
    """Linear interpolation between order statistics, for one value and for many."""
    found = quartiles(seconds)
    assert found is not None
    expected = np.quantile(seconds, [0.25, 0.5, 0.75])
    assert [found.lower, found.median, found.upper] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.8685, 0.8761], "87.2 ± 0.5 (2)"),  # sd 0.537
        ([0.8931, 0.8932, 0.8945], "89.36 ± 0.08 (3)"),  # sd 0.0781
        ([0.8723], "87.2 (1)"),
        ([0.9, 0.9], "90.00 ± 0.00 (2)"),
        ([0.88, 0.8956], "88.8 ± 1.1 (2)"),  # sd 1.103
    ],
)
def test_a_mean_ends_where_its_sd_does(values: list[float], shown: str) -> None:
    """One significant digit of the sd, two where it begins with 1; worked out by hand."""
    found = figure(values)
    assert found is not None
    assert with_spread(found, scale=100, most=2, alone=1) == shown


@pytest.mark.parametrize(
    ("spread", "places"),
    [(0.38, 1), (0.12, 2), (0.019, 3), (0.0004, 3), (12, 0), (0, 3), (None, 1)],
)
def test_decimals_follow_the_scatter(spread: float | None, places: int) -> None:
    """They are capped, and fixed where the scatter is unknown."""
    assert decimals(spread, most=3, alone=1) == places
