"""One table for every output: GitHub-flavoured Markdown, a terminal of any width, a page."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO

from tabulate import tabulate

from fitting_room.format import in_code, in_html, in_markdown, in_prose, in_terminal, one_line

ALIGNED = {"l": "left", "r": "right", "d": "decimal"}
WIDEST = 10_000
"""Columns where nobody says how many a terminal has."""
DASHES = "    \n    \n -  \n" + "    \n" * 5
"""What rich draws around a table: a line of dashes below its head."""
COMMAND = re.compile(r"^(\s*)(?=::)")
"""Where a job log would take a line for a command."""

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
        # Loaded only where a table is shown: rich takes longer than most commands.
        from rich import box, table
        from rich.cells import cell_len
        from rich.console import Console
        from rich.text import Text

        rows = [[in_terminal(one_line(cell)) for cell in line] for line in [self.head, *self.rows]]
        lines = table.Table(
            box=box.Box(DASHES),
            header_style="",
            pad_edge=False,
            padding=(0, 1, 0, 0),
            show_edge=False,
        )
        for place, letter in enumerate(_per_column(self.align or "l", self.head)):
            head, *cells = (row[place] for row in rows)
            least = max(map(cell_len, head.replace(" %", "_%").split(" ")))
            lines.add_column(
                Text.from_ansi(style(-1, place, head)),
                justify="left" if letter == "l" else "right",
                min_width=least,
                max_width=max(least, *map(cell_len, cells)) if cells else least,
            )
        for number, row in enumerate(rows[1:]):
            lines.add_row(*(Text.from_ansi(style(number, *cell)) for cell in enumerate(row)))
        console = Console(
            file=(file := StringIO()),
            width=width or WIDEST,
            height=1,  # else a dumb terminal is taken for 80 columns, whatever its width
            color_system="standard",
            force_terminal=True,
            force_jupyter=False,
        )
        console.print(lines, crop=False)
        told = [COMMAND.sub(r"\1\\", line.rstrip()) for line in file.getvalue().splitlines()]
        return "\n".join([*told, *(f"- {in_terminal(one_line(note))}" for note in self.notes)])

    @property
    def width(self) -> int:
        """Columns that a terminal must have for it."""
        from rich.cells import cell_len

        return max(map(cell_len, self.terminal().splitlines()))

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
