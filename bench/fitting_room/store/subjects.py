"""What a claim may be about: the metrics of each kind, and the values that they can have."""

from __future__ import annotations

import math
from collections.abc import Mapping

from fitting_room.format import is_accuracy
from fitting_room.metrics import Metric, is_own, own

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
"""Kind of claim → what it may be about, besides metrics of the project's own."""

METRICS_WITH: Mapping[str, tuple[str, ...]] = {
    "epoch": SCORES,
    "image": ("probability",),
    "label": ("probability",),
    "described": COUNTS,
    "watches": SCORES,
}
"""Key of a figure → metrics that it says something of; ``epoch`` of some own ones, too."""


def metrics_of(kind: str) -> tuple[str, ...]:
    """Return what a kind of claim may be about."""
    return (*METRICS_OF[kind], *(metric.name for metric in own() if _suits(metric, kind)))


def _suits(metric: Metric, kind: str) -> bool:
    """Whether a metric of a project's own has what a kind of claim needs of it."""
    directed, each = metric.better != "neither", metric.per_epoch
    rising = metric.better == "higher" and metric.format == "percent"  # a target is a fraction
    wanted = {"order": directed, "diminishing": directed, "turn": directed and each}
    wanted |= {"reach": rising and each, "ratio": False}
    return wanted.get(kind, True)


def metrics_with(key: str) -> tuple[str, ...]:
    """Return the metrics of which a key of a figure says something."""
    each = (metric.name for metric in own() if metric.per_epoch and key == "epoch")
    return (*METRICS_WITH[key], *each)


def check_values(metric: str, values: tuple[float, ...], *, signed: bool = False) -> None:
    """Refuse per cents where fractions are meant; a signed range may be open at an end."""
    for value in values:
        beyond = abs(value) > 1 and not (signed and math.isinf(value))
        if (metric in FRACTIONS or is_accuracy(metric)) and beyond:
            raise ValueError(f"has {value:g} for {metric}, which is a fraction: 0.05 for 5 %")
        if value < 0 and not signed and not is_own(metric):
            raise ValueError(f"has {value:g} for {metric}, which is never negative")
