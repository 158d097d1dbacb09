"""One row per case: what its records, verdicts and published figures say about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
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
from fitting_room.judge.interval import EpochsToTarget, epochs_to_target, first_epoch
from fitting_room.judge.verdict import Verdict
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
    """The accuracy after the last epoch; the next two are of that epoch too."""
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
    """The rate by the median of large batches."""
    verdict: str = NOT_JUDGED
    verdicts: Sequence[Verdict] = ()
    metrics: Mapping[str, Figure] = field(default_factory=dict)
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
    kept, whole = one_per_seed(records), trained(records)
    completed = [record for record in records if record.completed]
    timed = of_one_machine(completed)
    peaks = [r.peak_memory_bytes for r in completed if r.peak_memory_bytes is not None]
    inferences = [record.inference for record in timed if record.inference]
    outcomes = {verdict.outcome for verdict in verdicts}

    def mean(metric: str) -> Figure | None:
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
        latency_seconds=_median(s for i in inferences for s in i.latency_seconds),
        images_per_second=_median(i.batch_size / s for i in inferences for s in i.batch_seconds),
        verdict=min(outcomes - {APART} or outcomes, key=SEVERITY.index, default=NOT_JUDGED),
        verdicts=verdicts,
        metrics={m.name: found for m in own() if (found := mean(m.name))},
        flags=flags_of(records),
        published=published,
        keys=tuple(record.key for record in kept),
    )


def _median(values: Iterable[float]) -> float | None:
    found = [*values]
    return median(found) if found else None


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
