"""The gate that the sequential one is measured against: always so many seeds, then their mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import scipy

from bench.harness.judge.plan import Plan
from bench.harness.judge.price import run
from bench.harness.judge.rates import Rate, Scenario, Setup, made_up


def seeds_of_equal_power(sides: Sequence[Plan]) -> int:
    """Return the seeds whose mean errs as seldom as the sequential test does, both ways.

    The errors are those of code with the reference's mean, which may fail, and of code whose mean
    sits at the bound, which may pass; the seeds are normal.
    """
    return max(_seeds_of(side) for side in sides)


def _seeds_of(side: Plan) -> int:
    distance = _alarm(side) + float(scipy.stats.norm.isf(1 - run(side, 0.0).fails))
    return max(1, math.ceil((distance / side.gap) ** 2))


def _alarm(side: Plan) -> float:
    """Return how many standard errors below its mean unchanged code fails as seldom as it may."""
    return float(scipy.stats.norm.isf(run(side, side.gap).fails))


def fixed_failures(values: np.ndarray, sides: Sequence[Plan]) -> np.ndarray:
    """Say of each run whether a gate of a fixed number of seeds fails it, shape (runs,), bool.

    Its limit is set so that it fails unchanged code as seldom as the sequential test does.

    Args:
        values: in the metric's unit, shape (runs, seeds), float64.
        sides: the plans of the sequential test.
    """
    failed = np.zeros(len(values), bool)
    for side in sides:
        room = _alarm(side) * side.sigma / math.sqrt(values.shape[1])
        failed |= side.sign * values.mean(axis=1) < side.mean - room
    return failed


def rehearse_fixed(
    setup: Setup, scenario: Scenario, seeds: int, *, runs: int, generator: np.random.Generator
) -> Rate:
    """Return how many made-up runs of a case a gate of so many seeds fails, by any metric."""
    failed = np.zeros(runs, bool)
    for _, drawn in made_up(setup, scenario, seeds, runs=runs, generator=generator):
        for values, sides in drawn:
            failed |= fixed_failures(values, sides)
    return Rate(hits=int(failed.sum()), runs=runs)
