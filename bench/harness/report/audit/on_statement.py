"""Statements judged: what each kind measures, and which range it claims for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.harness.judge.censored import epochs_to_target, first_epoch
from bench.harness.judge.claims import as_printed
from bench.harness.judge.interval import LEVEL, Interval, of_contrast, of_ranges
from bench.harness.report.audit.evidence import Evidence
from bench.harness.report.audit.on_figure import BETTER
from bench.harness.report.audit.words import short
from bench.harness.store.statements import (
    Difference,
    Diminishing,
    Order,
    Reach,
    Turn,
)

Weights = Mapping[str, float]
"""Case → its weight in a sum of means."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One thing that a statement says: a sum of means over cases lies in a range."""

    of: str
    """What it is said of, in words."""
    weights: Weights
    low: float
    high: float


def asked(statement: Difference | Order | Diminishing) -> list[Asked]:
    """Return what a statement says of the means of cases."""
    sign = _sign(statement.metric)
    if isinstance(statement, Difference):
        claimed = as_printed(statement.published, statement.low, statement.high)
        return [
            Asked(
                of=short(case),
                weights={case: 1, statement.over: -1},
                low=claimed.low,
                high=claimed.high,
            )
            for case in statement.cases
        ]
    if isinstance(statement, Order):
        pairs = zip(statement.cases, statement.cases[1:], strict=False)
        return [
            Asked(
                of=f"{short(a)} over {short(b)}",
                weights={a: sign, b: -sign},
                low=0,
                high=math.inf,
            )
            for a, b in pairs
        ]
    first, second, *_, before, last = [*statement.cases[:2], *statement.cases[-2:]]
    weights: dict[str, float] = {}
    for case, weight in ((second, sign), (first, -sign), (last, -sign), (before, sign)):
        weights[case] = weights.get(case, 0) + weight
    return [Asked(of="the first step over the last", weights=weights, low=0, high=math.inf)]


def from_records(each: Asked, metric: str, evidence: Evidence, *, of: int = 1) -> Interval | None:
    """Return what the records have for it, or None where a case has none.

    ``of`` is how many such intervals are to hold together.
    """
    samples = [evidence.values(case, metric) for case in each.weights]
    if not all(samples):
        return None
    return of_contrast(samples, list(each.weights.values()), level=1 - (1 - LEVEL) / of)


def from_print(each: Asked, printed: Mapping[str, Interval]) -> Interval | None:
    """Return what the source's own figures have for it, or None where one was not printed."""
    if not each.weights.keys() <= printed.keys():
        return None
    return of_ranges([printed[case] for case in each.weights], list(each.weights.values()))


def per_epoch(statement: Diminishing, evidence: Evidence) -> Interval | None:
    """Return how much more an epoch gains before the middle one than after it, seed by seed."""
    sign = _sign(statement.metric)
    early, middle, late = statement.epochs
    gains = [
        sign * ((b - a) / (middle - early) - (c - b) / (late - middle))
        for curve in evidence.curves(statement.case or "", statement.metric)
        if len(curve) >= late
        for a, b, c in [(curve[early - 1], curve[middle - 1], curve[late - 1])]
        if a is not None and b is not None and c is not None
    ]
    return of_contrast([gains], [1.0]) if gains else None


def when(statement: Turn | Reach, evidence: Evidence) -> tuple[Interval, str, int] | None:
    """Return the median epoch at which it comes about, in numbers and in words, with n."""
    curves = evidence.curves(statement.case, statement.metric)
    if not curves:
        return None
    events = [
        first_epoch(curve, statement.target)
        if isinstance(statement, Reach)
        else _turn(curve, statement.metric)
        for curve in curves
    ]
    found = epochs_to_target(events, watched=[len(curve) for curve in curves])
    low, high = found.interval
    # What was not seen by the last epoch comes after it, and a turn perhaps with it: no later
    # epoch is excluded by not having been watched.
    seen = found.horizon + isinstance(statement, Reach)
    interval = Interval(estimate=found.median, low=min(low, seen), high=high)
    return interval, found.words, found.n


def _turn(curve: Sequence[float | None], metric: str) -> int | None:
    """Return the epoch of the best value; None where it is the last, so that no turn was seen."""
    known = [-math.inf if value is None else _sign(metric) * value for value in curve]
    best = known.index(max(known)) + 1
    return best if best < len(curve) else None


def _sign(metric: str) -> float:
    """Return by what a metric is multiplied so that more of it is better."""
    return 1.0 if BETTER.get(metric) == "higher" else -1.0
