"""The columns of every table of cases, from which Markdown, terminal and page choose."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fitting_room.analysis.rows import NOT_JUDGED, SEVERITY, Row
from fitting_room.analysis.trials import Figure, Target
from fitting_room.format import MISSING, accuracy, around, count, in_unit, loss, name, number
from fitting_room.metrics import SHOWN, Metric, own

DISAGREES = "✗"
"""Marks a published figure that contradicts an exact count of ours."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A heading, and what stands below it."""

    heading: str
    cell: Callable[[Row], str]
    value: Callable[[Row], float | str | None]
    """What a page sorts by; None goes last."""
    metric: str = ""
    """Its metric, by which a project asks for it, and whose published figures belong to it."""

    @property
    def name(self) -> str:
        """Its part of the address of a sorted page."""
        return re.sub(r"\W+", "_", self.heading).strip("_")


def seconds_per_epoch(row: Row) -> str:
    """Return the median and the quartiles over epochs."""
    found = row.seconds_per_epoch
    return MISSING if found is None else around(found.median, found.lower, found.upper)


def published(row: Row, metric: str) -> str:
    """Return a figure as it was printed, marked where it contradicts an exact count of ours."""
    claim = row.published.get(metric)
    if claim is None:
        return MISSING
    ours = row.parameters if metric == "parameters" else None
    agrees = ours is None or claim.low <= ours <= claim.high
    return claim.published if agrees else f"{claim.published} {DISAGREES}"


def cited(row: Row, metric: str, marks: Sequence[str]) -> str:
    """Return a published figure with the number of its footnote in ``marks``, or nothing."""
    claim = row.published.get(metric)
    if claim is None:
        return ""
    mark = f" [{marks.index(claim.note) + 1}]" if claim.note else ""
    return f"{published(row, metric)}{mark}"


def measured(rows: Sequence[Row]) -> list[Column]:
    """Return the columns that the project asks for.

    The usual ones depend on whether the task has a target, and end with metrics of its own.
    """
    if SHOWN:
        return _asked(rows)
    epochs = _epochs(rows)
    training = [TRAINING_ACCURACY] if epochs else []
    usual = [TEST_ACCURACY, *training, TEST_LOSS, PARAMETERS, *epochs, SECONDS]
    return [*usual, *(column for column in map(_own, own()) if _told(column, rows))]


def everything(rows: Sequence[Row]) -> list[Column]:
    """Return every column that some row has anything for, the verdict first.

    If the project asks for some, those alone.
    """
    columns = [VERDICT, TEST_ACCURACY, TRAINING_ACCURACY, TEST_LOSS, CALIBRATION_ERROR]
    columns += [PARAMETERS, *_epochs(rows), SECONDS, LATENCY, THROUGHPUT, MEMORY]
    columns = [VERDICT, *_asked(rows)] if SHOWN else [*columns, *map(_own, own())]
    return [column for column in columns if _told(column, rows)]


def _told(column: Column, rows: Sequence[Row]) -> bool:
    return any(column.value(row) is not None or column.metric in row.published for row in rows)


def _asked(rows: Sequence[Row]) -> list[Column]:
    columns = {column.metric: [column] for column in [*FIXED, *map(_own, own())]}
    columns["epochs_to_target"] = _epochs(rows)
    return [column for name in SHOWN for column in columns[name]]


def _own(metric: Metric) -> Column:
    """Return the column of a project's own metric."""

    def mean(row: Row) -> float | None:
        found = row.metrics.get(metric.name)
        return found.mean if found else None

    return Column(
        heading=f"{name(metric.name)}{metric.suffix}",
        cell=lambda row: in_unit(metric.name, row.metrics.get(metric.name)),
        value=mean,
        metric=metric.name,
    )


def _epochs(rows: Sequence[Row]) -> list[Column]:
    """Return a column a target; published epochs are to the first of a task."""
    targets = next((row.epochs_to_target for row in rows if row.epochs_to_target), ())
    return [_epochs_to(target, which) for which, target in enumerate(targets)]


def _epochs_to(target: Target, which: int) -> Column:
    def cell(row: Row) -> str:
        found = row.epochs_to_target[which].found if row.epochs_to_target else None
        return MISSING if found is None else found.words

    def median(row: Row) -> float | None:
        found = row.epochs_to_target[which].found if row.epochs_to_target else None
        return found.median if found else None

    metric = "" if which else "epochs_to_target"
    return Column(heading=f"epochs to {target.words}", cell=cell, value=median, metric=metric)


def _mean(heading: str, metric: str, show: Callable[[Figure | None], str]) -> Column:
    def mean(row: Row) -> float | None:
        found: Figure | None = getattr(row, metric)
        return found.mean if found else None

    return Column(
        heading=heading, cell=lambda row: show(getattr(row, metric)), value=mean, metric=metric
    )


VERDICT = Column(
    heading="verdict",
    cell=lambda row: row.verdict,
    value=lambda row: None if row.verdict == NOT_JUDGED else SEVERITY.index(row.verdict),
)
TEST_ACCURACY = _mean("test accuracy %", "test_accuracy", accuracy)
TRAINING_ACCURACY = _mean("training accuracy %", "training_accuracy", accuracy)
"""What a target is usually set on, and easily mistaken for test accuracy."""
TEST_LOSS = _mean("test loss", "test_loss", loss)
CALIBRATION_ERROR = _mean("calibration error %", "calibration_error", accuracy)
PARAMETERS = Column(
    heading="parameters",
    cell=lambda row: count(row.parameters),
    value=lambda row: row.parameters,
    metric="parameters",
)
SECONDS = Column(
    heading="s/epoch",
    cell=seconds_per_epoch,
    value=lambda row: row.seconds_per_epoch.median if row.seconds_per_epoch else None,
    metric="seconds_per_epoch",
)
LATENCY = Column(
    heading="latency ms",
    cell=lambda row: number(1000 * row.latency_seconds if row.latency_seconds else None, 2),
    value=lambda row: row.latency_seconds,
    metric="latency_seconds",
)
THROUGHPUT = Column(
    heading="images/s",
    cell=lambda row: count(row.images_per_second),
    value=lambda row: row.images_per_second,
    metric="images_per_second",
)
MEMORY = Column(
    heading="peak memory MiB",
    cell=lambda row: count(row.peak_memory_mib),
    value=lambda row: row.peak_memory_mib,
    metric="peak_memory_mib",
)
FIXED = (
    TEST_ACCURACY,
    TRAINING_ACCURACY,
    TEST_LOSS,
    CALIBRATION_ERROR,
    PARAMETERS,
    SECONDS,
    LATENCY,
    THROUGHPUT,
    MEMORY,
)
"""Columns of every task, each of whose metric a project may ask for."""
