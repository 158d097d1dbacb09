"""Components of variance against a textbook's example, and against scatter that is known."""

from __future__ import annotations

import numpy as np
import pytest

from fitting_room.judge.interval import crossed, nested

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
    """Of intervals at 95 %, no fewer than 88 % of 100 hold the scatter that was put in."""
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
