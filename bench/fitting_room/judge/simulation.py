"""The error rates of a case's bounds and the seeds they take, measured on many simulated runs.

All runs take the sequential test of the gate itself at once: runs are rows, and every step is one
array operation over all of them. The test is compared with a gate that always takes a fixed number
of seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import scipy

from fitting_room.judge.quality import Curve
from fitting_room.judge.sequential import FAIL, PASS, Decision, Plan, decide, run, together
from fitting_room.judge.verdict import Bound
from fitting_room.metrics import known

SKEWED_BY = 0.3142
"""Sigma of a lognormal distribution of skewness 1, as far from normal as a gamma of shape 4."""
DEGREES = 5
"""Degrees of freedom of the heavy-tailed t distribution: its kurtosis is 9, a normal one has 3."""

Shape = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def skewed(z: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Return values with a long tail downwards: a shifted lognormal of skewness -1."""
    grown = math.exp(SKEWED_BY**2)
    centre, sd = math.sqrt(grown), math.sqrt(grown * (grown - 1))
    return (centre - np.exp(-SKEWED_BY * z)) / sd


def heavy(z: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return values with heavy tails, t with 5 degrees of freedom.

    The last axis shares its divisor, so that an outlier is one in every metric.
    """
    shared = generator.chisquare(DEGREES, size=(*z.shape[:-1], 1))
    return np.asarray(z * np.sqrt((DEGREES - 2) / shared))


SHAPES: dict[str, Shape] = {"normal": lambda z, _: z, "skewed": skewed, "heavy": heavy}
"""Name → function that gives standard normal values another shape."""


def like_the_reference(
    reference: np.ndarray, *, runs: int, seeds: int, generator: np.random.Generator
) -> np.ndarray:
    """Return standard normal values with the correlations that the metrics of the reference have.

    Each simulated seed is a random combination of the reference's deviations from their means, so
    that few reference seeds are enough: no correlation matrix is inverted. The reference has shape
    (reference seeds, metrics), float64, and is NaN where a seed has no value, which then says
    nothing about that metric. What is returned has shape (runs, seeds, metrics), float64.
    """
    apart = np.nan_to_num(reference - np.nanmean(reference, axis=0))
    lengths = np.sqrt((apart**2).sum(axis=0))
    mixed = generator.standard_normal((runs, seeds, len(reference)))
    return np.asarray(mixed @ (apart / np.where(lengths > 0, lengths, 1.0)))


def walk(values: np.ndarray, sides: Sequence[Plan]) -> Decision:
    """Judge every run, shape (runs, seeds), by every side of a bound."""
    return together([decide(values, side) for side in sides])


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """The distribution of the simulated seeds, and how many are required."""

    shape: str = "normal"
    sd: float = 1.0
    """Standard deviation, in units of the planned one or of that of the reference."""
    planned: bool = True
    """Whether the unit is the planned one."""
    at_bound: bool = False
    """Whether every mean lies at its bound, in a band at the worse end; else at the reference."""
    least: int = 1


SCATTERS = (
    ("normal", 1.0),
    ("normal", 0.7),
    ("normal", 1.3),
    ("skewed", 1.0),
    ("skewed", 1.3),
    ("heavy", 1.0),
)
"""Shape and standard deviation of each scenario."""


def scenarios(*, planned: bool) -> tuple[Scenario, ...]:
    """Return every scenario, with scatter in one of its two units."""
    return tuple(
        Scenario(shape=shape, sd=sd, planned=planned, at_bound=at_bound, least=least)
        for (shape, sd), at_bound, least in product(SCATTERS, (False, True), (1, 2))
    )


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A share of runs, with its Monte-Carlo error."""

    hits: int
    runs: int

    @property
    def estimate(self) -> float:
        """The share of runs."""
        return self.hits / self.runs

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of Clopper and Pearson."""
        low, high = scipy.stats.binomtest(self.hits, self.runs).proportion_ci()
        return float(low), float(high)


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The outcomes of the simulated runs of a metric or a case under one scenario, as counts."""

    metric: str
    """Empty for all metrics of the case together."""
    scenario: Scenario
    runs: int
    passed: int
    failed: int
    seeds: float
    """Mean number of seeds that a run took."""

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

    gauges: Sequence[Curve]
    """Metrics whose seeds scatter; one with a single bound is a curve of one epoch."""
    reference: np.ndarray
    """Values of the reference seeds, shape (seeds, bounds), bounds in the order of the gauges; NaN
    where a seed has none."""
    alpha: float
    """False-alarm rate of each metric; see ``sequential.share``."""
    most: int
    """The most seeds that a run may ask for."""
    stop_after: int | None = None
    """Epoch beyond which no curve is judged, as in the quick tier; None judges all."""


def simulate_case(
    setup: Setup, scenario: Scenario, *, runs: int, generator: np.random.Generator
) -> Iterator[Tally]:
    """Yield the tally of each metric under a scenario, and last the tally of all together."""
    each: list[Decision] = []
    drawn = simulated_values(setup, scenario, setup.most, runs=runs, generator=generator)
    for gauge, by_bound in drawn:
        each.append(together([walk(values, sides) for values, sides in by_bound]))
        yield _tally(gauge.metric, scenario, each[-1])
    yield _tally("", scenario, together(each))


def simulated_values(
    setup: Setup, scenario: Scenario, seeds: int, *, runs: int, generator: np.random.Generator
) -> Iterator[tuple[Curve, list[tuple[np.ndarray, tuple[Plan, ...]]]]]:
    """Yield each metric with the values, shape (runs, seeds), and the sides of its bounds."""
    z = like_the_reference(setup.reference, runs=runs, seeds=seeds, generator=generator)
    bounds = [bound for gauge in setup.gauges for bound in gauge.epochs]
    upwards = np.array([-float(_worse_end(bound)[1]) for bound in bounds])
    shaped = iter(np.moveaxis(upwards * SHAPES[scenario.shape](upwards * z, generator), -1, 0))
    for gauge in setup.gauges:
        sides = gauge.plans(alpha=setup.alpha, least=scenario.least, most=setup.most)
        pairs = zip(gauge.epochs, sides, strict=True)
        placed = [(_placed(next(shaped), bound, of, scenario), of) for bound, of in pairs]
        yield gauge, placed[: setup.stop_after]


def _placed(z: np.ndarray, bound: Bound, sides: Sequence[Plan], scenario: Scenario) -> np.ndarray:
    """Return standard values as values of a metric under a scenario."""
    assert bound.mean is not None and bound.sd is not None  # a gauge's bounds have a reference
    centre = _worse_end(bound)[0] if scenario.at_bound else bound.mean
    return centre + scenario.sd * (sides[0].sigma if scenario.planned else bound.sd) * z


def _worse_end(bound: Bound) -> tuple[float, int]:
    """Return the end of a bound that worse code comes to, and the sign of that direction."""
    rising = bound.between is not None and known(bound.metric).better != "higher"
    upwards = bound.at_most is not None or rising
    return (bound.highest, 1) if upwards else (bound.lowest, -1)


def _tally(metric: str, scenario: Scenario, ends: Decision) -> Tally:
    return Tally(
        metric=metric,
        scenario=scenario,
        runs=len(ends.outcomes),
        passed=int(np.sum(ends.outcomes == PASS)),
        failed=int(np.sum(ends.outcomes == FAIL)),
        seeds=float(ends.seeds.mean()),
    )


def seeds_of_equal_power(sides: Sequence[Plan]) -> int:
    """Return how many seeds a fixed gate needs to err as seldom as the sequential test.

    The errors are those of code with the reference's mean, which may fail, and of code whose mean
    sits at the bound, which may pass; the seeds are normal.
    """
    isf = scipy.stats.norm.isf
    distances = ((_limit(s) + float(isf(1 - run(s, 0.0).fails))) / s.gap for s in sides)
    return max(1, *(math.ceil(distance**2) for distance in distances))


def _limit(side: Plan) -> float:
    """Return the limit, in standard errors below the mean, with the test's false-alarm rate."""
    return float(scipy.stats.norm.isf(run(side, side.gap).fails))


def simulate_fixed(
    setup: Setup, scenario: Scenario, seeds: int, *, runs: int, generator: np.random.Generator
) -> Rate:
    """Return how many simulated runs of a case a gate of ``seeds`` seeds fails, by any metric."""
    failed = np.zeros(runs, bool)
    for _, drawn in simulated_values(setup, scenario, seeds, runs=runs, generator=generator):
        for values, sides in drawn:
            failed |= fixed_failures(values, sides)
    return Rate(hits=int(failed.sum()), runs=runs)


def fixed_failures(values: np.ndarray, sides: Sequence[Plan]) -> np.ndarray:
    """Return whether a gate of a fixed number of seeds fails each run, shape (runs,), bool.

    Its limit is set so that it fails unchanged code as seldom as the sequential test does. The
    values have shape (runs, seeds), float64.
    """
    failed = np.zeros(len(values), bool)
    for side in sides:
        room = _limit(side) * side.sigma / math.sqrt(values.shape[1])
        failed |= side.sign * values.mean(axis=1) < side.mean - room
    return failed
