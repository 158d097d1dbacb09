"""What is derived for a project's own pages, and never typed: blocks of Markdown, and badges.

A block stands between two lines of its own, and all between them is replaced::

    <!-- fitting-room: digits -->
    <!-- /fitting-room -->

A marker stands on a line of its own. What CommonMark takes for code, be it fenced, indented or
inline, holds none, so that a file can show how to write them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
from markdown_it import MarkdownIt

from fitting_room.errors import UserError, nearest
from fitting_room.format import count, measured
from fitting_room.spec import TASKS, folder_of

if TYPE_CHECKING:
    from fitting_room.analysis.rows import Row

MARKER = re.compile(r"<!--\s*(?:fitting-room:\s*(?P<name>.*?)|/fitting-room)\s*-->")
LINE_ENDS = re.compile(r"(?<=\n)|(?<=\r)(?!\n)")
"""Places where CommonMark ends a line."""
PADDING = re.compile(r"( ) +|-{4,}")
"""What fills a column up: spaces in a cell, dashes below a heading."""
CLOSING_LINE = "<!-- /fitting-room -->"


Marker = tuple[int, str | None, bool]
"""Its line, from 1; the block that it opens, None where it closes one; whether it stands alone."""


def regenerate(text: str, blocks: Mapping[str, Callable[[], str]], *, file: str) -> str:
    """Return a Markdown text with the content of every block replaced.

    Args:
        text: The whole file; its line ends are kept.
        blocks: Name of a block → what makes its content; called where the file has that block.
        file: Its name, for messages.

    Raises:
        UserError: A block has an unknown name, is not closed or not opened, or there is none; or
            a marker shares its line.
    """
    end = "\r\n" if "\r\n" in text else "\n"
    lines = LINE_ENDS.split(text)
    kept: list[str] = []
    done = 0
    for name, first, last in _found(text, file):
        if name not in blocks:
            place = f"{file}, line {first}"
            raise UserError(f"{place}: there is no block {name!r}. {nearest(name, blocks)}")
        inside = ["", *blocks[name]().strip("\n").split("\n"), ""]
        # What its lines begin with to be in the same list or quotation.
        before = re.sub(r"[^\s>]", " ", lines[first - 1].partition("<!--")[0])
        kept += lines[done:first]
        kept += [f"{before}{line}{end}" if line else f"{before.rstrip()}{end}" for line in inside]
        done = last - 1
    if not kept:
        wanted = f"<!-- fitting-room: {next(iter(blocks), 'NAME')} -->"
        raise UserError(f"{file} has no block to fill. Add two lines: {wanted} and {CLOSING_LINE}")
    return "".join([*kept, *lines[done:]])


def difference(before: str, after: str, *, file: str) -> str:
    """Return what would change, as a unified diff; empty where nothing would.

    One longer cell pads its whole column: padding is left out, unless nothing else differs.
    """

    def diff(*texts: str) -> str:
        old, new = (text.splitlines() for text in texts)
        return "\n".join(
            difflib.unified_diff(old, new, file, f"{file} (from records)", lineterm="")
        )

    unpadded = [PADDING.sub(lambda run: run[1] or "---", text) for text in (before, after)]
    return diff(*unpadded) or diff(before, after)


def _found(text: str, file: str) -> Iterator[tuple[str, int, int]]:
    """Yield the name of each block, and the lines of its two markers."""
    opened: tuple[str, int] | None = None
    for line, name, alone in _markers(text):
        place = f"{file}, line {line}"
        if not alone and not opened:
            raise UserError(f"{place}: a marker shares its line. Give it one of its own.")
        if not alone:
            continue  # part of what is replaced
        if name is not None:
            _must_be_closed(opened, file)
            opened = name, line
        elif opened is None:
            raise UserError(f"{place}: no block is open here. Remove {CLOSING_LINE}.")
        else:
            yield *opened, line
            opened = None
    _must_be_closed(opened, file)


def _must_be_closed(opened: tuple[str, int] | None, file: str) -> None:
    if opened:
        name, line = opened
        raise UserError(
            f"{file}, line {line}: the block {name!r} is not closed. "
            f"End it with a line {CLOSING_LINE}"
        )


def _markers(text: str) -> Iterator[Marker]:
    """Yield the markers of a document in their order, those within a sentence by its first line."""
    for token in MarkdownIt("commonmark").parse(text):
        first = token.map[0] + 1 if token.map else 0
        lines = token.content.split("\n") if token.type == "html_block" else []
        for number, line in enumerate(lines, start=first):
            if marker := MARKER.search(line):
                yield number, marker["name"], line.strip() == marker[0]
        inline = (child for child in token.children or () if child.type == "html_inline")
        for marker in filter(None, (MARKER.fullmatch(child.content) for child in inline)):
            yield first, marker["name"], False


COLOURS = {"pass": "brightgreen", "undecided": "yellow", "fail": "red"}
NO_COLOUR = "lightgrey"
"""The colour of a case without a bound, or whose figures are not of the present code."""


def badges(rows: Sequence[Row], *, stale: Mapping[str, str]) -> dict[str, bytes]:
    """Return file name → what shields.io shows of a case, for each row that rests on records.

    The format is that of https://shields.io/badges/endpoint-badge.

    Args:
        rows: One a case, with the verdicts of its reference.
        stale: Case → why its figures are not those of the present code.
    """
    found = {}
    for row in (row for row in rows if row.keys):
        said = "stale" if row.case in stale else row.verdict
        accuracy = measured("test_accuracy", row.test_accuracy).partition(" (")[0]
        parameters = f"{count(row.parameters)} parameters" if row.parameters is not None else ""
        content = {
            "schemaVersion": 1,
            "label": f"{row.architecture} on {TASKS[row.task].title}",
            "message": " · ".join(filter(None, [said, accuracy, parameters])),
            "color": COLOURS.get(said, NO_COLOUR),
        }
        badge = msgspec.json.format(msgspec.json.encode(content)) + b"\n"
        found[f"{folder_of(row.case)}.json"] = badge
    return found
