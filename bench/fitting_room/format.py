"""Figures as text: accuracies in per cent, losses with 3–4 decimals, counts as integers."""

from __future__ import annotations

import math
from collections.abc import Iterable


def is_accuracy(metric: str) -> bool:
    """Return whether a metric is a fraction between 0 and 1, shown in per cent."""
    return metric.endswith("accuracy")


def is_loss(metric: str) -> bool:
    """Return whether a metric is a loss: the lower, the better."""
    return metric.endswith("loss")


def _decimals(values: Iterable[float], *, fewest: int, most: int) -> int:
    """Return the fewest decimals that show every value as it is."""
    wanted = list(values)
    for decimals in range(fewest, most):
        if all(abs(round(value, decimals) - value) < 1e-9 for value in wanted):
            return decimals
    return most


def shown(metric: str, value: float) -> str:
    """Return a measured value as a person reads it: ``90.42 %``, ``0.2641``, ``243,786``."""
    if is_accuracy(metric):
        return f"{100 * value:.2f} %"
    if is_loss(metric):
        return f"{value:.4f}"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def shown_limits(metric: str, limits: tuple[float, ...]) -> str:
    """Return one limit, or the two of a band, with every decimal that the file gives."""
    if is_accuracy(metric):
        percent = [100 * limit for limit in limits]
        decimals = _decimals(percent, fewest=1, most=4)
        return "–".join(f"{limit:.{decimals}f}" for limit in percent) + " %"
    if is_loss(metric):
        decimals = _decimals(limits, fewest=3, most=5)
        return "–".join(f"{limit:.{decimals}f}" for limit in limits)
    if math.inf in limits:
        return "∞"
    return "–".join(f"{limit:,g}" if limit % 1 else f"{limit:,.0f}" for limit in limits)


def shown_difference(metric: str, difference: float) -> str:
    """Return a signed difference: ``+1.10 points`` for an accuracy, ``-0.0120`` for a loss."""
    if is_accuracy(metric):
        return f"{100 * difference:+.2f} points"
    if is_loss(metric):
        return f"{difference:+.4f}"
    return f"{difference:+,g}"
