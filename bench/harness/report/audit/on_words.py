"""Statements judged: one function for each kind that is not about means alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.harness.judge.claims import Check, judge_figure, judge_statement
from bench.harness.judge.interval import Interval, of_ratio
from bench.harness.report.audit import making, words
from bench.harness.report.audit.evidence import Evidence
from bench.harness.report.audit.finding import Finding
from bench.harness.report.audit.on_figure import claimed
from bench.harness.report.audit.on_means import on_means
from bench.harness.report.audit.on_statement import per_epoch, trades, when
from bench.harness.store.claims import Claim
from bench.harness.store.statements import (
    AnyStatement,
    BestTrade,
    Difference,
    Diminishing,
    Order,
    Ratio,
    Reach,
    Turn,
)


def on_statement(statement: AnyStatement, evidence: Evidence, figures: Sequence[Claim]) -> Finding:
    """Judge a statement; ``figures`` are those that tables show."""
    wanted = (statement.source, statement.metric)
    printed = {c.case: claimed(c) for c in figures if (c.source, c.metric) == wanted}
    if isinstance(statement, Difference | Order):
        return on_means(statement, evidence, printed)
    if isinstance(statement, Diminishing) and statement.of_cases:
        return on_means(statement, evidence, printed)
    missing = [case for case in statement.cases_named if not evidence.trained(case)]
    if missing:
        return making.on_statement(statement, "undecided", [making.awaited(missing)])
    if isinstance(statement, Ratio):
        return _on_ratio(statement, evidence, printed)
    if isinstance(statement, Diminishing):
        return _on_epochs(statement, evidence)
    if isinstance(statement, BestTrade):
        return _on_trade(statement, evidence)
    return _on_event(statement, evidence)


def _on_ratio(statement: Ratio, evidence: Evidence, printed: Mapping[str, Interval]) -> Finding:
    """Judge a multiple: by its own range, or by that of the figures it was printed in."""
    costs = evidence.costs(statement.cases_named, statement.metric)
    if len(costs) < len(statement.cases_named):
        why = f"no {words.name(statement.metric)} of one machine for all of its cases"
        return making.on_statement(statement, "undecided", [why])
    over, over_n = costs[statement.over]
    cost, cost_n = costs[statement.case]
    found, n = of_ratio(cost, over), min(cost_n, over_n)
    alone = f"middle half of at least {n} epochs each, alone on one machine"
    unlike = _unlike(statement, evidence)
    because = f"{alone}{unlike}"
    short = f"The middle half of our epochs gives another multiple{unlike}."
    known: dict[str, Any] = {
        "measured": f"{words.times(found)}, {n} epochs",
        "interval": found,
        "n": n,
    }
    if statement.low is not None:
        check = Check(found=found, low=statement.low, high=statement.high)
        outcome = judge_statement([check], better=None)
        return making.on_statement(statement, outcome, [because], short=short, **known)
    if not {statement.case, statement.over} <= printed.keys():
        why = f"its source prints no {words.name(statement.metric)} of both"
        return making.on_statement(statement, "undecided", [why], **known)
    theirs = of_ratio(printed[statement.case], printed[statement.over])
    return making.on_statement(
        statement,
        judge_figure(found, theirs, seeds=n, better=None),
        [because],
        short=short,
        published=f"{words.times(theirs)}",
        **known,
    )


def _unlike(statement: Ratio, evidence: Evidence) -> str:
    """Return in which settings the recipes of the cases differ, if in any: times follow them."""
    recipes = [
        asdict(evidence.trained(case)[-1].spec.case.recipe) for case in statement.cases_named
    ]
    differ = [key for key in recipes[0] if any(r[key] != recipes[0][key] for r in recipes)]
    return f"; here the recipes differ in {words.listed(differ)}" if differ else ""


def _on_epochs(statement: Diminishing, evidence: Evidence) -> Finding:
    found = per_epoch(statement, evidence)
    _, middle, late = statement.epochs
    if found is None:
        why = f"no seed was trained for {late} epochs"
        return making.on_statement(statement, "undecided", [why])
    outcome = judge_statement([Check(found=found, low=0, high=math.inf)], better=None)
    gain = f"{words.signed(statement.metric, found)}{words.points(statement.metric)}"
    return making.on_statement(
        statement,
        outcome,
        [f"an epoch up to {middle} gains more than one from there to {late} by {gain}"],
        measured=gain,
        interval=found,
        n=len(evidence.trained(statement.case or "")),
    )


def _on_event(statement: Turn | Reach, evidence: Evidence) -> Finding:
    """Judge when something comes about: the interval of its median over the seeds."""
    found = when(statement, evidence)
    if found is None:
        why = f"no seed has {words.name(statement.metric)} by epoch"
        return making.on_statement(statement, "undecided", [why])
    interval, told, n = found
    if isinstance(statement, Turn):
        first, last = statement.low, statement.high
        event = f"{words.name(statement.metric)} is best after epoch"
    else:
        first, last = 0, statement.by
        event = f"{100 * statement.target:g} % {words.name(statement.metric)} at epoch"
    check = Check(found=interval, low=first - 0.5, high=last + 0.5)  # epochs are whole numbers
    return making.on_statement(
        statement,
        judge_statement([check], better=None),
        [f"{event} {told} seeds (median, 95 % interval)"],
        measured=told,
        interval=interval,
        n=n,
    )


def _on_trade(statement: BestTrade, evidence: Evidence) -> Finding:
    rivals = trades(statement, evidence)
    if rivals is None:
        why = f"no {words.name(statement.cost)} of one machine for all of its cases"
        return making.on_statement(statement, "undecided", [why])
    places = {each.of: check.place for each, check in rivals}
    worse = [name for name, place in places.items() if place == "inside"]
    rest = [name for name, place in places.items() if place == "across"]
    better = [name for name, place in places.items() if place == "below"]
    cost, metric = words.name(statement.cost), words.name(statement.metric)
    because = [
        f"{words.listed(better)} has better {metric} for fewer {cost}" if better else "",
        f"{words.listed(rest)} may be as good for no more {cost}" if rest else "",
        f"{words.listed(worse)} surely worse in {metric}" if worse else "",
    ]
    checks = [check for _, check in rivals]
    outcome = judge_statement(checks, better=None) if checks else "reproduced"
    return making.on_statement(
        statement,
        outcome,
        because if checks else ["all others surely cost more"],
        measured=words.measured(
            statement.metric, evidence.values(statement.case, statement.metric)
        ),
        n=min(len(evidence.trained(case)) for case in statement.cases_named),
    )
