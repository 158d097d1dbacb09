"""Tables for tests: the cells of a row of Markdown."""

from __future__ import annotations


def cells(text: str, first: str) -> list[str]:
    """Return the cells of the row whose first cell begins so, with plain spaces."""
    lines = text.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    row = next(line for line in lines if line.startswith(f"| {first} "))
    return [cell.strip() for cell in row.strip("|").split("|")]
