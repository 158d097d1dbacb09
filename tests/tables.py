"""Tables for tests: the cells of rows of Markdown."""

from __future__ import annotations


def rows_of(text: str) -> list[list[str]]:
    """Return the cells of every row, headings among them, with plain spaces."""
    lines = text.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    table = [line.strip("|") for line in lines if line.startswith("| ")]
    return [[cell.strip() for cell in line.split("|")] for line in table]


def cells(text: str, first: str) -> list[str]:
    """Return the cells of the first row whose first cell begins so."""
    return next(row for row in rows_of(text) if f"{row[0]} ".startswith(f"{first} "))
