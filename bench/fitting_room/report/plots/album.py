"""All pictures that records allow, by name, and why others are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from fitting_room.analysis.mistakes import TestSets, confusion
from fitting_room.analysis.rows import Row
from fitting_room.analysis.trials import listed, trained
from fitting_room.format import spanned
from fitting_room.metrics import curves_of
from fitting_room.record import Record
from fitting_room.report.plots.curves import (
    Bounds,
    curves,
    metric_curve,
    seconds,
    seeds,
    survivals,
)
from fitting_room.report.plots.reliability import confusion_matrix, reliability
from fitting_room.report.plots.theme import Draw
from fitting_room.report.plots.tradeoff import PARAMETERS, SECONDS, Cost, tradeoff
from fitting_room.spec import TASKS, Task

Pictures = Mapping[str, Draw | str]
"""Name → how it is drawn, or in words why it cannot be."""


@dataclass(frozen=True)
class Album:
    """What pictures are drawn from."""

    rows: Sequence[Row]
    """Of the cases, in the order of the tables."""
    records: Sequence[Record]
    bounds: Bounds
    test_sets: TestSets = field(default_factory=dict)
    stale: Mapping[str, str] = field(default_factory=dict)
    """Case → why its figures are not those of the present code."""

    def of(self, row: Row) -> list[Record]:
        """Return the trained records that count, one for each seed."""
        own = [record for record in self.records if record.spec.case.name == row.case]
        return trained(own)

    @property
    def trained(self) -> list[Row]:
        """Those with a record of training."""
        return [row for row in self.rows if self.of(row)]

    def small_print(self, rows: Sequence[Row], *more: str) -> str:
        """Return what must be said below a wide picture of these rows."""
        used = [record for row in rows for record in self.of(row)]
        return caption(rows, used, *more, stale=self.stale)


def overview(album: Album) -> Pictures:
    """Return the pictures that compare cases."""
    found: dict[str, Draw | str] = {}
    if album.trained:
        found["accuracy-parameters"] = _tradeoff(album, PARAMETERS)
        found["accuracy-seconds"] = _tradeoff(album, SECONDS)
    for name, task in TASKS.items():
        rows = [row for row in album.trained if row.task == name]
        if rows:
            found |= _of_task(album, task, rows)
    return found


def everything(album: Album) -> Pictures:
    """Return the pictures that compare cases, and those of each case."""
    found = dict(overview(album))
    for row in album.rows:
        found |= of_case(album, row)
    return found


def of_case(album: Album, row: Row) -> Pictures:
    """Return the pictures of one case."""
    records = album.of(row)
    if not records:
        return {f"{row.case}-curves": "no completed trial of it"}
    title = f"{row.architecture} on {TASKS[row.task].title}"
    wide = album.small_print([row])
    return {
        f"{row.case}-curves": partial(curves, [(title, records)], small_print=wide),
        f"{row.case}-seconds": partial(seconds, records, title, small_print=wide),
        f"{row.case}-confusion": _confusion(album, row, title),
        f"{row.case}-reliability": _reliability(album, row, title),
        **{
            f"{row.case}-{each.name}": partial(
                metric_curve, records, each.name, title, small_print=wide
            )
            for each in curves_of(records)
        },
    }


def _tradeoff(album: Album, cost: Cost) -> Draw:
    rows = album.trained
    panels = [
        (task.title, found)
        for name, task in TASKS.items()
        if (found := [row for row in rows if row.task == name])
    ]
    said = reservations(rows, "test_accuracy") if cost.claimed else []
    return partial(tradeoff, panels, cost, small_print=album.small_print(rows, *said))


def _of_task(album: Album, task: Task, rows: Sequence[Row]) -> Pictures:
    wide = album.small_print(rows)
    columns = [(row.architecture, album.of(row)) for row in rows]
    found: dict[str, Draw | str] = {
        f"{task.name}-curves": partial(curves, columns, small_print=wide),
        f"{task.name}-seeds": partial(seeds, rows, album.bounds, small_print=wide),
    }
    timed = [(row, album.of(row)) for row in rows]
    for which, metric in enumerate(task.targets):
        name = f"{task.name}-epochs-to-{metric.replace('_', '-')}"
        found[name] = partial(survivals, timed, which, small_print=wide)
    return found


def _confusion(album: Album, row: Row, title: str) -> Draw | str:
    records, classes = album.of(row), TASKS[row.task].classes
    known = [record for record in records if record.spec.dataset.checksum in album.test_sets]
    if not known:
        return f"its test images are not here; `python -m bench data {row.task}` fetches them"
    labels = album.test_sets[known[0].spec.dataset.checksum].test_labels
    found = confusion(known, labels, classes=len(classes))
    if found is None:
        return "its records hold no predictions"
    said = caption([row], known, stale=album.stale)
    return partial(confusion_matrix, found, classes, title, small_print=said)


def _reliability(album: Album, row: Row, title: str) -> Draw | str:
    known = [record for record in album.of(row) if record.confidence]
    if not known:
        return "its records were made before probabilities were kept"
    found = [record.confidence for record in known if record.confidence]
    said = caption([row], known, stale=album.stale)
    return partial(reliability, found, title, small_print=said)


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
