"""What must be said with a table: warnings, provenance, gaps, sources, failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fitting_room.analysis.rows import Row
from fitting_room.analysis.trials import (
    STOPPED,
    counted_commits,
    listed,
    machines,
    of_one_machine,
    one_per_seed,
    settings,
    versions,
)
from fitting_room.format import MISSING, NEVER, spanned
from fitting_room.metrics import shows
from fitting_room.record import Record
from fitting_room.report.columns import DISAGREES, published
from fitting_room.report.verdicts import APART

UNFIT = ("epochs overridden", STOPPED, "sample")
"""How flags begin that forbid publication."""


def banner(rows: Sequence[Row]) -> list[str]:
    """Return the warning that figures are not for publication, or nothing."""
    unfit = {row.architecture: [f for f in row.flags if f.startswith(UNFIT)] for row in rows}
    reasons = [f"{name} ({', '.join(flags)})" for name, flags in unfit.items() if flags]
    return [f"> **Not for publication**: {'; '.join(reasons)}."] if reasons else []


def stopped(row: Row) -> str:
    """Return the flag of a row whose trials are quick ones; of any other ``""``."""
    return next((flag for flag in row.flags if flag.startswith(STOPPED)), "")


def footnotes(rows: Sequence[Row]) -> list[str]:
    """Return the distinct notes on published figures, in the order of the table."""
    claims = (claim for row in rows for claim in row.published.values() if shows(claim.metric))
    return list(dict.fromkeys(claim.note for claim in claims if claim.note))


def _contradicted(rows: Sequence[Row]) -> bool:
    return any(DISAGREES in published(row, "parameters") for row in rows)


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
        *verdict_notes(rows),
        *_lost(rows),
        *(_untimed(rows) if absent is None else _gaps(rows, absent)),
        *_legend(rows, records),
        *_target(rows),
        *([provenance(used)] if used else []),
        *_publication(rows),
    ]


def brief(rows: Sequence[Row], *, absent: str) -> list[str]:
    """Return what must be said even where the run's header told the rest: gaps and reservations."""
    contradicted = shows("parameters") and _contradicted(rows)
    numbered = enumerate(footnotes(rows), start=1)
    return [
        *_lost(rows),
        *_gaps(rows, absent),
        *(f"[{number}] {note}" for number, note in numbered),
        *([f"{DISAGREES} contradicts an exact count."] if contradicted else []),
    ]


def provenance(records: Sequence[Record], *, n: str | None = None) -> str:
    """Return where, when and with what the records were made: one line, no clock, no host name.

    ``n`` is how many values a figure rests on; by default the number of seeds of a case.
    """
    dates = sorted(record.started[:10] for record in records)
    names = [record.spec.case.name for record in records]
    parts = [
        machines(records),
        listed(f"{record.spec.backend} on {record.spec.device}" for record in records),
        listed(record.resolved.precision for record in records if record.resolved),
        versions(records),
        settings(records),
        dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}",
        f"n = {n or spanned(names.count(name) for name in names)}",
        counted_commits(records),
    ]
    return f"Measured: {'; '.join(part for part in parts if part)}."


def _records_of(row: Row, records: Sequence[Record]) -> list[Record]:
    return one_per_seed([record for record in records if record.spec.case.name == row.case])


def verdict_notes(rows: Sequence[Row]) -> list[str]:
    """Return a line for each bound that is not met, and one a reason for those not comparable."""
    found = [(row, v) for row in rows for v in row.verdicts if not v.passed]
    apart: dict[str, dict[str, None]] = {}
    for _, verdict in found:
        if verdict.outcome == APART:
            apart.setdefault(verdict.reason, {})[verdict.metric] = None
    return [
        *(
            f"{row.architecture}: {v.metric} {v.outcome}: {v.reason}."
            for row, v in found
            if v.outcome != APART
        ),
        *(f"{APART}, as {why}: {', '.join(metrics)}." for why, metrics in apart.items()),
    ]


def _lost(rows: Sequence[Row]) -> list[str]:
    return [f"{row.architecture}: {flag}." for row in rows for flag in row.flags if " of " in flag]


def _gaps(rows: Sequence[Row], absent: str) -> list[str]:
    """Return why cells have no figure, one line a reason."""
    measured = [row for row in rows if row.keys and not stopped(row)]
    reasons = {
        **{why: [row for row in rows if stopped(row) == why] for why in map(stopped, rows) if why},
        absent: [row for row in rows if not row.keys],
        "not trained, only built and timed": [row for row in measured if not row.test_accuracy],
    }
    told = [
        f"{', '.join(row.architecture for row in of)}: {reason} ({MISSING})."
        for reason, of in reasons.items()
        if of
    ]
    return told + _untimed(rows)


def _untimed(rows: Sequence[Row]) -> list[str]:
    if not shows("seconds_per_epoch"):
        return []
    names = [row.architecture for row in rows if row.test_accuracy and not row.seconds_per_epoch]
    why = "no s/epoch, as none ran alone, undisturbed, for more than its first epoch, which traces"
    return [f"{', '.join(names)}: {why}."] if names else []


SCORES = "Accuracy and loss"


def _legend(rows: Sequence[Row], records: Sequence[Record]) -> list[str]:
    if not any(row.keys for row in rows):
        return []
    what = "Accuracy, loss and own metrics" if any(row.metrics for row in rows) else SCORES
    trained = f"{what}: after the last epoch, mean ± sd between seeds (number of seeds)."
    timed = {row.architecture: _timed(row, records) for row in rows if row.seconds_per_epoch}
    if not timed or not shows("seconds_per_epoch"):
        return [trained]
    epochs = spanned(row.seconds_per_epoch.n for row in rows if row.seconds_per_epoch)
    trials = spanned(len(found) for found in timed.values())
    return [
        f"{trained} Seconds: median (quartiles) of every epoch but the first of each trial that "
        f"ran alone: {_counted(epochs, 'epoch')} of {_counted(trials, 'trial')} a case.",
        *_clocks(timed),
    ]


def _counted(count: str, noun: str) -> str:
    return f"{count} {noun}{'' if count == '1' else 's'}"


def _timed(row: Row, records: Sequence[Record]) -> list[Record]:
    """Return the records that the seconds of a row are of."""
    own = [r for r in records if r.completed and r.spec.case.name == row.case]
    return [record for record in of_one_machine(own) if len(record.epochs) > 1]


def _clocks(timed: Mapping[str, Sequence[Record]]) -> list[str]:
    """Return which seconds are of which machine, where they are not all of one."""
    found: dict[str, list[str]] = {}
    for name, records in timed.items():
        found.setdefault(machines(records), []).append(name)
    told = "; ".join(f"{', '.join(names)} on {machine}" for machine, names in found.items())
    return [f"Seconds of different machines do not compare: {told}."] if len(found) > 1 else []


def _target(rows: Sequence[Row]) -> list[str]:
    found = (row.epochs_to_target for row in rows if row.epochs_to_target)
    targets = next(found, ()) if shows("epochs_to_target") else ()
    return [
        f"Epochs to {target.words}: median over seeds (95 % interval), seeds that reached it; "
        f"{NEVER} where too few ever did."
        for target in targets
    ]


def _publication(rows: Sequence[Row]) -> list[str]:
    claims = [claim for row in rows for claim in row.published.values() if shows(claim.metric)]
    contradicted = shows("parameters") and _contradicted(rows)
    timed = any(claim.metric == "seconds_per_epoch" for claim in claims)
    return [
        *(f"[{number}] {note}" for number, note in enumerate(footnotes(rows), start=1)),
        *([f"{DISAGREES} contradicts an exact count."] if contradicted else []),
        *(["Published seconds are another machine's: only ratios compare."] if timed else []),
        *([f"Published: {listed(claim.source for claim in claims)}."] if claims else []),
    ]
