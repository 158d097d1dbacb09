"""Metrics: how each is shown, which way it is better, and what its value of a record is.

The one place that knows a metric; bounds, verdicts, tables and comparisons look it up by its name.
A project declares its own metrics beside the built-in ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from statistics import median
from typing import TYPE_CHECKING, Any, Literal, get_args

from fitting_room.errors import UserError
from fitting_room.spec import TASKS

if TYPE_CHECKING:
    import numpy as np

    from fitting_room.record import Epoch, Record

Better = Literal["higher", "lower", "neither"]
Format = Literal["percent", "decimals", "number"]
"""A fraction in per cent, four decimals, or a count, which has a decimal where it needs one."""

Function = Callable[["np.ndarray", "np.ndarray"], float]
"""From labels, shape (n,), integers, and class probabilities, (n, classes), float64, to a value."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A figure that a record is judged by; calling it with a record gives its value there.

    A project's own is computed from the test images after the last epoch, or, without ``compute``,
    reported by its trainer as ``record.metrics[name]`` or after the last epoch.

    Raises:
        ValueError: The name is no identifier, a choice is unknown, or no child process could
            import the function.
    """

    name: str
    unit: str = ""
    """Written after a value; that of a fraction is per cent, that of its differences points."""
    better: Better = "neither"
    """Where it is neither, a change either way is one."""
    format: Format = "decimals"
    per_epoch: bool = False
    """Whether every epoch of a record has it as well, a project's own from its trainer."""
    compute: Function | None = None
    """A function that a module defines."""
    trained: bool = True
    """Whether a model has it only once it is trained."""
    known_after: int | None = None
    """Epoch after which it is known; None where that is the last one."""
    timed: bool = False
    """Whether it is of time, so that it counts and compares on one kind of machine alone."""
    of: Callable[[Record], float | None] | None = None
    """Its value of a record, for built-in metrics."""

    def __post_init__(self) -> None:
        """Refuse what could only fail later."""
        if not re.fullmatch(r"[A-Za-z]\w*", self.name):
            raise ValueError(f"{self.name!r} is no name for a metric: letters, digits and _ are")
        for key, kind in (("better", Better), ("format", Format)):
            if getattr(self, key) not in (known := get_args(kind)):
                told = f"must be one of {', '.join(known)}, not {getattr(self, key)!r}"
                raise ValueError(f"{key} of {self.name} {told}")
        if self.compute and "<" in self.source:
            raise ValueError(f"compute of {self.name} must be a function that a module defines")

    def __call__(self, record: Record) -> float | None:
        """Return the value of one record; None where it has none, as after divergence."""
        if self.of:
            return self.of(record)
        if not record.completed:
            return None
        last = (each.metrics or {} for each in record.epochs[-1:])
        return {**next(last, {}), **(record.metrics or {})}.get(self.name)

    @property
    def source(self) -> str:
        """``module:function`` that computes it; empty where none does."""
        function: Any = self.compute
        return f"{function.__module__}:{function.__qualname__}" if function else ""

    @property
    def scale(self) -> float:
        """Factor from a value to what is shown of it."""
        return 100.0 if self.format == "percent" else 1.0

    @property
    def suffix(self) -> str:
        """What follows a value, after a space."""
        unit = "%" if self.format == "percent" else self.unit
        return f" {unit}" if unit else ""

    @property
    def points(self) -> str:
        """What follows a difference, after a space."""
        return " points" if self.format == "percent" else self.suffix


def epochs_to_target(record: Record) -> float | None:
    """Return the first epoch whose metric reached the task's target, or None if none did."""
    for metric, target in TASKS[record.spec.case.task].targets.items():
        for epoch in record.epochs:
            if (of_epoch(epoch, metric) or 0.0) >= target:
                return epoch.number
    return None


UNTIMED = "no trial of more than one epoch had its machine to itself"
"""Why seconds to a target cannot be told."""


def is_timed(record: Record) -> bool:
    """Whether seconds to a target can be told: alone and undisturbed, for more than one epoch."""
    from fitting_room.machine import exclusive  # loads NumPy, which no --help needs

    return len(record.epochs) > 1 and exclusive(record)


def seconds_to_target(record: Record) -> float | None:
    """Return the training seconds until the task's target is first reached at an evaluation.

    Tracing is apart: they are the epochs to the target times the trial's median seconds per epoch
    after the first. None where it was never reached, or ``is_timed`` does not hold: a trial that
    was disturbed, or stopped after its first epoch, says nothing of time.
    """
    epoch = epochs_to_target(record)
    return training_seconds(record, epoch) if epoch and is_timed(record) else None


def training_seconds(record: Record, epoch: float) -> float:
    """Return the seconds that so many epochs train for, each at the pace of those after the first.

    ``record`` must have more than one.
    """
    return epoch * median(each.seconds for each in record.epochs[1:])


def elapsed_seconds(record: Record, epoch: float) -> float:
    """Return the seconds from the start of the process to the evaluation after an epoch.

    Everything until then is included: start, import, load, build, epochs with tracing, and
    evaluations, and what a prepared process had imported before. What ``fit`` took beyond them
    counts whole, since nothing tells of which epoch.
    """
    before = ("start", "import", "prepared", "load", "build", "fit_overhead")
    ran = sum(each.seconds + each.evaluate_seconds for each in record.epochs[: int(epoch)])
    return sum(record.seconds.get(phase, 0.0) for phase in before) + ran


def _last(metric: str) -> Callable[[Record], float | None]:
    """Return what gives the last epoch's value; what it is after divergence says nothing."""
    return lambda record: (
        getattr(record.epochs[-1], metric) if record.completed and record.epochs else None
    )


def _drop(record: Record) -> float | None:
    """Return what the training loss falls from the first epoch to the second, nats.

    Both have much of their scatter in common, so that their difference is quieter than either: it
    sees a change of the optimizer that moves the curve no further than another seed would.
    """
    losses = [e.training_loss for e in record.epochs[:2] if e.training_loss is not None]
    if not record.completed or len(losses) < 2:
        return None
    return round(losses[0] - losses[1], 9)  # what float32 cannot hold is no scatter


def _accuracy(name: str, of: Callable[[Record], float | None]) -> Metric:
    return Metric(name=name, better="higher", format="percent", per_epoch=True, of=of)


def _loss(name: str, of: Callable[[Record], float | None]) -> Metric:
    return Metric(name=name, better="lower", per_epoch=True, of=of)  # nats go without saying


BUILT_IN = (
    Metric(
        name="parameters",
        format="number",
        trained=False,
        of=lambda record: record.size.parameters if record.size else None,
    ),
    _accuracy("test_accuracy", lambda record: record.test_accuracy),
    _loss("test_loss", lambda record: record.test_loss),
    _accuracy("training_accuracy", _last("training_accuracy")),
    _loss("training_loss", _last("training_loss")),
    Metric(name="drop_in_training_loss", known_after=2, of=_drop),
    Metric(
        name="calibration_error",
        better="lower",
        format="number",
        of=lambda record: record.confidence.calibration_error if record.confidence else None,
    ),
    Metric(name="epochs_to_target", better="lower", format="number", of=epochs_to_target),
    Metric(name="seconds_to_target", unit="s", better="lower", timed=True, of=seconds_to_target),
)

METRICS: dict[str, Metric] = {metric.name: metric for metric in BUILT_IN}
"""Name → metric: the built-in ones, and those that the project at hand declares."""

FURTHER: Mapping[str, Metric] = {
    "validation_accuracy": _accuracy("validation_accuracy", _last("validation_accuracy")),
    "validation_loss": _loss("validation_loss", _last("validation_loss")),
    "seconds_per_epoch": Metric(name="seconds_per_epoch", better="lower", format="number"),
}
"""Figures that are shown, and no bound is for."""

COLUMNS = (
    "test_accuracy",
    "training_accuracy",
    "test_loss",
    "calibration_error",
    "parameters",
    "epochs_to_target",
    "seconds_per_epoch",
    "seconds_to_target",
    "latency_seconds",
    "images_per_second",
    "peak_memory_mib",
)
"""What a table may show beside a project's own metrics."""

SHOWN: list[str] = []
"""Columns that the tables of the project at hand have; empty for the usual ones."""

CURVES = {f"{metric}_by_epoch": metric for metric in ("training_loss", "training_accuracy")}
"""Name of a learning curve → what it shows after each epoch."""

UNTRAINED = frozenset(metric.name for metric in BUILT_IN if not metric.trained)
"""Metrics that a model has before it is trained."""

TIMED = frozenset(metric.name for metric in BUILT_IN if metric.timed)
"""Metrics of time."""


def known(name: str) -> Metric:
    """Return the metric of that name, or the one behind a curve; any other name is a number's."""
    behind = CURVES.get(name, name)
    found = METRICS.get(behind) or FURTHER.get(behind)
    return found or Metric(name=behind, format="number")


def own() -> tuple[Metric, ...]:
    """Return the metrics that the project at hand declares, in its order."""
    return tuple(metric for metric in METRICS.values() if is_own(metric.name))


def is_own(name: str) -> bool:
    """Whether a project declares the metric: such a one may be negative, and a record lack it."""
    return name in METRICS and METRICS[name].of is None


def curve(record: Record, name: str) -> tuple[float | None, ...]:
    """Return a learning curve of a record, or another metric of epochs, from its first epoch on."""
    return tuple(of_epoch(epoch, CURVES.get(name, name)) for epoch in record.epochs)


def of_epoch(epoch: Epoch, name: str) -> float | None:
    """Return a metric after one epoch of a record; None where that has none."""
    found: float | None = getattr(epoch, name, None)
    return (epoch.metrics or {}).get(name) if is_own(name) else found


def targets() -> list[str]:
    """Return the metrics that a task may have a target of: fractions that rise, epoch by epoch."""
    found = [metric for metric in {**METRICS, **FURTHER}.values() if metric.per_epoch]
    return [m.name for m in found if (m.better, m.format) == ("higher", "percent")]


def curves_of(records: Iterable[Record]) -> list[Metric]:
    """Return the project's own metrics that an epoch of some record has."""
    told = {name for r in records for epoch in r.epochs for name in epoch.metrics or ()}
    return [metric for metric in own() if metric.per_epoch and metric.name in told]


def declare(own: Iterable[Metric], *, columns: Iterable[str] = ()) -> None:
    """Let a project's own metrics be known, and the columns of its tables, and no other one's.

    Raises:
        ValueError: A metric has the name of a built-in one, or two have the same.
    """
    found = {metric.name: metric for metric in BUILT_IN}
    for metric in own:
        if metric.name in {*found, *FURTHER, *CURVES, *COLUMNS}:
            raise ValueError(f"there is a metric {metric.name} already: give yours another name")
        found[metric.name] = metric
    METRICS.clear()
    METRICS.update(found)
    SHOWN[:] = columns


def shows(column: str) -> bool:
    """Whether the tables of the project at hand may have a column."""
    return column in SHOWN or not SHOWN


def sources() -> dict[str, str]:
    """Return name → ``module:function`` of the declared metrics that are computed."""
    return {name: metric.source for name, metric in METRICS.items() if metric.source}


def computed(
    sources: Mapping[str, str], labels: np.ndarray, probabilities: np.ndarray
) -> dict[str, float]:
    """Return the values of metrics, each of which is named by its ``module:function``.

    Labels and probabilities are those of the test images, as a ``Function`` takes them.

    Raises:
        UserError: A function gives no finite number.
    """
    found = {}
    for name, source in sources.items():
        module, _, function = source.partition(":")
        value = float(getattr(import_module(module), function)(labels, probabilities))
        if not math.isfinite(value):
            raise UserError(f"{source} gave {value} for {name}. A metric must be a finite number.")
        found[name] = value
    return found


def macro_f1(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the unweighted mean of the F1 scores of all classes, a fraction.

    A class counts that an image has or was given: Opitz and Burst, "Macro F1 and Macro F1", 2019,
    equation 2; ``sklearn.metrics.f1_score(average="macro")`` is the same.
    """
    predicted = probabilities.argmax(axis=1)
    scores = []
    for each in {*labels.tolist(), *predicted.tolist()}:
        found, true = predicted == each, labels == each
        scores.append(2 * (found & true).sum() / (found.sum() + true.sum()))
    return float(sum(scores) / len(scores))


def worst_class_accuracy(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the share of images classified rightly of the class with the smallest such share."""
    right = probabilities.argmax(axis=1) == labels
    return min(float(right[labels == each].mean()) for each in set(labels.tolist()))
