"""The figures that a record is judged by, each a function of one record."""

from __future__ import annotations

from collections.abc import Callable

from fitting_room.record import Record
from fitting_room.spec import TASKS


def epochs_to_target(record: Record) -> float | None:
    """Return the first epoch whose metric reached the task's target, or None if none did."""
    for metric, target in TASKS[record.spec.case.task].targets.items():
        for epoch in record.epochs:
            value = getattr(epoch, metric)
            if value is not None and value >= target:
                return epoch.number
    return None


def _last(record: Record, metric: str) -> float | None:
    """Return the last epoch's value; what it is after divergence says nothing."""
    return getattr(record.epochs[-1], metric) if record.completed and record.epochs else None


def _drop(record: Record) -> float | None:
    """Return what the training loss falls from the first epoch to the second, nats.

    Both have much of their scatter in common, so that their difference is quieter than either: it
    sees a change of the optimizer that moves the curve no further than another seed would.
    """
    first_two = [epoch.training_loss for epoch in record.epochs[:2]]
    if not record.completed or len(first_two) < 2 or None in first_two:
        return None
    first, second = (loss or 0.0 for loss in first_two)
    return round(first - second, 9)  # what float32 cannot hold is no scatter


METRICS: dict[str, Callable[[Record], float | None]] = {
    "parameters": lambda record: record.size.parameters if record.size else None,
    "test_accuracy": lambda record: record.test_accuracy,
    "test_loss": lambda record: record.test_loss,
    "training_accuracy": lambda record: _last(record, "training_accuracy"),
    "training_loss": lambda record: _last(record, "training_loss"),
    "drop_in_training_loss": _drop,
    "calibration_error": lambda record: (
        record.confidence.calibration_error if record.confidence else None
    ),
    "epochs_to_target": epochs_to_target,
}
"""Name → the value of one record; None where it has none, as after divergence."""

CURVES = {f"{metric}_by_epoch": metric for metric in ("training_loss", "training_accuracy")}
"""Name of a learning curve → what it shows after each epoch."""


def curve(record: Record, name: str) -> tuple[float | None, ...]:
    """Return a learning curve of a record, from its first epoch on."""
    return tuple(getattr(epoch, CURVES[name]) for epoch in record.epochs)


KNOWN_AFTER = {"drop_in_training_loss": 2}
"""Metric → epoch after which it is known, where that is not the last."""

UNTRAINED = frozenset({"parameters"})
"""Metrics that a model has before it is trained."""
