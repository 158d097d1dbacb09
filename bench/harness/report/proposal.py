"""A change to ``bounds.toml``, to be reviewed before it is made."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

HEADER = re.compile(r"^[ \t]*\[\s*\"?(?P<case>[^\].\"]+)[^\]]*\]", re.MULTILINE)
SMOKE = re.compile(r"^[ \t]*\[[^\]\n]+\.\s*smoke\s*\].*\n(?:(?![ \t]*\[).*\n?)*", re.MULTILINE)


def propose(text: str, tables: Mapping[str, str]) -> str:
    """Return the text of a file of bounds with the tables of some cases replaced.

    Args:
        text: The whole file. What stands before a case's table, and between tables, is kept.
        tables: Case → the text of its table and sub-tables; a case that has none is added at the
            end.
    """
    parts = _parts(text)
    kept = [
        f"{tables[case].strip()}\n{_on_sample(part)}{_after(part)}" if case in tables else part
        for case, part in parts
    ]
    there = {case for case, _ in parts}
    added = [f"\n{tables[case].strip()}\n" for case in tables if case not in there]
    return "".join([*kept, *added])


def difference(before: str, after: str, *, file: str) -> str:
    """Return the change as a unified diff, as ``git apply`` takes it; empty where there is none."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"a/{file}",
        f"b/{file}",
    )
    return "".join(lines)


def _parts(text: str) -> list[tuple[str, str]]:
    """Return each case with the text of its table and its sub-tables; the first is of none."""
    starts = [("", 0)]
    for match in HEADER.finditer(text):
        case = match["case"].strip()
        if case != starts[-1][0]:
            starts.append((case, match.start()))
    ends = [*(start for _, start in starts[1:]), len(text)]
    return [(case, text[start:end]) for (case, start), end in zip(starts, ends, strict=True)]


def _on_sample(part: str) -> str:
    """Return the table of a case's own smoke bounds: no reference speaks of them."""
    found = SMOKE.search(part)
    return f"\n{found[0].removesuffix(_after(found[0])).strip()}\n" if found else ""


def _after(part: str) -> str:
    """Return the empty lines and comments at the end of a part: they belong to what follows."""
    lines = part.splitlines(keepends=True)
    while lines and (lines[-1].isspace() or lines[-1].startswith("#")):
        lines.pop()
    return part[sum(map(len, lines)) :]
