"""How one figure of a row reads in a table.

Accuracies are per cent and losses nats, as ``mean ± sd (n)`` over seeds. The sd keeps one
significant digit, two where it begins with 1, and the mean ends where its sd does; accuracies have
at most 2 decimals (one of 10,000 images is 0.01 %), losses at most 4. A single seed has no sd, and
is shown with 1 decimal (3 for a loss). Seconds are ``median (lower–upper quartile)``.
"""

from __future__ import annotations

from fitting_room.analysis.figures import Figure, Quartiles, decimals, with_spread
from fitting_room.analysis.rows import Row

MISSING = "—"
DISAGREES = "✗"


def accuracy(found: Figure | None) -> str:
    """Return per cent, without the sign."""
    return MISSING if found is None else with_spread(found, scale=100, most=2, alone=1)


def loss(found: Figure | None) -> str:
    """Return nats."""
    return MISSING if found is None else with_spread(found, most=4, alone=3)


def unbroken(text: str) -> str:
    """Return a cell that GitHub wraps neither at ± nor before %: so narrow columns stay legible."""
    for mark, joined in ((" ± ", "{0}±{0}"), (" %", "{0}%")):
        text = text.replace(mark, joined.format("\N{NO-BREAK SPACE}"))
    return text


def gap(row: Row, metric: str, absent: str) -> str:
    """Return why a row has no figure of a metric; ``absent`` is said where it has no record."""
    if not row.keys:
        return absent
    trained = row.test_accuracy is not None
    return "not timed" if trained and metric == "seconds_per_epoch" else "not trained"


def parameters(row: Row) -> str:
    """Return the count with thousands separators."""
    return MISSING if row.parameters is None else f"{row.parameters:,}"


def epochs_to_target(row: Row, which: int = 0) -> str:
    """Return the median with its interval, and how many seeds reached that target of the task."""
    found = row.epochs_to_target[which].found if row.epochs_to_target else None
    return MISSING if found is None else found.words


def seconds_per_epoch(row: Row) -> str:
    """Return the median and the quartiles over epochs."""
    return seconds(row.seconds_per_epoch)


def seconds(found: Quartiles | None) -> str:
    """Return the median and the quartiles, as precise as half of what lies between them."""
    if found is None:
        return MISSING
    places = decimals((found.upper - found.lower) / 2 or None, most=2, alone=2)
    return f"{found.median:.{places}f} ({found.lower:.{places}f}–{found.upper:.{places}f})"


def published(row: Row, metric: str) -> str:
    """Return a figure as it was printed, marked where it contradicts an exact count of ours."""
    claim = row.published.get(metric)
    if claim is None:
        return MISSING
    ours = row.parameters if metric == "parameters" else None
    agrees = ours is None or claim.low <= ours <= claim.high
    return claim.published if agrees else f"{claim.published} {DISAGREES}"
