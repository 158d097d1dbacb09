"""How one figure of a row reads in a table: what ``format`` makes of it, or why there is none."""

from __future__ import annotations

from fitting_room.analysis.rows import Row
from fitting_room.format import MISSING, around, count

DISAGREES = "✗"


def gap(row: Row, metric: str, absent: str) -> str:
    """Return why a row has no figure of a metric; ``absent`` is said where it has no record."""
    if not row.keys:
        return absent
    trained = row.test_accuracy is not None
    return "not timed" if trained and metric == "seconds_per_epoch" else "not trained"


def parameters(row: Row) -> str:
    """Return the count with thousands separators."""
    return count(row.parameters)


def epochs_to_target(row: Row, which: int = 0) -> str:
    """Return the median with its interval, and how many seeds reached that target of the task."""
    found = row.epochs_to_target[which].found if row.epochs_to_target else None
    return MISSING if found is None else found.words


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
