"""Every claim of a file judged from committed records, in the order of the file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fitting_room import format as words
from fitting_room.analysis import claims
from fitting_room.analysis.claims import Finding, claimed, on_figure
from fitting_room.analysis.costs import on_ratio
from fitting_room.analysis.evidence import Evidence
from fitting_room.analysis.statements import on_means, per_epoch, when
from fitting_room.analysis.trials import publishable
from fitting_room.errors import UserError
from fitting_room.judge.claims import Check, judge_statement
from fitting_room.project import Project
from fitting_room.record import Record
from fitting_room.store.claims import (
    AnyStatement,
    Claim,
    Difference,
    Diminishing,
    Opinion,
    Order,
    Published,
    Ratio,
    Reach,
    Turn,
    read_published,
)
from fitting_room.store.key import why_stale
from fitting_room.store.records import Speed, Store, read_speeds

FOLDERS = ("reference", "exercises")
"""Of records under the results: those of the tables, and of the points that no table has."""


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """What claims are judged by."""

    records: Sequence[Record]
    speeds: Sequence[Speed]
    """Of plain fits, by the present code."""
    stale: Mapping[str, str]
    """Case → why its records are not those of the present code."""
    outdated: Mapping[str, str]
    """Case → why its times are not, and are left out."""


def grounds(project: Project, results: Path) -> Grounds:
    """Return what is committed under a folder, and may be shown.

    A case that has references is judged by them alone. Exercises train it too where its references
    are of older code, and what they keep of a trial lacks its predictions.

    Raises:
        UserError: A record or a time cannot be read, or a record may not be published.
    """
    reference, exercises = (references(results / name) for name in FOLDERS)
    referred = {record.spec.case.name for record in reference}
    records = [*reference, *(r for r in exercises if r.spec.case.name not in referred)]
    speeds = read_speeds(results / "speed")
    outdated = why_stale([each.record for each in speeds], project.known, root=project.root)
    return Grounds(
        records=records,
        speeds=[each for each in speeds if each.spec.case.name not in outdated],
        stale=why_stale(records, project.known, root=project.root),
        outdated=outdated,
    )


def claims_in(path: Path | None, project: Project) -> Published:
    """Return every claim in a file, about any case of tables or exercises; none without a file.

    Raises:
        UserError: As ``read_published`` does.
    """
    if path is None:
        return Published(figures={}, further=(), statements=())
    return read_published(path, cases=project.cases, others=project.exercise_cases)


def references(folder: Path) -> list[Record]:
    """Return every reference there is.

    Raises:
        UserError: One may not be published: it is no reference, and to leave it out would be a
            choice.
    """
    records = list(Store(folder).all())
    unfit = sorted({r.spec.case.name for r in records if not publishable(r)})
    if unfit:
        raise UserError(
            f"{folder} holds records of {', '.join(unfit)} with overridden epochs, on the sample, "
            "of a search or of a quick run. Tables for readers need the recipe's epochs and the "
            "whole data: move them away."
        )
    return records


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
        return claims.on_statement(statement, "not comparable", ["no measurement decides it"])
    if not evidence.trained(statement.case or ""):
        waits = claims.awaited(statement.cases_named)
        return claims.on_statement(statement, "undecided", [waits])
    if isinstance(statement, Diminishing):
        return _on_epochs(statement, evidence)
    return _on_event(statement, evidence)


def _on_epochs(statement: Diminishing, evidence: Evidence) -> Finding:
    found = per_epoch(statement, evidence)
    _, middle, late = statement.epochs
    if found is None:
        why = f"no seed was trained for {late} epochs"
        return claims.on_statement(statement, "undecided", [why])
    outcome = judge_statement([Check(found=found, low=0, high=math.inf)], better=None)
    gain = f"{words.signed(statement.metric, found)}{words.points(statement.metric)}"
    return claims.on_statement(
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
        return claims.on_statement(statement, "undecided", [why])
    interval, told, n = found
    if isinstance(statement, Turn):
        first, last = statement.low, statement.high
        event = f"{words.name(statement.metric)} is best after epoch"
    else:
        first, last = 0, statement.by
        event = f"{100 * statement.target:g} % {words.name(statement.metric)} at epoch"
    check = Check(found=interval, low=first - 0.5, high=last + 0.5)  # epochs are whole numbers
    return claims.on_statement(
        statement,
        judge_statement([check], better=None),
        [f"{event} {told} seeds (median, 95 % interval)"],
        measured=told,
        interval=interval,
        n=n,
    )


def audit(
    published: Published, records: Sequence[Record], speeds: Sequence[Speed] = ()
) -> list[Finding]:
    """Return one finding a claim; a pure function of what was published and of what was measured.

    Args:
        published: The claims of a file.
        records: Of any cases.
        speeds: Times of plain fits by the present code, by which ratios of seconds are judged.
    """
    evidence = Evidence(records, speeds)
    figures = [claim for claim in published.all if isinstance(claim, Claim)]
    tables = [claim for metrics in published.figures.values() for claim in metrics.values()]
    found = [
        on_figure(each, evidence, figures)
        if isinstance(each, Claim)
        else on_statement(each, evidence, tables)
        for each in published.all
    ]
    return [_with_records(each, evidence) for each in found]


def _with_records(found: Finding, evidence: Evidence) -> Finding:
    keys = tuple(record.key for case in found.cases for record in evidence.trained(case))
    return replace(found, verdict=replace(found.verdict, records=keys))
