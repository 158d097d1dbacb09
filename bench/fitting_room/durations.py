"""The time now, and numbers and durations as a command line takes them."""

from __future__ import annotations

import argparse
import math
from contextlib import suppress
from datetime import datetime, timezone


def now() -> str:
    """Return the time in UTC, ISO 8601, to the millisecond: such strings sort as they follow."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


def positive(text: str) -> int:
    """Return a whole number from 1, or raise the error that argparse shows in one line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, not {text!r}")
    return int(text)


def natural(text: str) -> int:
    """Return a whole number from 0, or raise the error that argparse shows in one line."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number from 0, not {text!r}")
    return int(text)


def seconds(text: str) -> float:
    """Return a number of seconds above 0, or raise the error that argparse shows in one line."""
    with suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"expected a number of seconds above 0, not {text!r}")
