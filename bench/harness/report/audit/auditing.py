"""Every claim of a file judged from what was measured, in the order of the file."""

from __future__ import annotations

from collections.abc import Sequence

from bench.harness.record import Record
from bench.harness.report.audit.evidence import Evidence
from bench.harness.report.audit.finding import Finding
from bench.harness.report.audit.on_figure import on_figure
from bench.harness.report.audit.on_words import on_statement
from bench.harness.store.claims import Claim, Published
from bench.harness.store.speeds import Speed


def audit(
    published: Published, records: Sequence[Record], speeds: Sequence[Speed] = ()
) -> list[Finding]:
    """Return one finding a claim; a pure function of what was published and of what was measured.

    Args:
        published: The claims of a file.
        records: Of any cases.
        speeds: Times of plain fits by the present code, by which ratios of seconds are judged.
    """
    evidence = Evidence(records, speeds)
    figures = [claim for claim in published.all if isinstance(claim, Claim)]
    tables = [claim for metrics in published.figures.values() for claim in metrics.values()]
    return [
        on_figure(each, evidence, figures)
        if isinstance(each, Claim)
        else on_statement(each, evidence, tables)
        for each in published.all
    ]
