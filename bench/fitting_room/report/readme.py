"""What is derived for a project's own pages, and never typed: blocks of Markdown, and badges.

A block stands between two lines, and all between them is replaced::

    <!-- fitting-room: digits -->
    <!-- /fitting-room -->

Each is a line of its own, from its first column on. In code, be it fenced, indented or inline,
they are text, so that a file can show how to write them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from fitting_room.errors import UserError, nearest
from fitting_room.format import count, measured
from fitting_room.spec import TASKS, folder_of
from fitting_room.store.records import encoded

if TYPE_CHECKING:
    from fitting_room.analysis.trials import Row

MARKER = re.compile(r"<!--\s*(?:fitting-room:\s*(?P<name>.*?)|/fitting-room)\s*-->")
FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
"""Begins or ends fenced code."""
CODE = re.compile(r"^ {4}.*|(`+).+?\1|\\<")
"""Other code, and what is escaped."""
CLOSING_LINE = "<!-- /fitting-room -->"


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
    kept: list[str] = []
    opened, filled = "", 0
    for number, line, marker in _marked(text):
        place, alone = f"{file}, line {number}", marker and marker[0] == line.rstrip()
        name = marker["name"] if marker else None
        if opened and name and alone:
            break
        if not opened and marker and not alone:
            raise UserError(f"{place}: a marker shares its line. Give it one of its own.")
        if not opened and marker and not name:
            raise UserError(f"{place}: no block is open here. Remove {CLOSING_LINE}.")
        kept += [line] if alone or not opened else []
        if opened and alone:
            opened, filled = "", filled + 1
        elif name and not opened:
            if name not in blocks:
                raise UserError(f"{place}: there is no block {name!r}. {nearest(name, blocks)}")
            opened = f"{place}: the block {name!r}"
            kept += [f"{each}{end}" for each in ("", *blocks[name]().strip("\n").split("\n"), "")]
    if opened:
        raise UserError(f"{opened} is not closed. End it with a line {CLOSING_LINE}")
    if not filled:
        wanted = f"<!-- fitting-room: {next(iter(blocks), 'NAME')} -->"
        raise UserError(f"{file} has no block to fill. Add two lines: {wanted} and {CLOSING_LINE}")
    return "".join(kept)


def _marked(text: str) -> Iterator[tuple[int, str, re.Match[str] | None]]:
    """Yield each line with its number, from 1, and its first marker that is no code."""
    fence = ""
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        found = FENCE.match(line)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
        yield number, line, None if fence or found else MARKER.search(CODE.sub("", line))


COLOURS = {"pass": "brightgreen", "undecided": "yellow", "fail": "red"}
NO_COLOUR = "lightgrey"
"""The colour of a case without a bound, or whose figures are not of the present code."""


def badges(rows: Sequence[Row], *, stale: Mapping[str, str]) -> dict[str, bytes]:
    """Return file name → what shields.io shows of a case, for each row that rests on records.

    The format is that of https://shields.io/badges/endpoint-badge.
    """
    found = {}
    for row in (row for row in rows if row.keys):
        said = "stale" if row.case in stale else row.verdict
        accuracy = measured("test_accuracy", row.test_accuracy).partition(" (")[0]
        parameters = f"{count(row.parameters)} parameters" if row.parameters is not None else ""
        badge = {
            "schemaVersion": 1,
            "label": f"{row.architecture} on {TASKS[row.task].title}",
            "message": " · ".join(filter(None, [said, accuracy, parameters])),
            "color": COLOURS.get(said, NO_COLOUR),
        }
        found[f"{folder_of(row.case)}.json"] = encoded(badge)
    return found
