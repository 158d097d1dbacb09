"""The small print of a picture: what a reader must know who sees nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.harness.record import Record
from bench.harness.report.figures import spanned
from bench.harness.report.origin import listed
from bench.harness.report.rows import Row


def caption(
    rows: Sequence[Row],
    records: Sequence[Record],
    *more: str,
    stale: Mapping[str, str],
) -> str:
    """Return number of seeds, versions, machine and dates; then what is amiss, and ``more``."""
    parts = [
        made_with(records),
        *(f"{row.architecture} is stale: {stale[row.case]}." for row in rows if row.case in stale),
        *(f"{row.architecture}: {flag}." for row in rows for flag in row.flags),
        *more,
    ]
    return "\n".join(parts)


def made_with(records: Sequence[Record]) -> str:
    """Return one line: how many seeds a case, with what, where and when; no clock, no host name."""
    names = [record.spec.case.name for record in records]
    dates = sorted(record.started[:10] for record in records)
    parts = [
        f"n = {spanned(names.count(name) for name in names)} seeds a case",
        listed(_software(record) for record in records),
        listed(f"{r.machine.cpu}, {r.machine.cores} cores" for r in records if r.machine),
        dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}",
    ]
    return f"{'; '.join(part for part in parts if part)}."


def reservations(rows: Sequence[Row], metric: str) -> list[str]:
    """Return what must be known of the published figures of a metric, one line a note."""
    noted = [(row, claim.note) for row in rows if (claim := row.published.get(metric))]
    return [
        f"{', '.join(row.case for row, said in noted if said == note)}: {note}"
        for note in dict.fromkeys(said for _, said in noted if said)
    ]


def _software(record: Record) -> str:
    spec, versions = record.spec, record.provenance.versions
    backend = f"{spec.backend} {versions.get(spec.backend, '')}".strip()
    return f"keras {versions.get('keras', 'unknown')} with {backend} on {spec.device}"
