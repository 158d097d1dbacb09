"""The records that a figure may rest on, what they come to, and what must be said of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles, stdev

from fitting_room import machine
from fitting_room.format import counted
from fitting_room.judge.interval import EpochsToTarget
from fitting_room.machine import USUAL, exclusive, platform_of
from fitting_room.record import Record


def one_per_seed(records: Sequence[Record]) -> list[Record]:
    """Return the last started completed record of each seed, in seed order.

    Trained ones come before those that were built, and whole ones before quick ones.
    """
    completed = [record for record in records if record.completed]
    completed.sort(key=lambda r: (bool(r.epochs), not r.spec.stop_after, r.started))
    latest = {record.spec.seed: record for record in completed}
    return [latest[seed] for seed in sorted(latest)]


def trained(records: Sequence[Record]) -> list[Record]:
    """Return the record of each seed that trained to its end, which a quick trial does not."""
    return [r for r in one_per_seed(records) if r.epochs and not r.spec.stop_after]


STOPPED = "stopped after epoch"
"""How the flag of quick trials begins."""


def flags_of(records: Sequence[Record]) -> tuple[str, ...]:
    """Return why the figures of a case's records are not for publication, or need care."""
    overridden = sorted({r.spec.epochs for r in records if r.spec.overridden})
    stopped = sorted({r.spec.stop_after for r in one_per_seed(records) if r.spec.stop_after})
    lost = Counter(r.outcome for r in records if not r.completed)
    found = [
        f"epochs overridden: {', '.join(map(str, overridden))}" if overridden else "",
        f"{STOPPED} {', '.join(map(str, stopped))}" if stopped else "",
        "sample" if any(on_sample(record) for record in records) else "",
        "validation split, not the test set" if any(map(of_search, records)) else "",
        *(f"{count} of {len(records)} trials {outcome}" for outcome, count in sorted(lost.items())),
    ]
    return tuple(flag for flag in found if flag)


def publishable(record: Record) -> bool:
    """Return whether a record has all of the recipe's epochs, the whole data and its test set."""
    spec = record.spec
    return not (spec.overridden or spec.stop_after or of_search(record) or on_sample(record))


def of_search(record: Record) -> bool:
    """Return whether what a record calls the test set are training images held out."""
    return record.spec.dataset.validation


def on_sample(record: Record) -> bool:
    """Return whether a record was made on a small sample, as its data set says of itself."""
    return record.spec.dataset.sample


def of_one_platform(records: Sequence[Record]) -> list[Record]:
    """Keep those of the usual platform, or where it has none those of the one with most."""
    found = [platform_of(record) for record in records]
    kept = USUAL if USUAL in found else max(found, key=found.count, default=USUAL)
    return [record for record in records if platform_of(record) == kept]


def of_one_machine(records: Sequence[Record]) -> list[Record]:
    """Keep what was exclusive on the machine that most of them ran on: other times do not mix."""
    return machine.of_one_machine([record for record in records if exclusive(record)])


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Mean over seeds."""

    mean: float
    sd: float | None
    """The sd between seeds, n − 1 degrees of freedom; None for one, whose scatter is unknown."""
    n: int
    values: tuple[float, ...]
    """The values in the order of the seeds."""


@dataclass(frozen=True, kw_only=True)
class Quartiles:
    """Median of timings, with the quartiles around it; seconds."""

    median: float
    lower: float
    upper: float
    n: int


@dataclass(frozen=True, kw_only=True)
class Target:
    """How soon a metric of a case reached a target of its task."""

    metric: str
    target: float
    found: EpochsToTarget | None
    """None where nothing was trained."""
    seconds: EpochsToTarget | None = None
    """The same in training seconds; None where no trial was timed."""
    elapsed: EpochsToTarget | None = None
    """The same in seconds from the start of the process."""

    @property
    def words(self) -> str:
        """The target in a heading: ``99.5 % training accuracy``."""
        return f"{100 * self.target:g} % {self.metric.replace('_', ' ')}"


def figure(values: Sequence[float]) -> Figure | None:
    """Summarise one value per seed, or return None where there is none."""
    if not values:
        return None
    sd = stdev(values) if len(values) > 1 else None
    return Figure(mean=fmean(values), sd=sd, n=len(values), values=tuple(values))


def quartiles(values: Sequence[float]) -> Quartiles | None:
    """Summarise timings in seconds, quartiles by linear interpolation; None where there is none."""
    if not values:
        return None
    # Python before 3.13 takes no single value.
    lower, median, upper = quantiles(
        [*values, values[0]][: max(2, len(values))], method="inclusive"
    )
    return Quartiles(median=median, lower=lower, upper=upper, n=len(values))


SHORT = 12
"""Characters of a digest that tell it from others for a person."""


def machines(records: Iterable[Record]) -> str:
    """Return every machine; of those that differ in their processor alone the rest is said once."""
    found = []
    for it in {record.machine for record in records if record.machine}:
        accelerator = f", {it.accelerator}" if it.accelerator else ""
        rest = f"{counted(it.cores, 'core')}, {it.memory_gib} GiB{accelerator}, {it.system}"
        found.append((rest, it.cpu))
    alike = _gathered(found)
    return listed(f"{' or '.join(cpus)}, {rest}" for rest, cpus in alike.items())


def ran_on(records: Iterable[Record]) -> str:
    """Return what trained them: Keras' backend or an own trainer, and the kind of device."""
    specs = [record.spec for record in records]
    return listed(f"{spec.case.trainer or spec.backend} on {spec.device}" for spec in specs)


def versions(records: Iterable[Record]) -> str:
    """Return ``keras 3.15.1, python 3.11.9 or 3.12.1``: every version of each library."""
    pairs = (pair for record in records for pair in record.provenance.versions.items())
    found = _gathered(pairs)
    return ", ".join(f"{name} {' or '.join(found[name])}" for name in sorted(found))


def settings(records: Sequence[Record]) -> str:
    """Return ``OMP_NUM_THREADS=1 or unset``: each setting that some record was made under."""
    told = [record.provenance.settings for record in records]
    names = sorted({name for each in told for name in each})
    found = _gathered((name, each.get(name, "unset")) for name in names for each in told)
    return ", ".join(f"{name}={' or '.join(found[name])}" for name in names)


def commits(records: Iterable[Record]) -> list[str]:
    """Return each commit, and whether there were changes beside it."""
    pairs = ((r.provenance.commit or "unknown", r.provenance.dirty) for r in records)
    changed = " with uncommitted changes"
    return sorted({f"{commit[:SHORT]}{changed if dirty else ''}" for commit, dirty in pairs})


def counted_commits(records: Sequence[Record]) -> str:
    """Return the commit; of several how many, since digits of many tell a reader nothing."""
    count = len({record.provenance.commit for record in records})
    if count == 1:
        return f"commit {' / '.join(commits(records))}"
    changed = len({r.provenance.commit for r in records if r.provenance.dirty})
    return f"{count} commits{f', {changed} of them with uncommitted changes' if changed else ''}"


def listed(texts: Iterable[str]) -> str:
    """Return what differs, once each and in alphabetical order."""
    return " / ".join(sorted(set(texts)))


def _gathered(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return name → what goes with it, once each and in alphabetical order."""
    found: dict[str, set[str]] = {}
    for name, value in pairs:
        found.setdefault(name, set()).add(value)
    return {name: sorted(values) for name, values in found.items()}
