"""One row per case: what its records, verdicts and published figures say about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from fitting_room.analysis.trials import (
    Figure,
    Quartiles,
    Target,
    figure,
    flags_of,
    of_one_machine,
    one_per_seed,
    quartiles,
    trained,
)
from fitting_room.judge.censored import epochs_to_target, first_epoch
from fitting_room.judge.verdict import Verdict
from fitting_room.metrics import own
from fitting_room.record import Record
from fitting_room.spec import TASKS, Case
from fitting_room.store.claims import Claim, Claims

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
    test_accuracy: Figure | None = None
    """Of the last epoch, as are the next two."""
    test_loss: Figure | None = None
    training_accuracy: Figure | None = None
    calibration_error: Figure | None = None
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
    """From the median of large batches."""
    verdict: str = NOT_JUDGED
    verdicts: Sequence[Verdict] = ()
    metrics: Mapping[str, Figure] = field(default_factory=dict)
    """The project's own, by name, of the seeds whose records have them."""
    flags: Sequence[str] = ()
    """Why its figures need care, such as ``sample``."""
    published: Mapping[str, Claim] = field(default_factory=dict)
    """By metric."""
    keys: Sequence[str] = ()
    """Of the records that the row rests on."""


def rows(
    cases: Sequence[Case],
    records: Sequence[Record],
    verdicts: Mapping[str, Sequence[Verdict]],
    claims: Claims,
) -> list[Row]:
    """Return one row per case, in the order given.

    Args:
        cases: What the table shows; records of other cases are left out.
        records: In any order and of any outcome. Of several completed ones of a case and seed the
            last started counts, so that n is a number of seeds.
        verdicts: Case → verdicts on it; cases without any are not judged.
        claims: Case → metric → published figure.
    """
    return [
        _row(
            case,
            [record for record in records if record.spec.case.name == case.name],
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
    kept = one_per_seed(records)
    whole = trained(records)
    completed = [record for record in records if record.completed]
    timed = of_one_machine(completed)
    sizes = [record.size.parameters for record in kept if record.size]
    peaks = [r.peak_memory_bytes for r in completed if r.peak_memory_bytes is not None]
    return Row(
        case=case.name,
        task=case.task,
        architecture=case.architecture,
        test_accuracy=figure([r.test_accuracy for r in whole if r.test_accuracy is not None]),
        test_loss=figure([r.test_loss for r in whole if r.test_loss is not None]),
        training_accuracy=figure(_last_training_accuracies(whole)),
        calibration_error=figure([r.confidence.calibration_error for r in whole if r.confidence]),
        parameters=sizes[-1] if sizes else None,
        epochs_to_target=_epochs_to_target(case, whole),
        seconds_per_epoch=quartiles([e.seconds for r in timed for e in r.epochs[1:]]),
        peak_memory_mib=max(peaks) / 2**20 if peaks else None,
        latency_seconds=_latency(timed),
        images_per_second=_throughput(timed),
        verdict=_worst(verdicts),
        verdicts=verdicts,
        metrics=_own(whole),
        flags=flags_of(records),
        published=published,
        keys=tuple(record.key for record in kept),
    )


def _worst(verdicts: Sequence[Verdict]) -> str:
    outcomes = {verdict.outcome for verdict in verdicts}
    return min(outcomes - {APART} or outcomes, key=SEVERITY.index, default=NOT_JUDGED)


def _last_training_accuracies(records: Sequence[Record]) -> list[float]:
    last = (record.epochs[-1].training_accuracy for record in records)
    return [accuracy for accuracy in last if accuracy is not None]


def _own(records: Sequence[Record]) -> dict[str, Figure]:
    values = {m.name: [x for r in records if (x := m(r)) is not None] for m in own()}
    return {name: found for name, each in values.items() if (found := figure(each))}


def _epochs_to_target(case: Case, records: Sequence[Record]) -> tuple[Target, ...]:
    """Ask for every target of the task, over the seeds that trained."""
    found = []
    for metric, target in TASKS[case.task].targets.items():
        curves = [[getattr(epoch, metric) for epoch in record.epochs] for record in records]
        reached = [first_epoch(curve, target) for curve in curves]
        watched = [len(curve) for curve in curves]
        survival = epochs_to_target(reached, watched=watched) if curves else None
        found.append(Target(metric=metric, target=target, found=survival))
    return tuple(found)


def _latency(records: Sequence[Record]) -> float | None:
    seconds = [s for r in records if r.inference for s in r.inference.latency_seconds]
    return median(seconds) if seconds else None


def _throughput(records: Sequence[Record]) -> float | None:
    found = [r.inference for r in records if r.inference]
    rates = [i.batch_size / seconds for i in found for seconds in i.batch_seconds]
    return median(rates) if rates else None
