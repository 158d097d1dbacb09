"""Verdicts as properties of tests: what JUnit XML shows, and what xdist's workers send home."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.harness.judge.verdict import Verdict

Properties = list[tuple[str, object]]
_VERDICT = ("metric", "outcome", "value", "n", "bound", "evidence", "epoch")
TALLY = "tally"
"""Of a test that has one sentence on all that its suite judged: the end of the run shows it."""

SUITES = frozenset({"published", "measured", "verdict", "because", "gate", "race", TALLY})
"""Of properties that suites give their tests themselves."""

NAMES = frozenset({"case", "records", *_VERDICT, *SUITES})
"""Of all properties by which a test of the bench says what it found."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What one test said of a case; no verdict where it only measured."""

    case: str
    records: Sequence[str]
    """Keys of the records it rests on."""
    verdict: Verdict | None = None
    explained: bool = False
    """Whether pytest shows its evidence, as that of a test that failed."""


def to_properties(judged: Judged) -> Properties:
    """Return plain pairs that survive JSON and XML; what a verdict does not have is left out."""
    pairs: Properties = [("case", judged.case), ("records", " ".join(judged.records))]
    if judged.verdict:
        told = ((name, getattr(judged.verdict, name)) for name in _VERDICT)
        pairs += [(name, value) for name, value in told if value is not None]
    return pairs


def from_properties(properties: Iterable[tuple[str, object]]) -> Judged | None:
    """Return what ``to_properties`` was given, or None where it was not a test of a case."""
    found: Mapping[str, Any] = dict(properties)
    if "case" not in found or "records" not in found:
        return None
    told: dict[str, Any] = {name: found.get(name) for name in _VERDICT}
    verdict = Verdict(**told) if "outcome" in found else None
    return Judged(case=found["case"], records=found["records"].split(), verdict=verdict)
