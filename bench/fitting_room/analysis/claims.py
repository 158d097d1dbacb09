"""Published figures judged, and what an audit finds out about a claim."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from fitting_room import format as words
from fitting_room.analysis.evidence import COUNTS, Evidence, short, title
from fitting_room.analysis.figures import figure
from fitting_room.judge.claims import (
    LEAST_SEEDS,
    OUTCOMES,
    Better,
    Label,
    as_printed,
    exclude,
    judge_figure,
    with_its_source,
)
from fitting_room.judge.interval import Interval, of_new_count, of_new_seed, of_new_share
from fitting_room.judge.verdict import Verdict
from fitting_room.metrics import known
from fitting_room.spec import TASKS, parts
from fitting_room.store.claims import AnyStatement, Claim

NO_RECORDS = "no reference records yet"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A claim with the verdict on it, and the words that a table has for both."""

    claim: Claim | AnyStatement
    verdict: Verdict
    """Its interval is where a new seed falls, or how surely a mean is known."""
    said: str
    """What the claim is about, in words."""
    short: str = ""
    """Why it does not hold, in a sentence that other claims may share; empty where it does."""
    measured: str = ""
    """With scatter and n; empty where nothing was measured."""
    cases: tuple[str, ...]
    """Whose records it rests on, or waits for."""

    @property
    def kind(self) -> str:
        """The sort of claim, as the claims file has it."""
        return "figure" if isinstance(self.claim, Claim) else str(self.claim.__struct_config__.tag)

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


FAULTS: tuple[Label, ...] = ("not reproduced", "contradicted by its own source")
"""Verdicts of which a reader must know why."""


def _verdict(
    claim: Claim | AnyStatement,
    label: Label,
    because: str,
    *,
    interval: Interval | None = None,
    n: int = 0,
    published: str = "",
) -> Verdict:
    return Verdict(
        subject=claim.name,
        metric=getattr(claim, "metric", ""),
        question="as published",
        against=published or claim.published,
        outcome=OUTCOMES[label],
        label=label,
        estimate=interval.estimate if interval else None,
        interval=interval,
        n=n,
        reason=because,
    )


def on_claim(
    claim: Claim, label: Label, because: str, *, measured: str = "", **known: Any
) -> Finding:
    """Return the finding on a figure."""
    return Finding(
        claim=claim,
        verdict=_verdict(claim, label, because, **known),
        said=claim.said or f"{title(claim.case)}, {short(claim.case)}: {words.name(claim.metric)}",
        short=short_of_figure(claim, label),
        measured=measured,
        cases=(claim.case,),
    )


def on_statement(
    statement: AnyStatement,
    label: Label,
    because: Sequence[str],
    *,
    short: str = "The 95 % interval lies outside what it says.",
    measured: str = "",
    **known: Any,
) -> Finding:
    """Return the finding on a statement, for reasons of which some may be empty.

    ``short`` is why it is not reproduced, if it is not, in a sentence that others may share.
    """
    if label == "contradicted by its own source":
        short = "Figures of the same source say otherwise."
    return Finding(
        claim=statement,
        verdict=_verdict(statement, label, "; ".join(filter(None, because)), **known),
        said=statement.said,
        short=short if label in FAULTS else "",
        measured=measured,
        cases=statement.cases_named,
    )


def short_of_figure(claim: Claim, verdict: Label) -> str:
    """Return why a figure does not hold, in a sentence that others may share; empty if it does."""
    if verdict not in FAULTS:
        return ""
    if claim.watches:
        return f"A {words.name(claim.watches)} published as {words.name(claim.metric)}."
    if claim.described:
        return "The layers it describes have another count."
    if verdict == "contradicted by its own source":
        return "Another figure of the same source excludes it."
    counted = claim.metric in COUNTS
    return "It was counted otherwise." if counted else "One more seed of ours does not fall there."


def awaited(cases: Sequence[str]) -> str:
    """Return that a statement has to wait, and for what."""
    return f"{NO_RECORDS} of {words.listed([short(case) for case in cases])}"


def better(metric: str) -> Better | None:
    """Return which way a metric is better; None where it is neither way."""
    found = known(metric).better
    return None if found == "neither" else found


def claimed(claim: Claim) -> Interval:
    """Return what was printed, with all that rounds to it."""
    return as_printed(claim.published, claim.low, claim.high)


def contradicting(claim: Claim, others: Sequence[Claim]) -> list[Claim]:
    """Return the other figures that the same source prints of the same quantity."""
    return [
        o
        for o in others
        if _quantity(o) == _quantity(claim) and exclude(claimed(o), claimed(claim))
    ]


def on_figure(claim: Claim, evidence: Evidence, others: Sequence[Claim]) -> Finding:
    """Judge a figure by the records, and by ``others``, all figures of the file, without any."""
    found = _by_records(claim, evidence)
    contradictions = contradicting(claim, others)
    contradicted = bool(contradictions or claim.watches)
    said = [*_watched(claim, evidence), *_also(contradictions), found.verdict.reason]
    label = with_its_source(cast("Label", found.verdict.label), contradicted=contradicted)
    verdict = replace(found.verdict, outcome=OUTCOMES[label], label=label, reason="; ".join(said))
    return replace(found, verdict=verdict, short=short_of_figure(claim, label))


def _by_records(claim: Claim, evidence: Evidence) -> Finding:
    if claim.metric == "seconds_per_epoch":
        return _on_seconds(claim, evidence)
    values = _values(claim, evidence)
    if not values:
        return on_claim(claim, "undecided", _why_nothing(claim, evidence))
    if claim.metric in COUNTS:
        return _on_count(claim, values)
    found, way = _interval(claim, values), claim.better or better(claim.metric)
    return on_claim(
        claim,
        judge_figure(found, claimed(claim), seeds=len(values), better=way),
        "; ".join([_where(claim, found, len(values)), *_lost(claim, evidence)]),
        measured=_measured(claim.metric, values),
        interval=found,
        n=len(values),
    )


def _quantity(claim: Claim) -> tuple[Any, ...]:
    return (claim.source, claim.case, claim.metric, claim.epoch, claim.image, claim.label)


def _values(claim: Claim, evidence: Evidence) -> list[float]:
    if claim.metric == "probability":
        return evidence.probabilities(claim)
    return evidence.values(claim.case, claim.metric, epoch=claim.epoch)


def _interval(claim: Claim, values: Sequence[float]) -> Interval:
    if claim.metric == "epochs_to_target":
        return of_new_count(values)
    return (of_new_share if claim.metric == "probability" else of_new_seed)(values)


def _measured(metric: str, values: Sequence[float]) -> str:
    if metric == "epochs_to_target":
        reached = sum(math.isfinite(value) for value in values)
        return f"{words.epochs(of_new_count(values))}, reached {reached}/{len(values)}"
    return words.measured(metric, figure(values))


def _on_seconds(claim: Claim, evidence: Evidence) -> Finding:
    """Seconds of another machine say nothing; what they are as multiples is a claim of its own."""
    found = evidence.costs([claim.case], claim.metric).get(claim.case)
    if found is None:
        return on_claim(claim, "not comparable", "seconds of another machine")
    interval, n = found
    seconds = words.around(interval.estimate, interval.low, interval.high, " s")
    return on_claim(
        claim,
        "not comparable",
        "seconds of another machine: only the ratios of its rows are judged",
        measured=f"{seconds}, {n} epochs",
        interval=interval,
        n=n,
    )


def _on_count(claim: Claim, values: Sequence[float]) -> Finding:
    found = sorted(set(values))
    shown = " and ".join(words.count(value) for value in found)
    agrees = all(claim.low <= value <= claim.high for value in found)
    layers = f"the layers it describes ({claim.described}) have {shown}"
    counted = layers if claim.described else f"counted {shown}"
    contradicted = bool(claim.described)
    outcome: Label = "reproduced" if agrees else "not reproduced"
    return on_claim(
        claim,
        with_its_source(outcome, contradicted=contradicted),
        counted if agrees else f"{counted}, not {claim.published}",
        measured=shown,
        interval=Interval(estimate=found[-1], low=found[0], high=found[-1]),
        n=len(values),
    )


def _watched(claim: Claim, evidence: Evidence) -> list[str]:
    if not claim.watches:
        return []
    values = evidence.values(claim.case, claim.watches)
    here = f", here {_measured(claim.watches, values)}" if values else ""
    really, printed = words.name(claim.watches), words.name(claim.metric)
    return [f"a {really} published as {printed}{here}"]


def _also(contradictions: Sequence[Claim]) -> list[str]:
    figures = words.listed([other.published for other in contradictions])
    return [f"the same source also says {figures}"] if figures else []


def _where(claim: Claim, found: Interval, n: int) -> str:
    if claim.metric == "epochs_to_target":
        return f"to {_target(claim)} {n} seeds took {words.epochs(found)} epochs"
    where = f"a new seed falls within {words.span(claim.metric, found)}"
    few = n < LEAST_SEEDS
    return f"{where}, but {n} seeds are too few to tell from" if few else where


def _target(claim: Claim) -> str:
    task = TASKS.get(parts(claim.case)[0])
    targets = task.targets if task else {}
    return words.listed([f"{100 * t:g} % {words.name(metric)}" for metric, t in targets.items()])


def _lost(claim: Claim, evidence: Evidence) -> list[str]:
    lost = evidence.lost(claim.case)
    return [f"{lost} more trials came to no result"] if lost else []


def _why_nothing(claim: Claim, evidence: Evidence) -> str:
    if not evidence.trained(claim.case):
        return NO_RECORDS
    return f"no reference records with {words.name(claim.metric)} yet"
