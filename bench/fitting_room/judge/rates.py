"""The error rates of a case's bounds and the seeds they take, measured on simulated runs.

The sequential gate is compared with a gate that always takes a fixed number of seeds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from fitting_room.judge.price import run
from fitting_room.judge.sequential import Plan, decide_all, plans
from fitting_room.judge.simulation import (
    CODES,
    FAIL,
    PASS,
    SHAPES,
    Ends,
    like_the_reference,
    together,
    walk,
)
from fitting_room.judge.verdict import Bound
from fitting_room.metrics import known

AGAIN = 25
"""Runs of each scenario that the gate's own function judges too, one by one."""


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """A gated metric whose seeds scatter: one bound, or one for each epoch of a learning curve."""

    metric: str
    bounds: tuple[Bound, ...]

    def sides(self, *, alpha: float, least: int, most: int) -> list[tuple[Plan, ...]]:
        """Return the plans of each bound; all of them share ``alpha``."""
        each = alpha / len(self.bounds)
        return [plans(bound, alpha=each, least=least, most=most) for bound in self.bounds]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """The distribution of the simulated seeds, and how many are required."""

    shape: str = "normal"
    sd: float = 1.0
    """Standard deviation, in units of the planned one or of that of the reference."""
    planned: bool = True
    """Whether the unit is the planned one."""
    at_bound: bool = False
    """Whether every mean lies at its bound, in a band at the worse end; else at the reference's."""
    least: int = 1


def scenarios(*, planned: bool) -> tuple[Scenario, ...]:
    """Return every scenario, with scatter in one of its two units."""
    return tuple(
        Scenario(shape=shape, sd=sd, planned=planned, at_bound=at_bound, least=least)
        for shape, sd in (
            ("normal", 1.0),
            ("normal", 0.7),
            ("normal", 1.3),
            ("skewed", 1.0),
            ("skewed", 1.3),
            ("heavy", 1.0),
        )
        for at_bound in (False, True)
        for least in (1, 2)
    )


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A share of runs, with its Monte-Carlo error."""

    hits: int
    runs: int

    @property
    def estimate(self) -> float:
        """The share itself."""
        return self.hits / self.runs

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper and Pearson's, 95 %."""
        low, high = scipy.stats.binomtest(self.hits, self.runs).proportion_ci()
        return float(low), float(high)


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Counts of how the simulated runs of a metric or a case ended under one scenario."""

    metric: str
    """Empty for all metrics of the case together."""
    scenario: Scenario
    runs: int
    passed: int
    failed: int
    seeds: float
    """Mean number."""

    @property
    def fails(self) -> Rate:
        """Share of runs that went red."""
        return Rate(hits=self.failed, runs=self.runs)

    @property
    def passes(self) -> Rate:
        """Share of runs that went green."""
        return Rate(hits=self.passed, runs=self.runs)


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The bounds and the reference that runs of a case are simulated from."""

    gauges: Sequence[Gauge]
    reference: np.ndarray
    """Values of the reference seeds, shape (seeds, bounds), bounds in the order of the gauges; NaN
    where a seed has none."""
    alpha: float
    """False-alarm rate of each metric; see ``family.share``."""
    most: int
    """Seeds after which no more come."""


def simulate_case(
    setup: Setup, scenario: Scenario, *, runs: int, generator: np.random.Generator
) -> Iterator[Tally]:
    """Yield the tally of each metric under a scenario, and last the tally of all together.

    Raises:
        RuntimeError: the gate's own function judges one of the runs differently.
    """
    each: list[Ends] = []
    for gauge, drawn in simulated_values(
        setup, scenario, setup.most, runs=runs, generator=generator
    ):
        by_bound = [walk(values, sides) for values, sides in drawn]
        for (values, sides), ends in zip(drawn, by_bound, strict=True):
            _check(values, sides, ends)
        each.append(together(by_bound))
        yield _tally(gauge.metric, scenario, each[-1])
    yield _tally("", scenario, together(each))


def simulated_values(
    setup: Setup, scenario: Scenario, seeds: int, *, runs: int, generator: np.random.Generator
) -> Iterator[tuple[Gauge, list[tuple[np.ndarray, tuple[Plan, ...]]]]]:
    """Yield each metric with the values, shape (runs, seeds), and the sides of its bounds."""
    z = like_the_reference(setup.reference, runs=runs, seeds=seeds, generator=generator)
    bounds = [bound for gauge in setup.gauges for bound in gauge.bounds]
    upwards = np.array([-float(_worse_end(bound)[1]) for bound in bounds])
    shaped = iter(np.moveaxis(upwards * SHAPES[scenario.shape](upwards * z, generator), -1, 0))
    for gauge in setup.gauges:
        sides = gauge.sides(alpha=setup.alpha, least=scenario.least, most=setup.most)
        yield (
            gauge,
            [
                (_centre(bound, scenario) + _scatter(bound, each, scenario) * next(shaped), each)
                for bound, each in zip(gauge.bounds, sides, strict=True)
            ],
        )


def _centre(bound: Bound, scenario: Scenario) -> float:
    assert bound.mean is not None  # a gauge holds bounds with a reference
    return _worse_end(bound)[0] if scenario.at_bound else bound.mean


def _scatter(bound: Bound, sides: Sequence[Plan], scenario: Scenario) -> float:
    assert bound.sd is not None  # for the same reason
    return scenario.sd * (sides[0].sigma if scenario.planned else bound.sd)


def _worse_end(bound: Bound) -> tuple[float, int]:
    """Return the end of a bound that worse code comes to, and the sign of its distance."""
    rising = bound.between is not None and known(bound.metric).better != "higher"
    upwards = bound.at_most is not None or rising
    return (bound.highest, 1) if upwards else (bound.lowest, -1)


def _tally(metric: str, scenario: Scenario, ends: Ends) -> Tally:
    return Tally(
        metric=metric,
        scenario=scenario,
        runs=len(ends.outcomes),
        passed=int(np.sum(ends.outcomes == PASS)),
        failed=int(np.sum(ends.outcomes == FAIL)),
        seeds=float(ends.seeds.mean()),
    )


def _check(values: np.ndarray, sides: Sequence[Plan], ends: Ends) -> None:
    for row, outcome, seeds in zip(
        values[:AGAIN].tolist(), ends.outcomes, ends.seeds, strict=False
    ):
        judged, took, _ = decide_all(row, sides)
        if (CODES[judged], took) != (outcome, seeds):
            simulated = f"simulated as {outcome} after {seeds} seeds"
            raise RuntimeError(f"{simulated}, judged {judged} after {took}: {row}")


def seeds_of_equal_power(sides: Sequence[Plan]) -> int:
    """Return how many seeds a fixed gate needs to err as seldom as the sequential test.

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
    """Return whether a gate of a fixed number of seeds fails each run, shape (runs,), bool.

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


def simulate_fixed(
    setup: Setup, scenario: Scenario, seeds: int, *, runs: int, generator: np.random.Generator
) -> Rate:
    """Return how many simulated runs of a case a gate of ``seeds`` seeds fails, by any metric."""
    failed = np.zeros(runs, bool)
    for _, drawn in simulated_values(setup, scenario, seeds, runs=runs, generator=generator):
        for values, sides in drawn:
            failed |= fixed_failures(values, sides)
    return Rate(hits=int(failed.sum()), runs=runs)
