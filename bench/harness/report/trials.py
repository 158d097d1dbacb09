"""Which records a figure may rest on, and what must be said of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.harness.disturbed import exclusive
from bench.harness.record import Machine, Record


def one_per_seed(records: Sequence[Record]) -> list[Record]:
    """Return the last started completed record of each seed, in seed order; trained ones first."""
    completed = [record for record in records if record.completed]
    completed.sort(key=lambda record: (bool(record.epochs), record.started))
    latest = {record.spec.seed: record for record in completed}
    return [latest[seed] for seed in sorted(latest)]


def flags_of(records: Sequence[Record]) -> tuple[str, ...]:
    """Return why the figures of a case's records are not for publication, or need care."""
    overridden = sorted({r.spec.epochs for r in records if r.spec.overridden})
    lost = Counter(r.outcome for r in records if not r.completed)
    found = [
        f"epochs overridden: {', '.join(map(str, overridden))}" if overridden else "",
        "sample" if any(on_sample(record) for record in records) else "",
        "validation split, not the test set" if any(map(of_search, records)) else "",
        *(f"{count} of {len(records)} trials {outcome}" for outcome, count in sorted(lost.items())),
    ]
    return tuple(flag for flag in found if flag)


def publishable(record: Record) -> bool:
    """Return whether a record has the recipe's epochs, the whole data set and its test set."""
    return not (record.spec.overridden or of_search(record) or on_sample(record))


def of_search(record: Record) -> bool:
    """Return whether what a record calls the test set are training images held out."""
    return record.spec.dataset.validation


def on_sample(record: Record) -> bool:
    """Return whether a record was made on a small sample, as its data set says of itself."""
    return record.spec.dataset.sample


def of_one_machine(records: Sequence[Record]) -> list[Record]:
    """Keep what was exclusive on the machine that most of them ran on: other times do not mix."""
    alone = [record for record in records if exclusive(record)]
    machines: list[Machine | None] = [record.machine for record in alone]
    most = max(machines, key=machines.count, default=None)
    return [record for record in alone if record.machine == most]
