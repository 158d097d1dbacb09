"""Statements judged: what each kind measures, and the range that it claims."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from fitting_room import format as words
from fitting_room.analysis import claims
from fitting_room.analysis.claims import Finding, better
from fitting_room.analysis.evidence import Evidence, short
from fitting_room.judge.censored import epochs_to_target, first_epoch
from fitting_room.judge.claims import Check, Label, as_printed, judge_statement, with_its_source
from fitting_room.judge.interval import LEVEL, Interval, of_contrast, of_ranges
from fitting_room.store.claims import Difference, Diminishing, Order, Reach, Turn

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
    return 1.0 if better(metric) == "higher" else -1.0


Means = Difference | Order | Diminishing
Checks = list[tuple[Asked, Check]]


def on_means(statement: Means, evidence: Evidence, printed: Mapping[str, Interval]) -> Finding:
    """Judge a statement from records, and from the source's own figures by case."""
    things, metric = asked(statement), statement.metric
    own = _checks(things, [from_print(each, printed) for each in things])
    refuted = [(each, check) for each, check in own if check.place in ("above", "below")]
    by_itself = f"its own figures have {_told(metric, refuted)}" if refuted else ""
    missing = [case for case in statement.cases_named if not evidence.trained(case)]
    if missing:
        outcome = with_its_source("undecided", contradicted=bool(refuted))
        return claims.on_statement(statement, outcome, [by_itself, claims.awaited(missing)])
    found = [from_records(each, metric, evidence, of=len(things)) for each in things]
    checks = _checks(things, found)
    way = better(metric) if isinstance(statement, Difference) else None
    outcome = judge_statement([check for _, check in checks], better=way)
    n = min(len(evidence.values(case, metric)) for case in statement.cases_named)
    return claims.on_statement(
        statement,
        with_its_source(outcome, contradicted=bool(refuted)),
        [f"here {_told(metric, _decisive(checks, outcome))}", by_itself],
        measured=f"{_measured(statement, evidence, [each.found for _, each in checks])} ({n})",
        interval=found[0] if len(found) == 1 else None,
        n=n,
    )


def _checks(things: Sequence[Asked], found: Sequence[Interval | None]) -> Checks:
    return [
        (each, Check(found=interval, low=each.low, high=each.high))
        for each, interval in zip(things, found, strict=True)
        if interval
    ]


def _decisive(checks: Checks, outcome: Label) -> Checks:
    """Return what a verdict rests on: all that agrees, or else what does not."""
    if outcome == "reproduced":
        return checks
    return [(each, check) for each, check in checks if check.place != "inside"]


def _told(metric: str, checks: Checks) -> str:
    told = [f"{each.of} {words.signed(metric, check.found)}" for each, check in checks]
    return words.listed(told) + words.points(metric)


def _measured(statement: Means, evidence: Evidence, found: Sequence[Interval]) -> str:
    if not isinstance(statement, Order):
        return words.between(statement.metric, [each.estimate for each in found])
    means = {c: fmean(evidence.values(c, statement.metric)) for c in statement.cases}
    best_first = sorted(means, key=means.__getitem__, reverse=better(statement.metric) == "higher")
    return ", ".join(short(case) for case in best_first)
