"""Statements judged, each by what its kind is about; here those about the epochs of one case."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.harness.judge.claims import Check, judge_statement
from bench.harness.report.audit import making, words
from bench.harness.report.audit.evidence import Evidence
from bench.harness.report.audit.finding import Finding
from bench.harness.report.audit.on_costs import on_ratio
from bench.harness.report.audit.on_figure import claimed
from bench.harness.report.audit.on_means import on_means
from bench.harness.report.audit.on_statement import per_epoch, when
from bench.harness.store.claims import Claim
from bench.harness.store.statements import (
    AnyStatement,
    Difference,
    Diminishing,
    Opinion,
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
    if isinstance(statement, Ratio):
        return on_ratio(statement, evidence, printed)
    if isinstance(statement, Opinion):
        return making.on_statement(statement, "not comparable", ["no measurement decides it"])
    if not evidence.trained(statement.case or ""):
        waits = making.awaited(statement.cases_named)
        return making.on_statement(statement, "undecided", [waits])
    if isinstance(statement, Diminishing):
        return _on_epochs(statement, evidence)
    return _on_event(statement, evidence)


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
