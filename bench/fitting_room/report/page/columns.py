"""What the tables show, and by what they are sorted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fitting_room.analysis.figures import Figure, Target
from fitting_room.analysis.rows import NOT_JUDGED, SEVERITY, Row
from fitting_room.format import MISSING, accuracy, loss
from fitting_room.report import cells
from fitting_room.report.notes import footnotes


@dataclass(frozen=True, kw_only=True)
class Column:
    """A heading, and what stands below it."""

    name: str
    """In the address of a sorted page."""
    heading: str
    cell: Callable[[Row], str]
    value: Callable[[Row], float | str | None]
    """What it is sorted by; None goes last."""
    said: str = ""
    """What the heading goes on with for those who do not see the column before it."""
    metric: str = ""
    """Whose published figures stand in the next column, where there are any."""


def columns(rows: Sequence[Row]) -> list[Column]:
    """Return the columns that the rows of one task have anything for."""
    found, marks = [], footnotes(rows)
    targets = next((row.epochs_to_target for row in rows if row.epochs_to_target), ())
    epochs = [_epochs(target, which) for which, target in enumerate(targets)]
    for column in (*QUALITY, *epochs, *SPEED):
        measured = any(column.value(row) is not None for row in rows)
        if measured:
            found.append(column)
        if column.metric and any(column.metric in row.published for row in rows):
            found.append(_published(column, marks, alone=not measured))
    return found


def _published(of: Column, marks: Sequence[str], *, alone: bool) -> Column:
    def cell(row: Row) -> str:
        claim = row.published.get(of.metric)
        mark = f" [{marks.index(claim.note) + 1}]" if claim and claim.note else ""
        return cells.published(row, of.metric) + mark

    def value(row: Row) -> float | None:
        claim = row.published.get(of.metric)
        return (claim.low + claim.high) / 2 if claim else None

    return Column(
        name=f"published_{of.name}",
        heading=f"published {of.heading}" if alone else "published",
        said="" if alone else of.heading,
        cell=cell,
        value=value,
    )


def _mean(found: Figure | None) -> float | None:
    return found.mean if found else None


def _epochs(target: Target, which: int) -> Column:
    """Published epochs are to the first target of a task."""

    def median(row: Row) -> float | None:
        found = row.epochs_to_target[which].found
        return found.median if found else None

    return Column(
        name=f"epochs_to_{target.metric}",
        heading=f"epochs to {target.words}",
        cell=lambda row: cells.epochs_to_target(row, which),
        value=median,
        metric="" if which else "epochs_to_target",
    )


def _rounded(value: float | None, scale: float, places: int) -> str:
    return MISSING if value is None else f"{scale * value:,.{places}f}"


QUALITY = (
    Column(
        name="architecture",
        heading="architecture",
        cell=lambda row: row.architecture,
        value=lambda row: row.architecture,
    ),
    Column(
        name="verdict",
        heading="verdict",
        cell=lambda row: row.verdict,
        value=lambda row: None if row.verdict == NOT_JUDGED else SEVERITY.index(row.verdict),
    ),
    Column(
        name="test_accuracy",
        heading="test accuracy (%)",
        cell=lambda row: accuracy(row.test_accuracy),
        value=lambda row: _mean(row.test_accuracy),
        metric="test_accuracy",
    ),
    Column(
        name="test_loss",
        heading="test loss (nats)",
        cell=lambda row: loss(row.test_loss),
        value=lambda row: _mean(row.test_loss),
        metric="test_loss",
    ),
    Column(
        name="training_accuracy",
        heading="training accuracy (%)",
        cell=lambda row: accuracy(row.training_accuracy),
        value=lambda row: _mean(row.training_accuracy),
        metric="training_accuracy",
    ),
    Column(
        name="calibration_error",
        heading="calibration error (%)",
        cell=lambda row: accuracy(row.calibration_error),
        value=lambda row: _mean(row.calibration_error),
    ),
    Column(
        name="parameters",
        heading="parameters",
        cell=cells.parameters,
        value=lambda row: row.parameters,
        metric="parameters",
    ),
)
SPEED = (
    Column(
        name="seconds_per_epoch",
        heading="seconds per epoch",
        cell=cells.seconds_per_epoch,
        value=lambda row: row.seconds_per_epoch.median if row.seconds_per_epoch else None,
        metric="seconds_per_epoch",
    ),
    Column(
        name="latency",
        heading="latency (ms)",
        cell=lambda row: _rounded(row.latency_seconds, 1000, 2),
        value=lambda row: row.latency_seconds,
    ),
    Column(
        name="images_per_second",
        heading="images per second",
        cell=lambda row: _rounded(row.images_per_second, 1, 0),
        value=lambda row: row.images_per_second,
    ),
    Column(
        name="peak_memory",
        heading="peak memory (MiB)",
        cell=lambda row: _rounded(row.peak_memory_mib, 1, 0),
        value=lambda row: row.peak_memory_mib,
    ),
)
