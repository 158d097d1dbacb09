"""How often a case's bounds err, and how many seeds they take: measured on made-up runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from bench.harness.judge.bound import Bound
from bench.harness.judge.plan import Plan, plans
from bench.harness.judge.scatter import SHAPES, like_the_reference
from bench.harness.judge.sequential import decide_all
from bench.harness.judge.simulate import CODES, FAIL, PASS, Ends, together, walk
from bench.harness.judge.words import is_loss

AGAIN = 25
"""Runs of each scenario that are judged once more, one by one, by the gate's own function."""


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
    """What the seeds of the made-up runs are like, and how many are asked for."""

    shape: str = "normal"
    sd: float = 1.0
    """In units of the scatter planned with."""
    at_bound: bool = False
    """Whether every mean sits at its bound, the worse end of a band; else at the reference's."""
    least: int = 1


SCENARIOS = tuple(
    Scenario(shape=shape, sd=sd, at_bound=at_bound, least=least)
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
        found = binomtest(self.hits, self.runs).proportion_ci()
        return float(found.low), float(found.high)


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How the made-up runs of one metric, or of a whole case, ended under one scenario."""

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


def rehearse(
    gauges: Sequence[Gauge],
    reference: np.ndarray,
    scenario: Scenario,
    *,
    alpha: float,
    most: int,
    runs: int,
    generator: np.random.Generator,
) -> Iterator[Tally]:
    """Yield the tally of each metric under a scenario, and at last that of all together.

    Args:
        gauges: what gates the case.
        reference: of every reference seed, shape (seeds, bounds), the bounds of all gauges in
            order; NaN where a seed has none.
        scenario: what the seeds are like.
        alpha: of each metric; see ``family.share``.
        most: seeds after which no more come.
        runs: to make up.
        generator: of the random numbers.

    Raises:
        RuntimeError: the gate's own function judges one of the runs differently.
    """
    z = like_the_reference(reference, runs=runs, seeds=most, generator=generator)
    bounds = [bound for gauge in gauges for bound in gauge.bounds]
    towards_bad = np.array([1.0 if _worse_end(bound)[1] < 0 else -1.0 for bound in bounds])
    shaped = towards_bad * SHAPES[scenario.shape](towards_bad * z, generator)
    each: list[Ends] = []
    column = 0
    for gauge in gauges:
        found = []
        for bound, sides in zip(
            gauge.bounds,
            gauge.sides(alpha=alpha, least=scenario.least, most=most),
            strict=True,
        ):
            values = _centre(bound, scenario) + sides[0].sigma * scenario.sd * shaped[..., column]
            found.append(walk(values, sides))
            _check(values, sides, found[-1])
            column += 1
        each.append(together(found))
        yield _tally(gauge.metric, scenario, each[-1])
    yield _tally("", scenario, together(each))


def _centre(bound: Bound, scenario: Scenario) -> float:
    assert bound.mean is not None  # a gauge holds bounds with a reference
    return _worse_end(bound)[0] if scenario.at_bound else bound.mean


def _worse_end(bound: Bound) -> tuple[float, int]:
    """Return the end of a bound that worse code comes to, and the sign of its distance."""
    upwards = bound.at_most is not None or (bound.between is not None and is_loss(bound.metric))
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
