"""Durations as a person says them."""

from __future__ import annotations


def in_words(seconds: float) -> str:
    """Return a duration in seconds, or in minutes where it is long.

    >>> in_words(42), in_words(400)
    ('42 s', '7 min')
    """
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
