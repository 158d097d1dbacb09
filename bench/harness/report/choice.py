"""Which metrics of a case see most for a second of training."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.harness.report.prices import Priced, shown_effort


def sharpest(found: Sequence[Priced]) -> list[Priced]:
    """Return one row for each bound: of a curve, the epoch that sees most for a second."""
    best: dict[tuple[str, str], Priced] = {}
    for one in found:
        name = (one.case, one.metric.partition(",")[0] if one.of_curve else one.metric)
        best[name] = min(best.get(name, one), one, key=_rank)
    return list(best.values())


def choices(found: Sequence[Priced]) -> list[str]:
    """Return a line for each case: its sharpest test metric and its sharpest training metric."""
    cases: dict[str, list[Priced]] = {}
    for one in found:
        cases.setdefault(one.case, []).append(one)
    return [f"{case}: {_best(of, 'test')}, {_best(of, 'training')}" for case, of in cases.items()]


def _best(found: Sequence[Priced], kind: str) -> str:
    mine = [one for one in found if one.metric.startswith("test_") == (kind == "test")]
    scaled = [one for one in mine if not math.isnan(one.effort)]
    if not scaled:
        return f"no {kind} metric (none has such a product)"
    best = min(scaled, key=_rank)
    return f"{best.metric.replace('_', ' ')} ({shown_effort(best.effort)})"


def _rank(one: Priced) -> tuple[float, float]:
    """Sort by effort, and what has none behind it by setback alone."""
    return (math.inf if math.isnan(one.effort) else one.effort, one.setback)
