"""Findings on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from bench.harness.report.audit.finding import Finding
from bench.harness.report.audit.table import HEADINGS, row

STYLES = {
    "reproduced": "green",
    "exceeded": "green",
    "not reproduced": "red",
    "contradicted by its own source": "red",
    "undecided": "yellow",
    "not comparable": "dim",
}
SHARES = (4, 2, 3, 2, 5)
"""How the columns share the width."""


def as_table(findings: Sequence[Finding], *, stale: Mapping[str, str]) -> Table:
    """Return the audit as Rich prints it: wrapped to the width there is, verdicts in colour."""
    table = Table(box=SIMPLE_HEAD, expand=True, show_lines=False, pad_edge=False)
    for heading, share in zip(HEADINGS, SHARES, strict=True):
        table.add_column(heading, ratio=share)
    for each in findings:
        cells = [Text(cell) for cell in row(each, stale)]
        cells[HEADINGS.index("verdict")].stylize(STYLES[each.verdict])
        table.add_row(*cells)
    return table


def surprises(findings: Sequence[Finding]) -> list[str]:
    """Return one line for each verdict that is not the one the file expects."""
    return [
        f"{each.name}: {each.verdict}, where {each.expected} is expected. {each.because}."
        for each in findings
        if each.surprising
    ]
