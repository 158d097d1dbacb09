"""Statements about what cases cost: a multiple, and the best trade of a metric for a cost."""

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
from bench.harness.report.audit.on_statement import trades
from bench.harness.store.statements import BestTrade, Ratio


def on_ratio(statement: Ratio, evidence: Evidence, printed: Mapping[str, Interval]) -> Finding:
    """Judge a multiple: by its own range, or by that of the figures it was printed in."""
    costs = costs_of(statement.cases_named, statement.metric, evidence)
    if why := _why_nothing(statement, statement.metric, costs, evidence):
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


def on_trade(statement: BestTrade, evidence: Evidence) -> Finding:
    """Judge the best trade: whatever is as good must surely cost more."""
    costs = costs_of(statement.cases_named, statement.cost, evidence)
    if why := _why_nothing(statement, statement.cost, costs, evidence):
        return making.on_statement(statement, "undecided", [why])
    rivals = trades(statement, costs.of, evidence)
    places = {each.of: check.place for each, check in rivals}
    outcome: Outcome = "not comparable"
    if costs.comparable:
        checks = [check for _, check in rivals]
        outcome = judge_statement(checks, better=None) if checks else "reproduced"
    return making.on_statement(
        statement,
        outcome,
        [*(_told(statement, places) if costs.comparable else ()), costs.told],
        measured=words.measured(
            statement.metric, evidence.values(statement.case, statement.metric)
        ),
        n=min(len(evidence.trained(case)) for case in statement.cases_named),
    )


def _told(statement: BestTrade, places: Mapping[str, str]) -> list[str]:
    """Say of each other case why it is no better trade, or how it may be one."""
    worse, rest, better = (
        words.listed([name for name, place in places.items() if place == wanted])
        for wanted in ("inside", "across", "below")
    )
    dearer = words.listed([name for c in statement.cases if (name := words.short(c)) not in places])
    cost, metric = words.name(statement.cost), words.name(statement.metric)
    return [
        f"{better} has better {metric} for fewer {cost}" if better else "",
        f"{rest} may be as good for no more {cost}" if rest else "",
        f"{worse} surely worse in {metric}" if worse else "",
        f"{dearer} surely more {cost}" if dearer else "",
    ]


def _why_nothing(
    statement: Ratio | BestTrade, cost: str, costs: Costs, evidence: Evidence
) -> str | None:
    """Return why a statement has to wait, if it has to."""
    scored = {*costs.of} if isinstance(statement, Ratio) else set()  # a trade needs trials besides
    missing = [c for c in statement.cases_named if c not in scored and not evidence.trained(c)]
    if missing:
        return making.awaited(missing)
    if len(costs.of) < len(statement.cases_named):
        return f"no {words.name(cost)} of one machine for all of its cases"
    return None
