"""From a claim and a verdict to a finding; and why there is no verdict yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.harness.judge.claims import Outcome
from bench.harness.report.audit import words
from bench.harness.report.audit.evidence import COUNTS
from bench.harness.report.audit.finding import NO_RECORDS, Finding
from bench.harness.store.claims import Claim
from bench.harness.store.statements import AnyStatement

FAULTS: tuple[Outcome, ...] = ("not reproduced", "contradicted by its own source")
"""Verdicts of which a reader must know why."""


def on_claim(claim: Claim, verdict: Outcome, because: str, **known: Any) -> Finding:
    """Return the finding on a figure."""
    return Finding(
        name=claim.name,
        said=claim.said
        or f"{words.title(claim.case)}, {words.short(claim.case)}: {words.name(claim.metric)}",
        published=claim.published,
        source=claim.source,
        verdict=verdict,
        because=because,
        short=short_of_figure(claim, verdict),
        cases=(claim.case,),
        mislabelled=(words.name(claim.watches), words.name(claim.metric))
        if claim.watches
        else None,
        note=claim.note,
        expected=claim.expected,
        **known,
    )


def on_statement(
    statement: AnyStatement,
    verdict: Outcome,
    because: Sequence[str],
    *,
    short: str = "The 95 % interval lies outside what it says.",
    **known: Any,
) -> Finding:
    """Return the finding on a statement, for reasons of which some may be empty.

    ``short`` is why it is not reproduced, if it is not, in a sentence that others may share.
    """
    if verdict == "contradicted by its own source":
        short = "Figures of the same source say otherwise."
    return Finding(
        **{
            "name": statement.name,
            "said": statement.said,
            "published": statement.published,
            "source": statement.source,
            "verdict": verdict,
            "because": "; ".join(filter(None, because)),
            "kind": str(statement.__struct_config__.tag),
            "short": short if verdict in FAULTS else "",
            "cases": statement.cases_named,
            "note": statement.note,
            "expected": statement.expected,
            **known,
        }
    )


def short_of_figure(claim: Claim, verdict: Outcome) -> str:
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
    return f"{NO_RECORDS} of {words.listed([words.short(case) for case in cases])}"
