"""Findings on a terminal: a table where it is wide, else a paragraph for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.padding import Padding
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
WIDE = 120
"""Columns from which on the table's words are not broken."""


def shown(
    findings: Sequence[Finding], *, width: int, stale: Mapping[str, str]
) -> Iterator[RenderableType]:
    """Yield the audit as Rich prints it, verdicts in colour, for a terminal of so many columns."""
    if width >= WIDE:
        yield _table(findings, stale)
        return
    for each in findings:
        said, published, measured, verdict, because = row(each, stale)
        yield Text.assemble((verdict, STYLES[each.verdict]), ": ", (said, "bold"))
        yield Padding(Text(f"published {published}, measured {measured}: {because}"), (0, 0, 0, 2))


def _table(findings: Sequence[Finding], stale: Mapping[str, str]) -> Table:
    table = Table(box=SIMPLE_HEAD, expand=True, pad_edge=False)
    for heading, share in zip(HEADINGS, SHARES, strict=True):
        table.add_column(heading, ratio=share, overflow="fold")
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
