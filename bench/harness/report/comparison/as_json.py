"""A comparison for programs."""

from __future__ import annotations

from typing import Any

import msgspec

from bench.harness.report.comparison.differences import differences
from bench.harness.report.comparison.side import Side
from bench.harness.report.comparison.verdicts import Compared, Comparison

SCHEMA = 1


def as_json(found: Comparison, *, undecided: bool) -> bytes:
    """Return the comparison as a JSON document; infinite numbers are null.

    ``green`` is what the exit status says; ``undecided`` says whether an open verdict fails it.
    """
    pairs = found.pairs
    told = {
        "schema": SCHEMA,
        "green": not found.red(undecided=undecided),
        "base": _side(found.base),
        "head": _side(found.head),
        "differences": differences(pairs.pairs),
        "missing": dict(pairs.missing),
        "appeared": pairs.appeared,
        "vanished": pairs.vanished,
        "two_names": {head.case: base.case for base, head in pairs.two_names},
        "findings": [_finding(finding) for finding in found.findings],
    }
    return msgspec.json.format(msgspec.json.encode(told)) + b"\n"


def _side(side: Side) -> dict[str, Any]:
    cases = {
        case: {"records": [record.key for record in facts.records], "notes": facts.notes}
        for case, facts in side.facts.items()
    }
    return {"what": side.told, "cases": cases}


def _finding(finding: Compared) -> dict[str, Any]:
    plain = msgspec.to_builtins(finding)
    return {"case": plain["case"], **plain["change"], "same_images": plain["images"]}
