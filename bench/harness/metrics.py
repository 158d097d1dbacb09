"""The figures that a record is judged by, each a function of one record."""

from __future__ import annotations

from collections.abc import Callable

from bench.harness.record import Record
from bench.harness.spec import TASKS


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


METRICS: dict[str, Callable[[Record], float | None]] = {
    "parameters": lambda record: record.size.parameters if record.size else None,
    "test_accuracy": lambda record: record.test_accuracy,
    "test_loss": lambda record: record.test_loss,
    "training_accuracy": lambda record: _last(record, "training_accuracy"),
    "training_loss": lambda record: _last(record, "training_loss"),
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


UNTRAINED = frozenset({"parameters"})
"""Metrics that a model has before it is trained."""
