"""Every claim of a file judged from committed records, in the order of the file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fitting_room import format as words
from fitting_room.analysis import statements
from fitting_room.analysis.evidence import COUNTS, Evidence, epoch_seconds, short, title
from fitting_room.analysis.statements import NO_RECORDS, Judgement, undecided
from fitting_room.analysis.trials import figure, publishable
from fitting_room.errors import UserError
from fitting_room.format import Interval
from fitting_room.judge.interval import of_new_count, of_new_seed, of_new_share
from fitting_room.judge.timing import SECONDS
from fitting_room.judge.verdict import (
    CLAIM_OUTCOMES,
    EPOCHS,
    LEAST_SEEDS,
    Verdict,
    as_printed,
    exclude,
    judge_figure,
    with_its_source,
)
from fitting_room.machine import PLATFORMS, USUAL, platform_of
from fitting_room.metrics import known
from fitting_room.project import Project
from fitting_room.record import Record
from fitting_room.spec import TASKS, parts
from fitting_room.store.claims import AnyStatement, Claim, Published, read_published
from fitting_room.store.key import why_stale
from fitting_room.store.records import Speed, Store, read_speeds

PROBABILITY = "probability"
FOLDERS = ("reference", "exercises")
"""The folders of records under the results: the tables' own, and points that no table has."""


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """What claims are judged by."""

    records: Sequence[Record]
    speeds: Sequence[Speed]
    """The times of plain fits by the present code."""
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
    """Return every reference in a folder, which holds those of one platform.

    Raises:
        UserError: One may not be published, or is of another platform: to leave it out would be a
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
    wanted = PLATFORMS.get(folder.name, USUAL)
    if strays := sorted({platform_of(r).name for r in records if platform_of(r) != wanted}):
        raise UserError(
            f"{folder} holds records of {', '.join(strays)} among those of {wanted.words}. Move "
            "them to reference/BACKEND-DEVICE of the results: tables and bounds never mix the two."
        )
    return records


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A claim with the verdict on it, and the words that a table has for both."""

    claim: Claim | AnyStatement
    verdict: Verdict
    """Its interval is where a new seed falls, or how surely a mean is known."""
    said: str
    """What the claim is about, in words."""
    short: str
    """Why it does not hold, in a sentence that other claims may share; empty where it does."""
    measured: str
    """The figure with scatter and n; empty where nothing was measured."""

    @property
    def mislabelled(self) -> tuple[str, str] | None:
        """The metric that a figure was taken from, and the one it was published as, in words."""
        if not isinstance(self.claim, Claim) or not self.claim.watches:
            return None
        return words.name(self.claim.watches), words.name(self.claim.metric)

    @property
    def surprising(self) -> bool:
        """Whether the verdict is another than the claims file says it is known to get."""
        return self.claim.expected not in (None, self.verdict.label)


def audit(
    published: Published, records: Sequence[Record], speeds: Sequence[Speed] = ()
) -> list[Finding]:
    """Return one finding a claim; a pure function of what was published and of what was measured.

    Ratios of seconds are judged by ``speeds``, the times of plain fits by the present code.
    """
    evidence = Evidence(records, speeds)
    figures = [claim for claim in published.all if isinstance(claim, Claim)]
    tables = [claim for metrics in published.figures.values() for claim in metrics.values()]
    found = []
    for each in published.all:
        if isinstance(each, Claim):
            printed = words.name(each.metric)
            said = each.said or f"{title(each.case)}, {short(each.case)}: {printed}"
            found.append(_finding(each, _on_figure(each, evidence, figures), said, evidence))
        else:
            judged = _on_statement(each, evidence, tables)
            found.append(_finding(each, judged, each.said, evidence))
    return found


def _on_statement(
    statement: AnyStatement, evidence: Evidence, tables: Sequence[Claim]
) -> Judgement:
    of = (statement.source, statement.metric)
    printed = {c.case: claimed(c) for c in tables if (c.source, c.metric) == of}
    found = statements.judge(statement, evidence, printed)
    if found.label == "contradicted by its own source":
        return replace(found, short="Figures of the same source say otherwise.")
    return found


def _finding(
    claim: Claim | AnyStatement, found: Judgement, said: str, evidence: Evidence
) -> Finding:
    verdict = Verdict(
        subject=claim.name,
        metric=claim.metric,
        question="as published",
        against=found.published or claim.published,
        outcome=CLAIM_OUTCOMES[found.label],
        label=found.label,
        estimate=found.interval.estimate if found.interval else None,
        interval=found.interval,
        n=found.n,
        reason=found.because,
        records=tuple(r.key for case in claim.cases_named for r in evidence.trained(case)),
    )
    short = found.short if verdict.outcome == "fail" else ""
    return Finding(claim=claim, verdict=verdict, said=said, short=short, measured=found.measured)


def claimed(claim: Claim) -> Interval:
    """Return what was printed, with all that rounds to it."""
    return as_printed(claim.published, claim.low, claim.high)


def _on_figure(claim: Claim, evidence: Evidence, others: Sequence[Claim]) -> Judgement:
    """Judge a figure by the records, and by ``others``, all figures of the file, without any."""
    found = _by_records(claim, evidence)
    because, short_of = [found.because], "One more seed of ours does not fall there."
    if claim.metric in COUNTS:
        short_of = "It was counted otherwise."
    same = [other for other in others if other.quantity == claim.quantity]
    against = [each.published for each in same if exclude(claimed(each), claimed(claim))]
    if against:
        because.insert(0, f"the same source also says {words.listed(against)}")
        short_of = "Another figure of the same source excludes it."
    if claim.described:
        short_of = "The layers it describes have another count."
    if claim.watches:
        mistaken = f"a {words.name(claim.watches)} published as {words.name(claim.metric)}"
        values = evidence.values(claim.case, claim.watches)
        here = f", here {_measured(claim.watches, values)}" if values else ""
        because.insert(0, f"{mistaken}{here}")
        short_of = f"A{mistaken[1:]}."
    label = with_its_source(found.label, contradicted=bool(against or claim.watches))
    return replace(found, label=label, because="; ".join(because), short=short_of)


def _by_records(claim: Claim, evidence: Evidence) -> Judgement:
    case, metric = claim.case, claim.metric
    if metric == SECONDS:
        return _on_seconds(claim, evidence)
    if metric == PROBABILITY:
        values = _probabilities(claim, evidence)
    else:
        values = evidence.values(case, metric, epoch=claim.epoch)
    if not values:
        some = f"no reference records with {words.name(metric)} yet"
        return undecided(some if evidence.trained(case) else NO_RECORDS)
    if metric in COUNTS:
        return _on_count(claim, values)
    n, kinds = len(values), {EPOCHS: of_new_count, PROBABILITY: of_new_share}
    found = kinds.get(metric, of_new_seed)(values)
    where = f"a new seed falls within {words.span(metric, found)}"
    if metric == EPOCHS:
        targets = TASKS[parts(case)[0]].targets.items()
        aims = words.listed([f"{100 * target:g} % {words.name(of)}" for of, target in targets])
        where = f"to {aims} {n} seeds took {words.epochs(found)} epochs"
    elif n < LEAST_SEEDS:
        where += f", but {n} seeds are too few to tell from"
    lost = sum(r.spec.case.name == case and not r.completed for r in evidence.records)
    way = claim.better or known(metric).better
    return Judgement(
        label=judge_figure(found, claimed(claim), seeds=n, better=way),
        because=where + (f"; {lost} more trials came to no result" if lost else ""),
        measured=_measured(metric, values),
        interval=found,
        n=n,
    )


def _measured(metric: str, values: Sequence[float]) -> str:
    if metric == EPOCHS:
        reached = sum(map(math.isfinite, values))
        return f"{words.epochs(of_new_count(values))}, reached {reached}/{len(values)}"
    return words.measured(metric, figure(values))


def _probabilities(claim: Claim, evidence: Evidence) -> list[float]:
    """Return the probability that each seed gives to the class of an image, where kept."""
    image, label = claim.image, claim.label
    if image is None or label is None:
        return []
    firsts = [r.confidence.first for r in evidence.trained(claim.case) if r.confidence]
    return [first[image][label] for first in firsts if image < len(first)]


def _on_seconds(claim: Claim, evidence: Evidence) -> Judgement:
    """Seconds of another machine say nothing; what they are as multiples is a claim of its own."""
    because = "seconds of another machine"
    costs = epoch_seconds([claim.case], evidence)
    interval = costs.of.get(claim.case)
    if interval is None:
        return Judgement(label="not comparable", because=because)
    seconds = words.around(interval.estimate, interval.low, interval.high, " s")
    return Judgement(
        label="not comparable",
        because=f"{because}: only the ratios of its rows are judged",
        measured=f"{seconds}, {costs.n} epochs",
        interval=interval,
        n=costs.n,
    )


def _on_count(claim: Claim, values: Sequence[float]) -> Judgement:
    found = sorted(set(values))
    shown = " and ".join(words.count(value) for value in found)
    agrees = all(claim.low <= value <= claim.high for value in found)
    layers = f"the layers it describes ({claim.described}) have {shown}"
    counted = layers if claim.described else f"counted {shown}"
    return Judgement(
        label=with_its_source(
            "reproduced" if agrees else "not reproduced", contradicted=bool(claim.described)
        ),
        because=counted if agrees else f"{counted}, not {claim.published}",
        measured=shown,
        interval=Interval(estimate=found[-1], low=found[0], high=found[-1]),
        n=len(values),
    )
