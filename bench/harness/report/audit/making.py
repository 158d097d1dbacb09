"""From a claim and a verdict to a finding; and why there is no verdict yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.harness.judge.claims import Outcome
from bench.harness.report.audit import words
from bench.harness.report.audit.finding import NO_RECORDS, Finding
from bench.harness.store.claims import Claim
from bench.harness.store.statements import AnyStatement


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
        cases=(claim.case,),
        mislabelled=(words.name(claim.watches), words.name(claim.metric))
        if claim.watches
        else None,
        note=claim.note,
        expected=claim.expected,
        **known,
    )


def on_statement(
    statement: AnyStatement, verdict: Outcome, because: Sequence[str], **known: Any
) -> Finding:
    """Return the finding on a statement, for reasons of which some may be empty."""
    return Finding(
        **{
            "name": statement.name,
            "said": statement.said,
            "published": statement.published,
            "source": statement.source,
            "verdict": verdict,
            "because": "; ".join(filter(None, because)),
            "cases": statement.cases_named,
            "note": statement.note,
            "expected": statement.expected,
            **known,
        }
    )


def awaited(cases: Sequence[str]) -> str:
    """Return that a statement has to wait, and for what."""
    return f"{NO_RECORDS} of {words.listed([words.short(case) for case in cases])}"
