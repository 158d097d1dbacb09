"""Figures judged: one printed number against the seeds of its case."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bench.harness.judge.claims import (
    LEAST_SEEDS,
    Better,
    Outcome,
    as_printed,
    exclude,
    judge_figure,
    with_its_source,
)
from bench.harness.judge.interval import Interval, of_new_count, of_new_seed, of_new_share
from bench.harness.report.audit import making, words
from bench.harness.report.audit.evidence import COUNTS, Evidence
from bench.harness.report.audit.finding import NO_RECORDS, Finding
from bench.harness.spec import TASKS
from bench.harness.store.claims import Claim

BETTER: dict[str, Better] = {
    "test_accuracy": "higher",
    "training_accuracy": "higher",
    "test_loss": "lower",
    "training_loss": "lower",
    "seconds_per_epoch": "lower",
    "epochs_to_target": "lower",
}


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
    said = [*_watched(claim, evidence), *_also(contradictions), found.because]
    verdict = with_its_source(found.verdict, contradicted=contradicted)
    short = making.short_of_figure(claim, verdict)
    return replace(found, verdict=verdict, because="; ".join(said), short=short)


def _by_records(claim: Claim, evidence: Evidence) -> Finding:
    if claim.metric == "seconds_per_epoch":
        return _on_seconds(claim, evidence)
    values = _values(claim, evidence)
    if not values:
        return making.on_claim(claim, "undecided", _why_nothing(claim, evidence))
    if claim.metric in COUNTS:
        return _on_count(claim, values)
    found = _interval(claim, values)
    better = claim.better or BETTER.get(claim.metric)
    return making.on_claim(
        claim,
        judge_figure(found, claimed(claim), seeds=len(values), better=better),
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
    return words.measured(metric, values)


def _on_seconds(claim: Claim, evidence: Evidence) -> Finding:
    """Seconds of another machine say nothing; what they are as multiples is a claim of its own."""
    found = evidence.costs([claim.case], claim.metric).get(claim.case)
    if found is None:
        return making.on_claim(claim, "not comparable", "seconds of another machine")
    interval, n = found
    return making.on_claim(
        claim,
        "not comparable",
        "seconds of another machine: only the ratios of its rows are judged",
        measured=f"{words.seconds(interval)}, {n} epochs",
        interval=interval,
        n=n,
    )


def _on_count(claim: Claim, values: Sequence[float]) -> Finding:
    found = sorted(set(values))
    shown = " and ".join(words.counted(value) for value in found)
    agrees = all(claim.low <= value <= claim.high for value in found)
    layers = f"the layers it describes ({claim.described}) have {shown}"
    counted = layers if claim.described else f"counted {shown}"
    contradicted = bool(claim.described)
    outcome: Outcome = "reproduced" if agrees else "not reproduced"
    return making.on_claim(
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
    task = TASKS.get(claim.case.partition("-")[0])
    targets = task.targets if task else {}
    return words.listed([f"{100 * t:g} % {words.name(metric)}" for metric, t in targets.items()])


def _lost(claim: Claim, evidence: Evidence) -> list[str]:
    lost = evidence.lost(claim.case)
    return [f"{lost} more trials came to no result"] if lost else []


def _why_nothing(claim: Claim, evidence: Evidence) -> str:
    if not evidence.trained(claim.case):
        return NO_RECORDS
    return f"no reference records with {words.name(claim.metric)} yet"
