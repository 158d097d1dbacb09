"""Verdicts on claims, from numbers alone."""

from __future__ import annotations

import math

import pytest

from fitting_room.format import Interval
from fitting_room.judge.verdict import (
    CLAIM_OUTCOMES,
    Check,
    as_printed,
    exclude,
    judge_figure,
    judge_statement,
    with_its_source,
)
from fitting_room.metrics import Better


def interval(low: float, high: float) -> Interval:
    """Return an interval around its middle."""
    return Interval(estimate=(low + high) / 2, low=low, high=high)


@pytest.mark.parametrize(
    ("printed", "value", "better", "verdict"),
    [
        ("87.3%", 0.873, "higher", "reproduced"),
        ("88.0%", 0.880, "higher", "reproduced"),  # 87.95 % rounds to it
        ("88.1%", 0.881, "higher", "not reproduced"),
        ("82%", 0.82, "higher", "exceeded"),
        ("86%", 0.86, "higher", "reproduced"),  # what rounds to it reaches 86.5 %
        ("90%", 0.90, "lower", "exceeded"),
        ("80%", 0.80, "neither", "not reproduced"),
    ],
)
def test_a_figure_is_held_against_one_more_seed(
    printed: str, value: float, better: Better, verdict: str
) -> None:
    """Seeds fall within 86.4–87.96 %; a printed figure stands for all that rounds to it."""
    claimed = as_printed(printed, value, value)
    found = judge_figure(interval(0.864, 0.8796), claimed, seeds=6, better=better)
    assert found == verdict


def test_few_seeds_reproduce_nothing_and_still_refute() -> None:
    """A wide interval holds any figure, so that being within it says something from five on."""
    claimed, wide = as_printed("87%", 0.87, 0.87), interval(0.7, 0.99)
    assert judge_figure(wide, claimed, seeds=4, better="higher") == "undecided"
    assert judge_figure(wide, claimed, seeds=5, better="higher") == "reproduced"
    beyond = as_printed("65%", 0.65, 0.65)
    assert judge_figure(wide, beyond, seeds=2, better="higher") == "exceeded"


INSIDE, ACROSS, ABOVE, BELOW = (3.2, 3.8), (2.5, 3.5), (4.1, 5), (1, 2)


@pytest.mark.parametrize(
    ("found", "better", "verdict"),
    [
        ([INSIDE, INSIDE], "higher", "reproduced"),
        ([INSIDE, ACROSS], "higher", "undecided"),
        ([INSIDE, ABOVE], "higher", "exceeded"),
        ([ACROSS, ABOVE], "higher", "undecided"),
        ([INSIDE, BELOW], "higher", "not reproduced"),
        ([ABOVE, BELOW], "higher", "not reproduced"),
        ([ABOVE], "lower", "not reproduced"),
        ([ABOVE], "neither", "not reproduced"),
    ],
)
def test_a_statement_about_several_is_as_true_as_its_worst(
    found: list[tuple[float, float]], better: Better, verdict: str
) -> None:
    """It says 3–4 of each."""
    checks = [Check(found=interval(*each), low=3, high=4) for each in found]
    assert judge_statement(checks, better=better) == verdict


def test_nothing_is_not_more_than_nothing() -> None:
    """A difference that is exactly 0 is not above 0."""
    assert Check(found=interval(0, 0), low=0, high=math.inf).place == "below"


@pytest.mark.parametrize(
    ("printed", "low", "high", "ends"),
    [
        ("87.3%", 0.873, 0.873, (0.8725, 0.8735)),
        ("about 82%", 0.82, 0.82, (0.815, 0.825)),
        ("~98.2%", 0.982, 0.982, (0.9815, 0.9825)),
        (">99.5%", 0.995, 1, (0.995, 1)),
        ("about 3–4 points", 0.03, 0.04, (0.025, 0.045)),
        ("0.348", 0.348, 0.348, (0.3475, 0.3485)),
        ("10 s", 10, 10, (9.5, 10.5)),
        ("5–7", 5, 7, (4.5, 7.5)),
        ("101,770", 101_770, 101_770, (101_770, 101_770)),
        ("never (max 98.2%)", math.inf, math.inf, (math.inf, math.inf)),
        ("in words", 0, math.inf, (0, math.inf)),
    ],
)
def test_a_printed_figure_stands_for_what_rounds_to_it(
    printed: str, low: float, high: float, ends: tuple[float, float]
) -> None:
    """Counts, limits and words stand for themselves."""
    found = as_printed(printed, low, high)
    assert (found.low, found.high) == pytest.approx(ends)


def test_two_figures_exclude_each_other_unless_one_number_rounds_to_both() -> None:
    """About 83 % and 83.1 % may be one; about 82 % and 87.3 % are not."""
    chart, text = as_printed("83.1%", 0.831, 0.831), as_printed("about 83%", 0.83, 0.83)
    assert not exclude(chart, text)
    assert exclude(as_printed("87.3%", 0.873, 0.873), as_printed("82%", 0.82, 0.82))


@pytest.mark.parametrize("outcome", CLAIM_OUTCOMES)
def test_only_what_is_reproduced_stands_against_its_own_source(outcome: str) -> None:
    """Whatever else it came to, the contradiction explains it."""
    wanted = "reproduced" if outcome == "reproduced" else "contradicted by its own source"
    assert with_its_source(outcome, contradicted=True) == wanted  # type: ignore[arg-type]
    assert with_its_source(outcome, contradicted=False) == outcome  # type: ignore[arg-type]
