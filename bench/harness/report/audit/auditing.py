"""Every claim of a file judged from records, in the order of the file."""

from __future__ import annotations

from collections.abc import Sequence

from bench.harness.record import Record
from bench.harness.report.audit.evidence import Evidence
from bench.harness.report.audit.finding import Finding
from bench.harness.report.audit.on_figure import on_figure
from bench.harness.report.audit.on_words import on_statement
from bench.harness.store.claims import Claim, Published


def audit(published: Published, records: Sequence[Record]) -> list[Finding]:
    """Return one finding a claim; a pure function of what was published and of the records."""
    evidence = Evidence(records)
    figures = [claim for claim in published.all if isinstance(claim, Claim)]
    tables = [claim for metrics in published.figures.values() for claim in metrics.values()]
    return [
        on_figure(each, evidence, figures)
        if isinstance(each, Claim)
        else on_statement(each, evidence, tables)
        for each in published.all
    ]
