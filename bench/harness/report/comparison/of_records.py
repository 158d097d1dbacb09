"""What records say of their cases, as one side of a comparison."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from statistics import median_low

import msgspec

from bench.harness.judge.samples import Arrivals, Sample
from bench.harness.metrics import METRICS
from bench.harness.record import Machine, Record
from bench.harness.report.comparison.side import QUALITY, Facts, Pace
from bench.harness.report.trials import of_one_machine, on_sample
from bench.harness.spec import TASKS
from bench.harness.store.key import training_key

RESULTS = ("completed", "diverged", "given up")
"""Outcomes that say something of the code; others are accidents."""


def facts_of(records: Iterable[Record]) -> dict[str, Facts]:
    """Return what the records say, case by case, in the order of their names."""
    by_case: dict[str, list[Record]] = {}
    for record in records:
        if record.spec.order_seed is not None:
            continue  # made to tell one scatter from another: no sample of the case
        by_case.setdefault(record.spec.case.name, []).append(record)
    found = {case: _facts(case, by_case[case]) for case in sorted(by_case)}
    return {case: facts for case, facts in found.items() if facts.records}


def identity(record: Record) -> str:
    """Return the digest of what a case is apart from its name: task, architecture, arguments."""
    case = record.spec.case
    content = [case.task, record.provenance.architecture_digest, dict(case.arguments)]
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:12]


def _facts(case: str, records: Sequence[Record]) -> Facts:
    results = [record for record in records if record.outcome in RESULTS]
    alike = _of_one_code(results)
    kept = _one_per_seed(alike)
    notes = [f"{count} {outcome}" for outcome, count in _accidents(records)]
    if others := len(results) - len(alike):
        notes.append(f"{others} of other code, data or versions than the last one's")
    trained = [record for record in kept if record.epochs]
    return Facts(
        case=case,
        samples={metric: _sample(metric, trained) for metric in _known(trained)},
        arrivals=_arrivals(trained),
        counts=_counts(kept),
        pace=_pace(trained),
        conditions=conditions(kept[-1]) if kept else {},
        settings=_joined([_settings(record) for record in kept]),
        identity=identity(kept[-1]) if kept else None,
        records=tuple(kept),
        notes=tuple(f"{case}: left out: {note}" for note in notes),
    )


def _accidents(records: Sequence[Record]) -> list[tuple[str, int]]:
    return sorted(Counter(r.outcome for r in records if r.outcome not in RESULTS).items())


def _of_one_code(records: Sequence[Record]) -> list[Record]:
    """Keep what was made as the last started one was: samples of two codes do not mix."""
    if not records:
        return []
    last = training_key(max(records, key=lambda record: record.started))
    return [record for record in records if training_key(record) == last]


def _one_per_seed(records: Sequence[Record]) -> list[Record]:
    """Return the last started record of each seed, trained ones first."""
    ordered = sorted(records, key=lambda record: (bool(record.epochs), record.started))
    latest = {record.spec.seed: record for record in ordered}
    return [latest[seed] for seed in sorted(latest)]


def _sample(metric: str, records: Sequence[Record]) -> Sample:
    completed = [record for record in records if record.completed]
    values = [value for record in completed if (value := METRICS[metric](record)) is not None]
    return Sample(values=tuple(values), diverged=len(records) - len(completed))


def _known(records: Sequence[Record]) -> list[str]:
    """Return the metrics that one of the records at least has, or lost."""
    lost = any(not record.completed for record in records)
    return [m for m in QUALITY if lost or any(METRICS[m](record) is not None for record in records)]


def _arrivals(records: Sequence[Record]) -> Arrivals | None:
    if not records or not TASKS[records[0].spec.case.task].targets:
        return None
    epochs = [METRICS["epochs_to_target"](record) for record in records]
    return Arrivals(
        epochs=tuple(None if epoch is None else int(epoch) for epoch in epochs),
        watched=tuple(len(record.epochs) for record in records),
    )


def _counts(records: Sequence[Record]) -> dict[str, tuple[int, ...]]:
    sizes = [record.size for record in records if record.size]
    steps = [record.resolved.steps_per_epoch for record in records if record.resolved]
    return {
        "parameters": tuple(size.parameters for size in sizes),
        "trainable_parameters": tuple(size.trainable_parameters for size in sizes),
        "flops_per_image": tuple(size.flops_per_image for size in sizes),
        "steps_per_epoch": tuple(steps),
    }


def _pace(records: Sequence[Record]) -> Pace | None:
    """Return the pace of the middle one of the records, by calibration steps where they have it.

    The quickest epoch of each: neighbours only ever slow one down.
    """
    timed = [r for r in of_one_machine(records) if r.completed and len(r.epochs) > 1]
    with_step = [record for record in timed if record.calibration_seconds]
    paces = [
        (_quickest(r) / (r.calibration_seconds or 1.0), index)
        for index, r in enumerate(with_step or timed)
    ]
    if not paces:
        return None
    middle = (with_step or timed)[median_low(paces)[1]]
    return Pace(
        seconds=_quickest(middle),
        calibration=middle.calibration_seconds,
        conditions=time_conditions(middle),
    )


def _quickest(record: Record) -> float:
    return min(epoch.seconds for epoch in record.epochs[1:])


def time_conditions(record: Record) -> dict[str, str]:
    """Return what must agree for seconds to be compared: machine, and versions but Python's."""
    machine, versions = record.machine, record.provenance.versions
    told = {f.name.replace("_", " "): getattr(machine, f.name, None) for f in fields(Machine)}
    return {
        **{name: str(value) for name, value in told.items() if value is not None},
        **{name: version for name, version in versions.items() if name != "python"},
        "runs on": f"{record.spec.backend}, {record.spec.device}",
    }


def conditions(record: Record) -> dict[str, str]:
    """Return what must agree for quality to be compared: data and epochs."""
    spec = record.spec
    epochs = f"{spec.epochs} instead of the recipe's" if spec.overridden else "the recipe's"
    data = "the sample" if on_sample(record) else "the whole set"
    return {"data": data, "checksum of the data": spec.dataset.checksum[:12], "epochs": epochs}


def _joined(settings: Sequence[Mapping[str, str]]) -> dict[str, str]:
    names = dict.fromkeys(name for each in settings for name in each)
    return {
        name: " / ".join(sorted({each[name] for each in settings if name in each}))
        for name in names
    }


def _settings(record: Record) -> dict[str, str]:
    recipe = record.spec.case.recipe
    told = {f"recipe's {f.name}": getattr(recipe, f.name) for f in fields(recipe)}
    return {
        **time_conditions(record),
        "python": record.provenance.versions.get("python", "unknown"),
        **{name: str(value) for name, value in told.items()},
        "code of the architecture": record.provenance.architecture_digest[:12],
        "code of the training path": record.provenance.training_digest[:12],
    }
