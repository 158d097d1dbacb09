"""A variant of a case before both judges: its bounds, and ``compare`` beside the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.harness.judge.change import RED
from bench.harness.judge.finding import Finding
from bench.harness.lab.gate import examine
from bench.harness.lab.referee import Referee
from bench.harness.record import Record
from bench.harness.report.comparison.of_records import facts_of
from bench.harness.report.comparison.side import Side
from bench.harness.report.comparison.verdicts import compare
from bench.variants import Variant


def examined(referee: Referee, variant: Variant, base: Side) -> Finding:
    """Hold a variant to the bounds of its original, and compare the same trials with ``base``.

    Raises:
        UserError: A trial gave no result, or the original has no bounds.
    """
    found = examine(referee, variant.case, variant.words)
    return replace(found, compared=_compared(base, referee.records(variant.case, found.seeds)))


def side(told: str, records: Sequence[Record]) -> Side:
    """Return records as a side that tells no seconds: this is about what is learned."""
    facts = {name: replace(each, pace=None) for name, each in facts_of(records).items()}
    return Side(told=told, facts=facts)


def _compared(base: Side, records: Sequence[Record]) -> str:
    found = compare(base, side("the variant", records))
    judged = len(found.findings) - len(found.of("not comparable"))
    if found.red(undecided=False):
        return f"red by {len(found.of(*RED))} of {judged}"
    unsure = found.of("undecided")
    return f"open by {len(unsure)} of {judged}" if unsure else "green"
