"""What must be said with a table: warnings, provenance, gaps, sources, failures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bench.harness.record import Machine, Record
from bench.harness.report import cells
from bench.harness.report.rows import Row
from bench.harness.report.trials import one_per_seed

UNFIT = ("epochs overridden", "sample")
"""How flags begin that forbid publication."""


def banner(rows: Sequence[Row]) -> list[str]:
    """Return the warning that figures are not for publication, or nothing."""
    unfit = {row.architecture: [f for f in row.flags if f.startswith(UNFIT)] for row in rows}
    reasons = [f"{name} ({', '.join(flags)})" for name, flags in unfit.items() if flags]
    return [f"> **Not for publication**: {'; '.join(reasons)}."] if reasons else []


def footnotes(rows: Sequence[Row]) -> list[str]:
    """Return the distinct notes on published figures, in the order of the table."""
    found = (claim.note for row in rows for claim in row.published.values() if claim.note)
    return list(dict.fromkeys(found))


def notes(
    rows: Sequence[Row],
    records: Sequence[Record],
    *,
    stale: Mapping[str, str],
    absent: str | None = None,
) -> list[str]:
    """Return the lines under a table, most important first.

    ``absent`` says why a case has no record, for a table whose cells do not say it themselves.
    """
    used = [record for row in rows for record in _records_of(row, records)]
    return [
        *(f"{row.architecture} is stale: {stale[row.case]}." for row in rows if row.case in stale),
        *_verdicts(rows),
        *_lost(rows),
        *(_untimed(rows) if absent is None else _gaps(rows, absent)),
        *_legend(rows),
        *_target(rows),
        *([provenance(used)] if used else []),
        *_publication(rows),
    ]


def brief(rows: Sequence[Row], *, absent: str) -> list[str]:
    """Return what must be said even where the run's header told the rest: gaps and reservations."""
    contradicted = any(cells.DISAGREES in cells.published(row, "parameters") for row in rows)
    numbered = enumerate(footnotes(rows), start=1)
    return [
        *_lost(rows),
        *_gaps(rows, absent),
        *(f"[{number}] {note}" for number, note in numbered),
        *([f"{cells.DISAGREES} contradicts an exact count."] if contradicted else []),
    ]


def provenance(records: Sequence[Record], *, n: str | None = None) -> str:
    """Return where, when and with what the records were made: one line, no clock, no host name.

    ``n`` is how many values a figure rests on; by default the number of seeds of a case.
    """
    dates = sorted(record.started[:10] for record in records)
    device = {f"{r.spec.backend} on {r.spec.device}" for r in records}
    parts = [
        _listed(_machine(record.machine) for record in records if record.machine),
        _listed(device),
        _listed(record.resolved.precision for record in records if record.resolved),
        _listed(_versions(record) for record in records),
        dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}",
        f"n = {n or _seeds(records)}",
        f"commit {_listed(_commit(record) for record in records)}",
    ]
    return f"Measured: {'; '.join(part for part in parts if part)}."


def _records_of(row: Row, records: Sequence[Record]) -> list[Record]:
    return one_per_seed([record for record in records if record.spec.case.name == row.case])


def _listed(texts: Iterable[str]) -> str:
    return " / ".join(sorted(set(texts)))


def _machine(machine: Machine) -> str:
    accelerator = f", {machine.accelerator}" if machine.accelerator else ""
    cores = f"{machine.cores} cores, {machine.memory_gib} GiB"
    return f"{machine.cpu}, {cores}{accelerator}, {machine.system}"


def _versions(record: Record) -> str:
    return ", ".join(f"{name} {v}" for name, v in sorted(record.provenance.versions.items()))


def _commit(record: Record) -> str:
    commit = (record.provenance.commit or "unknown")[:12]
    return f"{commit} with uncommitted changes" if record.provenance.dirty else commit


def _seeds(records: Sequence[Record]) -> str:
    names = [record.spec.case.name for record in records]
    counts = sorted({names.count(name) for name in names})
    return f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"


def _verdicts(rows: Sequence[Row]) -> list[str]:
    judged = [(row, verdict) for row in rows for verdict in row.verdicts]
    return [
        f"{row.architecture}: {v.metric} {v.outcome}: {v.evidence}."
        for row, v in judged
        if v.outcome != "pass"
    ]


def _lost(rows: Sequence[Row]) -> list[str]:
    return [f"{row.architecture}: {flag}." for row in rows for flag in row.flags if " of " in flag]


def _gaps(rows: Sequence[Row], absent: str) -> list[str]:
    """Return why cells have no figure, one line a reason."""
    measured = [row for row in rows if row.keys]
    reasons = {
        absent: [row for row in rows if not row.keys],
        "not trained, only built and timed": [row for row in measured if not row.test_accuracy],
    }
    told = [
        f"{', '.join(row.architecture for row in of)}: {reason} ({cells.MISSING})."
        for reason, of in reasons.items()
        if of
    ]
    return told + _untimed(rows)


def _untimed(rows: Sequence[Row]) -> list[str]:
    names = [row.architecture for row in rows if row.test_accuracy and not row.seconds_per_epoch]
    why = "no s/epoch, as none ran alone for more than its first epoch, which includes tracing"
    return [f"{', '.join(names)}: {why}."] if names else []


def _legend(rows: Sequence[Row]) -> list[str]:
    if not any(row.keys for row in rows):
        return []
    return [
        "Accuracy and loss: after the last epoch, mean ± sd between seeds (number of seeds). "
        "Seconds: median (quartiles) of every epoch but each trial's first."
    ]


def _target(rows: Sequence[Row]) -> list[str]:
    targets = next((row.epochs_to_target for row in rows if row.epochs_to_target), ())
    return [
        f"Epochs to {target.words}: median over seeds (95 % interval), seeds that reached it; "
        f"{cells.NEVER} where too few ever did."
        for target in targets
    ]


def _publication(rows: Sequence[Row]) -> list[str]:
    claims = [claim for row in rows for claim in row.published.values()]
    contradicted = any(cells.DISAGREES in cells.published(row, "parameters") for row in rows)
    timed = any(claim.metric == "seconds_per_epoch" for claim in claims)
    return [
        *(f"[{number}] {note}" for number, note in enumerate(footnotes(rows), start=1)),
        *([f"{cells.DISAGREES} contradicts an exact count."] if contradicted else []),
        *(["Published seconds are another machine's: only ratios compare."] if timed else []),
        *([f"Published: {_listed(claim.source for claim in claims)}."] if claims else []),
    ]
