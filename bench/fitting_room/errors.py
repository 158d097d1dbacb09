"""Errors that a user can mend, and numbers as a command line takes them."""

from __future__ import annotations

import argparse
import difflib
import math
from collections.abc import Iterable
from contextlib import suppress

FEW = 3
"""Names that a suggestion may have: more are no help."""


class UserError(Exception):
    """Says what happened, what was expected and what to do; shown without a traceback."""


class UnwritableError(UserError):
    """Nothing can be written where records go: what is trained after it would be lost."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the known names closest to ``name``, and all of them.

    A name that is part of a few, as ``cnn_64`` is of ``digits-cnn_64``, stands for those.

    >>> nearest("cnn64", ["cnn_64", "dense_128"])
    "Did you mean 'cnn_64'? Known: cnn_64, dense_128."
    """
    names = list(known)
    close = " or ".join(map(repr, _close(name, names)))
    hint = f"Did you mean {close}? " if close else ""
    return f"{hint}Known: {', '.join(names)}."


def _close(name: str, names: list[str]) -> list[str]:
    """Return the names with that part, else the nearest, else those with the nearest part."""
    of_part: dict[str, list[str]] = {}
    for each in names:
        for part in each.split("-"):
            of_part.setdefault(part, []).append(each)
    if 0 < len(of_part.get(name, [])) <= FEW:
        return of_part[name]
    whole = difflib.get_close_matches(name, names, n=1)
    parts = [] if whole else difflib.get_close_matches(name, of_part, n=1)
    found = whole or [each for part in parts for each in of_part[part]]
    return found if len(found) <= FEW else []


def positive(text: str) -> int:
    """Return a whole number from 1, or raise the error that argparse shows in one line."""
    return _whole(text, least=1)


def natural(text: str) -> int:
    """Return a whole number from 0, or raise the error that argparse shows in one line."""
    return _whole(text, least=0)


def _whole(text: str, *, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least}, not {text!r}")
    return int(text)


def seconds(text: str) -> float:
    """Return a number of seconds above 0, or raise the error that argparse shows in one line."""
    with suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"expected a number of seconds above 0, not {text!r}")
