"""Statements about what cases cost: a multiple."""

from __future__ import annotations

from collections.abc import Mapping

from bench.harness.judge.claims import (
    LEAST_SEEDS,
    Check,
    Outcome,
    judge_figure,
    judge_statement,
)
from bench.harness.judge.interval import Interval, of_ratio
from bench.harness.report.audit import making, words
from bench.harness.report.audit.costs import Costs, costs_of
from bench.harness.report.audit.evidence import Evidence
from bench.harness.report.audit.finding import Finding
from bench.harness.store.statements import Ratio


def on_ratio(statement: Ratio, evidence: Evidence, printed: Mapping[str, Interval]) -> Finding:
    """Judge a multiple: by its own range, or by that of the figures it was printed in."""
    costs = costs_of(statement.cases_named, statement.metric, evidence)
    if why := _why_nothing(statement, costs, evidence):
        return making.on_statement(statement, "undecided", [why])
    found = of_ratio(costs.of[statement.case], costs.of[statement.over])
    theirs = None
    if statement.low is None and {statement.case, statement.over} <= printed.keys():
        theirs = of_ratio(printed[statement.case], printed[statement.over])
    outcome, because = _multiple(statement, found, theirs, costs)
    return making.on_statement(
        statement,
        outcome,
        [because],
        short="Our own seconds give another multiple.",
        measured=f"{words.times(found)}, {costs.n} {costs.unit}",
        interval=found,
        n=costs.n,
        **({"published": words.times(theirs)} if theirs else {}),
    )


def _multiple(
    statement: Ratio, found: Interval, theirs: Interval | None, costs: Costs
) -> tuple[Outcome, str]:
    if statement.low is None and theirs is None:
        return "undecided", f"its source prints no {words.name(statement.metric)} of both"
    if not costs.comparable:
        return "not comparable", costs.told
    if theirs:
        seeds = LEAST_SEEDS if costs.exact else costs.n
        return judge_figure(found, theirs, seeds=seeds, better=None), costs.told
    check = Check(found=found, low=statement.low or 0, high=statement.high)
    return judge_statement([check], better=None), costs.told


def _why_nothing(statement: Ratio, costs: Costs, evidence: Evidence) -> str | None:
    """Return why a statement has to wait, if it has to."""
    unknown = [case for case in statement.cases_named if case not in costs.of]
    if missing := [case for case in unknown if not evidence.trained(case)]:
        return making.awaited(missing)
    if unknown:
        return f"no {words.name(statement.metric)} of one machine for all of its cases"
    return None
