"""Blocks of a Markdown file that are derived, and never typed.

A block stands between two lines of its own, and all between them is replaced::

    <!-- fitting-room: mnist -->
    <!-- /fitting-room -->

Markers within a fenced code block are text, so that a file can show how to write them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto

from bench.harness.errors import UserError, nearest

OPENS = re.compile(r"\s*<!--\s*fitting-room:\s*(?P<name>.*?)\s*-->\s*")
CLOSES = re.compile(r"\s*<!--\s*/fitting-room\s*-->\s*")
FENCE = re.compile(r" {0,3}(```|~~~)")
PADDING = re.compile(r"( ) +|-{4,}")
"""What fills a column up: spaces in a cell, dashes below a heading."""
CLOSING_LINE = "<!-- /fitting-room -->"


class Kind(Enum):
    """What a line is."""

    TEXT = auto()
    OPENS = auto()
    CLOSES = auto()


def regenerate(text: str, blocks: Mapping[str, Callable[[], str]], *, file: str) -> str:
    """Return a Markdown text with the content of every block replaced.

    Args:
        text: The whole file; its line ends are kept.
        blocks: Name of a block → what makes its content; called where the file has that block.
        file: Its name, for messages.

    Raises:
        UserError: A block has an unknown name, is not closed or not opened, or there is none.
    """
    end = "\r" if "\r\n" in text else ""  # the rest of a line's end is what it was split at
    kept: list[str] = []
    opened: tuple[int, str] | None = None
    found = 0
    for number, line, kind in _lines(text):
        if kind is Kind.OPENS:
            _must_be_closed(opened, file)
            opened, found = (number, _name(line, blocks, f"{file}, line {number}")), found + 1
            content = ["", *blocks[opened[1]]().strip("\n").split("\n"), ""]
            kept += [line, *(f"{inside}{end}" for inside in content)]
        elif kind is Kind.CLOSES and opened is None:
            raise UserError(f"{file}, line {number}: no block is open here. Remove {CLOSING_LINE}.")
        elif kind is Kind.CLOSES or opened is None:
            opened = None
            kept.append(line)
    _must_be_closed(opened, file)
    if not found:
        wanted = f"<!-- fitting-room: {next(iter(blocks), 'NAME')} -->"
        raise UserError(f"{file} has no block to fill. Add two lines: {wanted} and {CLOSING_LINE}")
    return "\n".join(kept)


def difference(before: str, after: str, *, file: str) -> str:
    """Return what would change, as a unified diff; empty where nothing would.

    One longer cell pads its whole column: padding is left out, unless nothing else differs.
    """
    old, new = before.splitlines(), after.splitlines()
    return _diff(_unpadded(old), _unpadded(new), file) or _diff(old, new, file)


def _diff(before: Sequence[str], after: Sequence[str], file: str) -> str:
    return "\n".join(
        difflib.unified_diff(before, after, file, f"{file} (from records)", lineterm="")
    )


def _unpadded(lines: Iterable[str]) -> list[str]:
    return [PADDING.sub(lambda run: run[1] or "---", line) for line in lines]


def _lines(text: str) -> Iterator[tuple[int, str, Kind]]:
    """Yield number, line and kind; markers inside a code fence are text."""
    fenced = False
    for number, line in enumerate(text.split("\n"), start=1):
        if FENCE.match(line):
            fenced = not fenced
        if not fenced and OPENS.fullmatch(line):
            yield number, line, Kind.OPENS
        elif not fenced and CLOSES.fullmatch(line):
            yield number, line, Kind.CLOSES
        else:
            yield number, line, Kind.TEXT


def _name(line: str, blocks: Collection[str], place: str) -> str:
    match = OPENS.fullmatch(line)
    name = match["name"] if match else ""
    if name not in blocks:
        raise UserError(f"{place}: there is no block {name!r}. {nearest(name, blocks)}")
    return name


def _must_be_closed(opened: tuple[int, str] | None, file: str) -> None:
    if opened is not None:
        number, name = opened
        raise UserError(
            f"{file}, line {number}: the block {name!r} is not closed. "
            f"End it with a line {CLOSING_LINE}"
        )
