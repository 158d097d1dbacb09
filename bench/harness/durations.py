"""Durations as a person says them, and the time of day as a record keeps it."""

from __future__ import annotations

from datetime import datetime, timezone


def now() -> str:
    """Return the time in UTC, ISO 8601, to the millisecond: such strings sort as they follow."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def in_words(seconds: float) -> str:
    """Return a duration in seconds, or in minutes where it is long.

    >>> in_words(42), in_words(400)
    ('42 s', '7 min')
    """
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
