"""How a difference reads: with its uncertainty, or that nothing is decided."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.harness.judge.interval import Interval
from bench.harness.judge.words import is_accuracy, is_loss
from bench.harness.report.audit.words import is_share, name, points
from bench.harness.report.figures import decimals

OPEN = "undecided"

SILENT = 1e-9
"""Below it an interval is as wide as floating point is coarse: no seed differed."""


def plus_minus(metric: str, found: Interval, *, signed: bool = False) -> str:
    """Return ``0.9 ± 0.3 points`` of an interval around its estimate; no ± where it has no ends."""
    scale, most = (100.0, 2) if is_share(metric) else (1.0, 4 if is_loss(metric) else 1)
    reach = scale * (found.high - found.low) / 2
    known = SILENT < reach < math.inf
    places = decimals(reach if known else None, most=most, alone=3 if is_loss(metric) else 1)
    middle = scale * found.estimate if signed else abs(scale * found.estimate)
    text = f"{middle:+.{places}f}" if signed else f"{middle:.{places}f}"
    spread = f" ± {reach:.{places}f}" if math.isfinite(reach) else ""
    return f"{text.replace('-', '−')}{spread}{points(metric)}"


def moved(metric: str, found: Interval, *, up: str, down: str, by: str, n: str = "") -> str:
    """Say which way a metric went, if the interval tells, and by how much.

    With ``n`` it reads ``gain 0.9 ± 0.3 points of test accuracy (n=5)``, and where nothing is sure
    ``differ by +0.2 ± 0.5 points of test accuracy (n=5, undecided)``.

    Args:
        metric: of the difference.
        found: its interval.
        up: the verb where it surely rose: ``gain``.
        down: the verb where it surely fell: ``lose``.
        by: the verb where neither is sure: ``differ by``.
        n: how many seeds it rests on, in words.
    """
    amount = plus_minus(metric, found, signed=not sure(found))
    verb = by if not sure(found) else up if found.estimate > 0 else down
    of = f"of {name(metric)}" if is_accuracy(metric) else f"in {name(metric)}"
    told = ", ".join(filter(None, [n, "" if sure(found) else OPEN]))
    return f"{verb} {amount} {of}{f' ({told})' if told else ''}"


def sure(found: Interval) -> bool:
    """Return whether an interval leaves no doubt that there is a difference, and of which sign."""
    return found.low > 0 or found.high < 0


def seeds(counts: Sequence[int]) -> str:
    """Return ``n=5`` or, where samples differ in size, ``n=5 and 6``."""
    distinct = list(dict.fromkeys(counts))
    return f"n={' and '.join(map(str, distinct if len(distinct) == 1 else counts))}"


def one_sentence(parts: Sequence[str]) -> str:
    """Join what an exercise found into its answer."""
    text = "; ".join(filter(None, parts))
    return f"{text[:1].upper()}{text[1:]}."
