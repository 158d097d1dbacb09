"""One table for every output: GitHub-flavoured Markdown, a terminal of any width, a page."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest

from tabulate import tabulate

from fitting_room.format import in_code, in_html, in_markdown, in_prose, in_terminal, one_line

ALIGNED = {"l": "left", "r": "right", "d": "decimal"}
GAP = "  "
"""The gap between the columns of a terminal."""
LONGEST = 24
"""Columns of a word beyond which a folded cell breaks it."""

Style = Callable[[int, int, str], str]
"""``style(row, column, text)``: a line of a cell as a terminal marks it; the head is row -1."""


class Code(str):
    """A cell that Markdown shows as code."""

    __slots__ = ()


class Prose(str):
    """A cell in which spans of code are code, as its author meant them."""

    __slots__ = ()


@dataclass(frozen=True)
class Table:
    """Finished text in rows and columns; no cell is markup in any output, wherever it is from."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    """Sentences below the table, in which spans of code are code."""
    align: str | None = "lr"
    """A letter a column, the last for all that follow: left, right, decimal; None for no choice."""

    def markdown(self, *, unbroken: bool = False) -> str:
        """Return GitHub-flavoured Markdown; ``unbroken`` where narrow columns are to stay legible.

        GitHub then wraps neither at ± nor before %.
        """
        rows = [[_in_markdown(cell, unbroken=unbroken) for cell in row] for row in self.rows]
        letters = _per_column(self.align, self.head) if rows and self.align else None
        text = tabulate(
            rows,
            headers=[_in_markdown(cell, unbroken=unbroken) for cell in self.head],
            tablefmt="github",
            disable_numparse=True,  # cells are finished text: no digit is to be added or taken
            colalign=letters and [ALIGNED[letter] for letter in letters],
        )
        return "\n\n".join([text, *([bullets(self.notes)] if self.notes else [])])

    def terminal(self, *, width: int | None = None, style: Style = lambda *cell: cell[-1]) -> str:
        """Return lines for a terminal: headings folded, cells too where they exceed ``width``."""
        rows = [[in_terminal(one_line(cell)) for cell in row] for row in self.rows]
        head = [in_terminal(one_line(cell)) for cell in self.head]
        widths = _widths(head, rows, width)
        right = [letter != "l" for letter in _per_column(self.align or "l", head)]
        told = []
        for number, cells in enumerate([[*map(_joined, head)], *rows], start=-1):
            folded = [_folded(cell, room) for cell, room in zip(cells, widths, strict=True)]
            for line in zip_longest(*folded, fillvalue=""):
                told.append(_laid(line, widths, right, partial(style, number)))
            told += [] if number >= 0 else [GAP.join("-" * room for room in widths)]
        return "\n".join([*told, *(f"- {in_terminal(one_line(note))}" for note in self.notes)])

    @property
    def width(self) -> int:
        """Columns that a terminal must have for it."""
        return max(map(_columns, self.terminal().splitlines()))

    def html(self, *, kind: str) -> str:
        """Return the elements of a page; ``kind`` is the class of the table."""
        head = "".join(f'<th scope="col">{in_html(cell)}</th>' for cell in self.head)
        rows = ["".join(f"<td>{in_html(cell)}</td>" for cell in row) for row in self.rows]
        body = "".join(f"<tr>{cells}</tr>\n" for cells in rows)
        start = f'<table class="{in_html(kind)}">\n<thead><tr>{head}</tr></thead>\n'
        return f"{start}<tbody>\n{body}</tbody>\n</table>"


def bullets(notes: Sequence[str]) -> str:
    """Return a list in Markdown, in which spans of code are code and nothing else is markup."""
    return "\n".join(f"- {in_prose(note)}" for note in notes)


def _in_markdown(cell: str, *, unbroken: bool) -> str:
    text = in_code(cell) if isinstance(cell, Code) else in_markdown(cell)
    if isinstance(cell, Prose):
        text = in_prose(cell).replace("|", r"\|")
    if unbroken:
        for mark, joined in ((" ± ", "{0}±{0}"), (" %", "{0}%")):
            text = text.replace(mark, joined.format("\N{NO-BREAK SPACE}"))
    return text


def _per_column(align: str, head: Sequence[str]) -> str:
    return align.ljust(len(head), align[-1])[: len(head)]


def _columns(text: str) -> int:
    """Count the columns of a terminal that a line takes: wide signs two, accents none."""
    wide = sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)
    return len(text) + wide - sum(unicodedata.combining(sign) != 0 for sign in text)


def _widths(head: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """Return the columns that each column gets; if all exceed ``width``, the emptiest give way."""
    least = [_longest_word(_joined(cell)) for cell in head]
    below = [[row[place] for row in rows] for place in range(len(head))]
    found = [max([word, *map(_columns, cells)]) for word, cells in zip(least, below, strict=True)]
    if width is None:
        return found
    filled = [sum(map(_columns, cells)) for cells in below]
    for place, cells in enumerate(below):
        least[place] = max([least[place], *(min(_longest_word(c), LONGEST) for c in cells)])
    while sum(found) + len(GAP) * (len(head) - 1) > width:
        loose = [place for place, room in enumerate(found) if room > least[place]]
        if not loose:
            break
        found[min(loose, key=lambda place: filled[place] / found[place])] -= 1
    return found


def _longest_word(text: str) -> int:
    return max(map(_columns, text.split(" ")))


def _joined(heading: str) -> str:
    """Let a heading be folded anywhere but before a per cent sign."""
    return heading.replace(" %", "\N{NO-BREAK SPACE}%")


def _folded(text: str, room: int) -> list[str]:
    lines = [text] if _columns(text) <= room else textwrap.wrap(text, room)
    return [in_terminal(line.replace("\N{NO-BREAK SPACE}", " ")) for line in lines]


def _laid(
    line: Sequence[str],
    widths: Sequence[int],
    right: Sequence[bool],
    style: Callable[[int, str], str],
) -> str:
    cells = []
    for place, (text, room) in enumerate(zip(line, widths, strict=True)):
        space = " " * (room - _columns(text))
        shown = style(place, text) if text else ""
        cells.append(space + shown if right[place] else shown + space)
    return GAP.join(cells).rstrip()
