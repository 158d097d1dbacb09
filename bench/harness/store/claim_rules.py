"""Which metrics a claim of each kind may be about, and which values make sense there.

What breaks a rule raises ValueError with a message that goes on after the name of the claim.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from bench.harness.errors import nearest
from bench.harness.spec import TASKS
from bench.harness.store.statements import (
    ALWAYS,
    NEVER,
    AnyStatement,
    Difference,
    Ratio,
)

ACCURACIES = ("test_accuracy", "training_accuracy")
SCORES = (*ACCURACIES, "test_loss", "training_loss")
"""Known after every epoch of every seed."""
COUNTS = ("parameters", "training_images", "test_images")
COSTS = (*COUNTS, "seconds_per_epoch")
"""What is had in multiples."""
METRICS = (*SCORES, *COSTS, "epochs_to_target", "probability")
FRACTIONS = (*ACCURACIES, "probability")

METRICS_OF: Mapping[str, tuple[str, ...]] = {
    "figure": METRICS,
    "difference": SCORES,
    "ratio": COSTS,
    "order": SCORES,
    "diminishing": SCORES,
    "turn": SCORES,
    "reach": ACCURACIES,  # a loss comes down: below every target it has been above it
    "opinion": SCORES,
}
"""Kind of claim → what it may be about."""

METRICS_WITH: Mapping[str, tuple[str, ...]] = {
    "epoch": SCORES,
    "image": ("probability",),
    "label": ("probability",),
    "described": COUNTS,
    "watches": SCORES,
}
"""Key of a figure → metrics that it says something of."""


def check_figure(
    case: str, metric: str, told: Mapping[str, Any], ends: tuple[float, float]
) -> None:
    """Refuse keys that say nothing of a metric, and values that it cannot have.

    Args:
        case: By name.
        metric: A known one.
        told: The keys of the figure, each of the right type.
        ends: The lowest and the highest value that it claims.
    """
    for key, metrics in METRICS_WITH.items():
        if key in told:
            _known(f"metric that takes {key}", metric, metrics)
    if "watches" in told:
        _known("metric to watch", told["watches"], SCORES)
    if told.get("epoch", 1) < 1:
        raise ValueError(f"has epoch = {told['epoch']}, and the first epoch is 1")
    if metric == "probability":
        _check_image(case, told)
    _check_values(metric, ends)


def check_statement(made: AnyStatement) -> None:
    """Refuse metrics that its kind cannot be about, cases named twice, and ranges that are none."""
    _known(f"metric for kind = {made.kind!r}", made.metric, METRICS_OF[made.kind])
    twice = [case for case, n in Counter(made.cases_named).items() if n > 1]
    if twice:
        raise ValueError(f"names {twice[0]} twice")
    low, high = getattr(made, "low", None), getattr(made, "high", None)
    if low is not None and high is not None and not low <= high:
        raise ValueError(f"has low = {low:g} above high = {high:g}")
    if isinstance(made, Difference):
        if (low, high) == (NEVER, ALWAYS):
            raise ValueError("needs low, high, or both")
        _check_values(made.metric, (made.low, made.high), signed=True)
    if isinstance(made, Ratio) and low is None and high != ALWAYS:
        raise ValueError("has high and no low, which is 0 at least")


def _known(what: str, name: str, names: tuple[str, ...]) -> None:
    if name not in names:
        raise ValueError(f"has {name!r}, which is no {what}. {nearest(name, names)}")


def _check_image(case: str, told: Mapping[str, Any]) -> None:
    task = TASKS.get(case.partition("-")[0])
    last = {"image": math.inf, "label": len(task.classes) - 1 if task else math.inf}
    for key, most in last.items():
        if key not in told:
            raise ValueError(f"needs a line {key} = …: a probability is of one image and one class")
        if not 0 <= told[key] <= most:
            upwards = f" to {most}" if most < math.inf else ""
            raise ValueError(f"has {key} = {told[key]}; they count from 0{upwards}")


def _check_values(metric: str, values: tuple[float, ...], *, signed: bool = False) -> None:
    """Refuse per cents where fractions are meant; a signed range may be open at an end."""
    for value in values:
        beyond = abs(value) > 1 and not (signed and math.isinf(value))
        if metric in FRACTIONS and beyond:
            raise ValueError(f"has {value:g} for {metric}, which is a fraction: 0.05 for 5 %")
        if value < 0 and not signed:
            raise ValueError(f"has {value:g} for {metric}, which is never negative")
