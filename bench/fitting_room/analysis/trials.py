"""What the records of a case come to: which of them count, their figures, its row of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median, quantiles, stdev

from fitting_room import machine
from fitting_room.format import Spread, counted, spanned
from fitting_room.judge.interval import EpochsToTarget, epochs_to_target, first_epoch
from fitting_room.judge.verdict import Verdict
from fitting_room.machine import USUAL, platform_of
from fitting_room.metrics import (
    METRICS,
    elapsed_seconds,
    is_timed,
    of_epoch,
    own,
    training_seconds,
)
from fitting_room.record import Record
from fitting_room.spec import TASKS, Case
from fitting_room.store.claims import Claim, Claims


def by_case(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Return name of a case → its records, in the order given."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record.spec.case.name, []).append(record)
    return found


def latest(records: Iterable[Record]) -> list[Record]:
    """Return the last started record of each seed, in seed order.

    Trained ones come before those that were built, and whole ones before quick ones.
    """
    ordered = sorted(records, key=lambda r: (bool(r.epochs), not r.spec.stop_after, r.started))
    found = {record.spec.seed: record for record in ordered}
    return [found[seed] for seed in sorted(found)]


def one_per_seed(records: Iterable[Record]) -> list[Record]:
    """Return the latest completed record of each seed, in seed order."""
    return latest(record for record in records if record.completed)


def trained(records: Sequence[Record]) -> list[Record]:
    """Return the record of each seed that trained to its end, which a quick trial does not."""
    return [r for r in one_per_seed(records) if r.epochs and not r.spec.stop_after]


STOPPED = "stopped after epoch"
"""How the flag of quick trials begins."""


def flags_of(records: Sequence[Record]) -> tuple[str, ...]:
    """Return why the figures of a case's records are not for publication, or need care."""
    overridden = sorted({r.spec.epochs for r in records if r.spec.overridden})
    stopped = sorted({r.spec.stop_after for r in one_per_seed(records) if r.spec.stop_after})
    searched = any(r.spec.dataset.validation for r in records)
    lost = Counter(r.outcome for r in records if not r.completed)
    found = [
        f"epochs overridden: {', '.join(map(str, overridden))}" if overridden else "",
        f"{STOPPED} {', '.join(map(str, stopped))}" if stopped else "",
        "sample" if any(record.spec.dataset.sample for record in records) else "",
        "validation split, not the test set" if searched else "",
        *(f"{count} of {len(records)} trials {outcome}" for outcome, count in sorted(lost.items())),
    ]
    return tuple(flag for flag in found if flag)


def publishable(record: Record) -> bool:
    """Return whether a record has all of the recipe's epochs, the whole data and its test set."""
    spec, data = record.spec, record.spec.dataset
    return not (spec.overridden or spec.stop_after or data.validation or data.sample)


def of_one_platform(records: Sequence[Record]) -> list[Record]:
    """Keep those of the usual platform, or where it has none those of the one with most."""
    found = [platform_of(record) for record in records]
    kept = USUAL if USUAL in found else max(found, key=found.count, default=USUAL)
    return [record for record in records if platform_of(record) == kept]


def of_one_machine(records: Sequence[Record]) -> list[Record]:
    """Keep what was exclusive on the machine that most of them ran on: other times do not mix."""
    return machine.of_one_machine([record for record in records if machine.exclusive(record)])


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


def figure(values: Sequence[float]) -> Spread | None:
    """Summarise one value per seed, or return None where there is none."""
    if not values:
        return None
    sd = stdev(values) if len(values) > 1 else None
    return Spread(mean=fmean(values), sd=sd, n=len(values), values=tuple(values))


def quartiles(values: Sequence[float]) -> Quartiles | None:
    """Summarise timings in seconds, quartiles by linear interpolation; None where there is none."""
    if not values:
        return None
    # Python before 3.13 takes no single value.
    lower, median, upper = quantiles(
        [*values, values[0]][: max(2, len(values))], method="inclusive"
    )
    return Quartiles(median=median, lower=lower, upper=upper, n=len(values))


APART = "not comparable"
SEVERITY = ("fail", "undecided", APART, "pass")
"""Worst first; a case is as good as the worst of the bounds that it could be held to."""

NOT_JUDGED = "not judged"


@dataclass(frozen=True, kw_only=True)
class Row:
    """All that is known of a case; accuracies are fractions, losses nats, times seconds."""

    case: str
    task: str
    architecture: str
    test_accuracy: Spread | None = None
    """The accuracy after the last epoch; the next two are of that epoch too."""
    test_loss: Spread | None = None
    training_accuracy: Spread | None = None
    calibration_error: Spread | None = None
    """Expected one, on the test images, of the seeds whose records have it; a fraction."""
    parameters: int | None = None
    epochs_to_target: Sequence[Target] = ()
    """One for each target of the task."""
    seconds_per_epoch: Quartiles | None = None
    """Over all epochs but the first of each trial that ran alone on the machine of most."""
    peak_memory_mib: float | None = None
    """Largest over the trials."""
    latency_seconds: float | None = None
    """Median, one image a call."""
    images_per_second: float | None = None
    """The rate by the median of large batches."""
    verdict: str = NOT_JUDGED
    verdicts: Sequence[Verdict] = ()
    metrics: Mapping[str, Spread] = field(default_factory=dict)
    """The project's own, by name, of the seeds whose records have them."""
    flags: Sequence[str] = ()
    """Why its figures need care, such as ``sample``."""
    published: Mapping[str, Claim] = field(default_factory=dict)
    """The claims, by metric."""
    keys: Sequence[str] = ()
    """The keys of the records that the row rests on."""


def rows(
    cases: Sequence[Case],
    records: Sequence[Record],
    verdicts: Mapping[str, Sequence[Verdict]],
    claims: Claims,
) -> list[Row]:
    """Return one row per case, in the order given.

    Records may be of any outcome, in any order; those of other cases are left out. Of several
    completed ones of a case and seed the last started counts, so that n is a number of seeds.
    Cases without verdicts are not judged.
    """
    of = by_case(records)
    return [
        _row(
            case,
            of.get(case.name, []),
            tuple(verdicts.get(case.name, ())),
            claims.get(case.name, {}),
        )
        for case in cases
    ]


def _row(
    case: Case,
    records: Sequence[Record],
    verdicts: tuple[Verdict, ...],
    published: Mapping[str, Claim],
) -> Row:
    kept, whole = one_per_seed(records), trained(records)
    completed = [record for record in records if record.completed]
    timed = of_one_machine(completed)
    peaks = [r.peak_memory_bytes for r in completed if r.peak_memory_bytes is not None]
    inferences = [record.inference for record in timed if record.inference]
    latencies = [s for each in inferences for s in each.latency_seconds]
    rates = [each.batch_size / s for each in inferences for s in each.batch_seconds]
    outcomes = {verdict.outcome for verdict in verdicts}

    def mean(metric: str) -> Spread | None:
        return figure([x for r in whole if (x := METRICS[metric](r)) is not None])

    return Row(
        case=case.name,
        task=case.task,
        architecture=case.architecture,
        test_accuracy=mean("test_accuracy"),
        test_loss=mean("test_loss"),
        training_accuracy=mean("training_accuracy"),
        calibration_error=mean("calibration_error"),
        parameters=next((r.size.parameters for r in kept[::-1] if r.size), None),
        epochs_to_target=_epochs_to_target(case, whole),
        seconds_per_epoch=quartiles([e.seconds for r in timed for e in r.epochs[1:]]),
        peak_memory_mib=max(peaks) / 2**20 if peaks else None,
        latency_seconds=median(latencies) if latencies else None,
        images_per_second=median(rates) if rates else None,
        verdict=min(outcomes - {APART} or outcomes, key=SEVERITY.index, default=NOT_JUDGED),
        verdicts=verdicts,
        metrics={m.name: found for m in own() if (found := mean(m.name))},
        flags=flags_of(records),
        published=published,
        keys=tuple(record.key for record in kept),
    )


def _epochs_to_target(case: Case, records: Sequence[Record]) -> tuple[Target, ...]:
    """Ask for every target of the task, over the seeds that trained."""
    timed = [record for record in of_one_machine(records) if is_timed(record)]
    return tuple(
        Target(
            metric=metric,
            target=target,
            found=_reached(records, metric, target, lambda _, epoch: epoch),
            seconds=_reached(timed, metric, target, training_seconds),
            elapsed=_reached(timed, metric, target, elapsed_seconds),
        )
        for metric, target in TASKS[case.task].targets.items()
    )


def _reached(
    records: Sequence[Record], metric: str, target: float, clock: Callable[[Record, int], float]
) -> EpochsToTarget | None:
    """Return when the seeds reach a target, by what a clock shows at the end of an epoch."""
    reached: list[float | None] = []
    for record in records:
        epoch = first_epoch([of_epoch(each, metric) for each in record.epochs], target)
        reached.append(None if epoch is None else clock(record, epoch))
    watched = [clock(record, len(record.epochs)) for record in records]
    return epochs_to_target(reached, watched=watched) if records else None


SHORT = 12
"""Characters of a digest that tell it from others for a person."""


def machines(records: Iterable[Record]) -> str:
    """Return every machine; of those that differ in their processor alone the rest is said once."""
    found = []
    for it in {record.machine for record in records if record.machine}:
        accelerator = f", {it.accelerator}" if it.accelerator else ""
        rest = f"{counted(it.cores, 'core')}, {it.memory_gib} GiB{accelerator}, {it.system}"
        found.append((rest, it.cpu))
    alike = gathered(found)
    return listed(f"{' or '.join(cpus)}, {rest}" for rest, cpus in alike.items())


def ran_on(records: Iterable[Record]) -> str:
    """Return what trained them: Keras' backend or an own trainer, and the kind of device."""
    specs = [record.spec for record in records]
    return listed(f"{spec.case.trainer or spec.backend} on {spec.device}" for spec in specs)


def versions(records: Iterable[Record]) -> str:
    """Return ``keras 3.15.1, python 3.11.9 or 3.12.1``: every version of each library."""
    pairs = (pair for record in records for pair in record.provenance.versions.items())
    found = gathered(pairs)
    return ", ".join(f"{name} {' or '.join(found[name])}" for name in sorted(found))


def settings(records: Sequence[Record]) -> str:
    """Return ``OMP_NUM_THREADS=1 or unset``: each setting that some record was made under."""
    told = [record.provenance.settings for record in records]
    names = sorted({name for each in told for name in each})
    found = gathered((name, each.get(name, "unset")) for name in names for each in told)
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


def days(records: Iterable[Record]) -> str:
    """Return ``2026-03-01 to 2026-03-04``: the first day and the last one that they started on."""
    found = sorted(record.started[:10] for record in records)
    return " to ".join(dict.fromkeys([*found[:1], *found[-1:]]))


def seeds_a_case(records: Iterable[Record]) -> str:
    """Return ``10–20``: the fewest and the most records that a case has."""
    return spanned(map(len, by_case(records).values()))


def listed(texts: Iterable[str]) -> str:
    """Return what differs, once each and in alphabetical order."""
    return " / ".join(sorted(set(texts)))


def gathered(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return name → what goes with it, once each and in alphabetical order."""
    found: dict[str, set[str]] = {}
    for name, value in pairs:
        found.setdefault(name, set()).add(value)
    return {name: sorted(values) for name, values in found.items()}


CASES = "\0"
"""Stands for the names of cases in a reason."""


def incomparable(verdicts: Iterable[Verdict]) -> list[str]:
    """Return a line a reason why bounds do not compare, for it is mostly the same for all.

    One that names the case names all the cases that it is the same for.
    """
    reasons: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for verdict in verdicts:
        if verdict.outcome == APART:
            why = verdict.reason.replace(verdict.subject or CASES, CASES)
            metrics, cases = reasons.setdefault(why, ({}, {}))
            metrics[verdict.metric] = cases[verdict.subject] = None
    return [
        f"{APART}, as {why.replace(CASES, ' '.join(cases))}: {', '.join(metrics)}"
        for why, (metrics, cases) in reasons.items()
    ]
