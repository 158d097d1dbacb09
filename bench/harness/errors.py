"""The one kind of error that a user can mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Says what happened, what was expected and what to do; shown without a traceback."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the known name closest to ``name``, and all of them.

    >>> nearest("cnn64", ["cnn_64", "dense_128"])
    "Did you mean 'cnn_64'? Known: cnn_64, dense_128."
    """
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return f"{hint}Known: {', '.join(names)}."
