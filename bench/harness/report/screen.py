"""Where the end of a run is shown: how wide, in which colours, how much of it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass

Mark = Callable[..., str]
"""``mark(text, red=True)``, as pytest's ``TerminalWriter.markup``."""

COLOURS = {"pass": "green", "fail": "red", "undecided": "yellow", "not comparable": "cyan"}
"""Of outcomes; each is told in words as well."""


def plain(text: str, **_: bool) -> str:
    """Return text without colour."""
    return text


@dataclass(frozen=True, kw_only=True)
class Screen:
    """A terminal, or what stands for one where output goes elsewhere."""

    width: int = 80
    """Columns."""
    mark: Mark = plain
    verbosity: int = 0
    """As pytest counts it: -1 for ``-q``, 1 for ``-v``."""

    def outcome(self, text: str, outcome: str) -> str:
        """Return text in the colour of an outcome; one that is unknown has none."""
        colour = COLOURS.get(outcome)
        return self.mark(text, **{colour: True}) if colour else text

    def folded(self, text: str, *, first: str = "", rest: str = "") -> str:
        """Return text in lines that fit; ``first`` leads the first one, ``rest`` the others."""
        return textwrap.fill(
            text,
            max(self.width, 20),
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )
