"""The one kind of error that a user can mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

FEW = 3
"""Names that a suggestion may have: more are no help."""


class UserError(Exception):
    """Says what happened, what was expected and what to do; shown without a traceback."""


class UnwritableError(UserError):
    """Nothing can be written where records go: what is trained after it would be lost."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the known names closest to ``name``, and all of them.

    A name that is part of a few, as ``cnn_64`` is of ``fashion_mnist-cnn_64``, stands for those.

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
