"""Statements about means of cases: differences, orders, and steps that gain less and less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from bench.harness.judge.claims import Check, Outcome, judge_statement, with_its_source
from bench.harness.judge.interval import Interval
from bench.harness.report.audit import making, words
from bench.harness.report.audit.evidence import Evidence
from bench.harness.report.audit.finding import Finding
from bench.harness.report.audit.on_figure import BETTER
from bench.harness.report.audit.on_statement import (
    Asked,
    asked,
    from_print,
    from_records,
)
from bench.harness.store.statements import Difference, Diminishing, Order

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
        return making.on_statement(statement, outcome, [by_itself, making.awaited(missing)])
    found = [from_records(each, metric, evidence, of=len(things)) for each in things]
    checks = _checks(things, found)
    better = BETTER.get(metric) if isinstance(statement, Difference) else None
    outcome = judge_statement([check for _, check in checks], better=better)
    n = min(len(evidence.values(case, metric)) for case in statement.cases_named)
    return making.on_statement(
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


def _decisive(checks: Checks, outcome: Outcome) -> Checks:
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
    best_first = sorted(
        means, key=means.__getitem__, reverse=BETTER.get(statement.metric) == "higher"
    )
    return ", ".join(words.short(case) for case in best_first)
