"""How the figures of an audit read: one style for each metric, rounded to what is known."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.harness.judge.interval import Interval
from bench.harness.judge.words import is_accuracy
from bench.harness.report.cells import NEVER
from bench.harness.report.figures import decimals, figure, with_spread
from bench.harness.spec import TASKS


def is_share(metric: str) -> bool:
    """Return whether a metric is a fraction, shown in per cent."""
    return is_accuracy(metric)


def name(metric: str) -> str:
    """Return a metric in words: ``test accuracy``."""
    return metric.replace("_", " ")


def short(case: str) -> str:
    """Return the architecture of a case: ``cnn_64``."""
    return case.partition("-")[2] or case


def title(case: str) -> str:
    """Return the task of a case as a heading has it: ``Fashion MNIST``."""
    task = case.partition("-")[0]
    return TASKS[task].title if task in TASKS else task


def points(metric: str) -> str:
    """Return the unit of a difference, after a space: that of accuracies is points."""
    return " points" if is_share(metric) else ""


def listed(names: Sequence[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def measured(metric: str, values: Sequence[float]) -> str:
    """Return ``87.0 ± 0.5 % (6)``: mean, sd and number of seeds."""
    found = figure(values)
    if found is None:
        return ""
    if is_share(metric):
        return with_spread(found, scale=100, most=2, alone=1).replace(" (", " % (")
    return with_spread(found, most=4 if metric.endswith("loss") else 3, alone=3)


def counted(value: float) -> str:
    """Return a count with thousands separators."""
    return f"{value:,.0f}"


def span(metric: str, found: Interval) -> str:
    """Return ``85.6–88.4 %``, with two digits of half of what lies between the ends."""
    scale, unit = (100.0, " %") if is_share(metric) else (1.0, "")
    low, high = scale * found.low, scale * found.high
    if is_share(metric):
        low, high = max(low, 0.0), min(high, 100.0)
    places = 1 if is_share(metric) else 3
    if 0 < high - low < math.inf:
        places = min(max(1 - math.floor(math.log10((high - low) / 2)), 0), 4)
    return f"{_number(low, places)}–{_number(high, places)}{unit}"


def signed(metric: str, found: Interval) -> str:
    """Return ``+2.6 (+1.9 to +3.2)``, accuracies in points; no ends where none are known."""
    scale = 100.0 if is_share(metric) else 1.0
    middle, low, high = (scale * end for end in (found.estimate, found.low, found.high))
    places = _places(high - low, most=4, alone=1)
    ends = f" ({_signed(low, places)} to {_signed(high, places)})"
    return _signed(middle, places) + (ends if math.isfinite(low) else "")


def between(metric: str, estimates: Sequence[float]) -> str:
    """Return ``+0.9 to +3.2 points``: the lowest and the highest of several differences."""
    scale, places = (100.0, 1) if is_share(metric) else (1.0, 3)
    ends = dict.fromkeys(_signed(scale * x, places) for x in (min(estimates), max(estimates)))
    return " to ".join(ends) + points(metric)


def times(found: Interval) -> str:
    """Return ``26 × (18–35)``: a ratio with its range."""
    places = _places(found.high - found.low, most=2, alone=2)
    ends = f"{_number(found.low, places)}–{_number(found.high, places)}"
    return f"{_number(found.estimate, places)} × ({ends})"


def seconds(found: Interval) -> str:
    """Return ``31 s (23–40)``: the median, and the quartiles."""
    places = _places(found.high - found.low, most=2, alone=2)
    ends = f"{_number(found.low, places)}–{_number(found.high, places)}"
    return f"{_number(found.estimate, places)} s ({ends})"


def epochs(found: Interval) -> str:
    """Return ``5–7`` or ``5``: the first and the last epoch."""
    ends = dict.fromkeys(
        NEVER if math.isinf(end) else f"{end:g}" for end in (found.low, found.high)
    )
    return "–".join(ends)


def _places(width: float, *, most: int, alone: int) -> int:
    """Return the decimals that half of an interval supports; none to go by gives ``alone``."""
    known = 0 < width < math.inf
    return decimals(width / 2 if known else None, most=most, alone=alone)


def _number(value: float, places: int) -> str:
    return NEVER if math.isinf(value) else f"{value:.{places}f}"


def _signed(value: float, places: int) -> str:
    return f"{value:+.{places}f}".replace("-", "−")
