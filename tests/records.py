"""Believable records for tests, made without training anything."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from imports import ROOT

from fitting_room.judge.verdict import Bound, Verdict
from fitting_room.judge.verdict import Outcome as Judged
from fitting_room.project import current
from fitting_room.record import (
    Epoch,
    Inference,
    Machine,
    Outcome,
    Provenance,
    Record,
    Resolved,
    Size,
    pack_classes,
)
from fitting_room.spec import Case, Dataset, TrialSpec
from fitting_room.store.records import Store

PROJECT = current(ROOT)
PROJECT.use()

MACHINE = Machine(system="Linux x86_64", cpu="Example CPU (avx2)", cores=2, memory_gib=8)
VERSIONS = {"python": "3.11.9", "keras": "3.15.1", "numpy": "2.4.0", "tensorflow": "2.21.0"}
SIZE = Size(trainable_parameters=0, non_trainable_parameters=0, flops_per_image=203_264)
INFERENCE = Inference(latency_seconds=(0.001,) * 10, batch_seconds=(0.02,) * 10, batch_size=1000)
PHASES = ("start", "import", "load", "build", "train", "evaluate", "inference")


def make_record(
    *,
    case: str | Case = "fashion_mnist-dense_128",
    seed: int = 0,
    test_accuracy: float | None = 0.875,
    test_loss: float | None = 0.35,
    training_accuracy: float | Sequence[float] = 0.893,
    epoch_seconds: Sequence[float] | None = None,
    epochs: int | None = None,
    parameters: int = 101_770,
    outcome: Outcome = "completed",
    reason: str | None = None,
    machine: Machine | None = MACHINE,
    started: str = "2026-03-01T12:00:00+00:00",
    sample: bool = False,
    backend: str = "tensorflow",
    device: str = "cpu",
    commit: str | None = "0123456789abcdef0123456789abcdef01234567",
    dirty: bool | None = False,
    versions: Mapping[str, str] = VERSIONS,
    peak_memory_bytes: int | None = 512 * 2**20,
    predictions: Sequence[int] | None = None,
    key: str | None = None,
) -> Record:
    """Return the record of one trial; what is not given is plausible.

    ``training_accuracy`` is that of the last epoch, or one for each epoch that ran; ``epochs`` is
    how many were asked for, the recipe's by default. Epochs take 3 s, the first one 5 s.
    ``sample`` says that it trained on the small sample.
    """
    found = PROJECT.case(case) if isinstance(case, str) else case
    asked = found.recipe.epochs if epochs is None else epochs
    curve = _curve(training_accuracy, asked)
    dataset = _dataset(found.task, sample=sample)
    return Record(
        key=key or _sha256(f"{found.name}-{seed}-{asked}-{sample}"),
        spec=TrialSpec(
            case=found, seed=seed, dataset=dataset, epochs=asked, backend=backend, device=device
        ),
        outcome=outcome,
        reason=reason or f"all {len(curve)} epochs ran",
        started=started,
        provenance=replace(_origin(found), commit=commit, dirty=dirty, versions=versions),
        machine=machine,
        resolved=_resolved(found, sample=sample),
        size=replace(SIZE, trainable_parameters=parameters),
        epochs=_epochs(curve, epoch_seconds, test_accuracy, test_loss),
        test_accuracy=test_accuracy,
        test_loss=test_loss,
        predictions=_predictions(predictions, seed),
        inference=INFERENCE,
        seconds={**dict.fromkeys(PHASES, 1.0), "total": float(len(PHASES))},
        peak_memory_bytes=peak_memory_bytes,
    )


def disturbed(record: Record) -> Record:
    """Return the record with epochs that took three times as long for the same CPU time."""
    slowed = (replace(e, seconds=3 * e.seconds) if e.number > 2 else e for e in record.epochs)
    return replace(record, epochs=tuple(slowed))


def make_failed_record(*, outcome: Outcome = "crashed", **known: object) -> Record:
    """Return the record of a trial that died before it could tell anything."""
    whole = make_record(outcome=outcome, reason=f"the trial {outcome}", **known)  # type: ignore[arg-type]
    return replace(
        whole,
        machine=None,
        resolved=None,
        size=None,
        epochs=(),
        test_accuracy=None,
        test_loss=None,
        predictions=None,
        inference=None,
        seconds={},
        peak_memory_bytes=None,
    )


def stored(folder: Path, records: Iterable[Record]) -> Path:
    """Put records into a folder, and return it."""
    for record in records:
        Store(folder).put(record)
    return folder


def make_verdict(outcome: Judged = "pass", *, metric: str = "test_loss", **known: Any) -> Verdict:
    """Return a verdict; what is not given is plausible."""
    plausible = {"estimate": 0.3, "n": 1, "against": "≤ 0.300", "reason": "it is so"}
    return Verdict(metric=metric, outcome=outcome, **(plausible | known))


def make_band(
    mean: float, room: float, *, sd: float = 0.002, metric: str = "training_loss"
) -> Bound:
    """Return a band about the mean of a reference of twenty seeds."""
    ends = (mean - room, mean + room)
    known = {"mean": mean, "sd": sd, "reference_seeds": 20}
    return Bound(metric=metric, between=ends, reason="a reference", **known)  # type: ignore[arg-type]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _origin(case: Case) -> Provenance:
    return Provenance(
        commit=None,
        dirty=None,
        architecture_digest=_sha256(case.builder),
        training_digest=_sha256("training"),
        versions={},
    )


def _curve(accuracy: float | Sequence[float], epochs: int) -> list[float]:
    if isinstance(accuracy, int | float):
        return [accuracy - 0.01 * left for left in range(epochs)][::-1]
    return list(accuracy)


def _epochs(
    curve: Sequence[float],
    seconds: Sequence[float] | None,
    test_accuracy: float | None,
    test_loss: float | None,
) -> tuple[Epoch, ...]:
    times = seconds if seconds is not None else [5.0, *[3.0] * len(curve)]
    return tuple(
        Epoch(
            number=number,
            seconds=taken,
            cpu_seconds=2 * taken,
            training_accuracy=accuracy,
            training_loss=1 - accuracy,
            test_accuracy=test_accuracy,
            test_loss=test_loss,
            evaluate_seconds=0.2,
        )
        for number, (accuracy, taken) in enumerate(zip(curve, times, strict=False), start=1)
    )


def _dataset(task: str, *, sample: bool) -> Dataset:
    source = "the sample that ships with the project" if sample else "the local cache"
    checksum = _sha256(f"{task}{' sample' if sample else ''}")
    return Dataset(
        name=task, folder=f"cache/{task}", source=source, checksum=checksum, sample=sample
    )


def _resolved(case: Case, *, sample: bool) -> Resolved:
    images = 2_000 if sample else 60_000
    return Resolved(
        jit_compile=case.recipe.jit_compile,
        precision=case.recipe.precision,
        threads=2,
        steps_per_epoch=-(-images // case.recipe.batch_size),
    )


def _predictions(classes: Sequence[int] | None, seed: int) -> str:
    if classes is None:
        return pack_classes(np.random.default_rng(seed).integers(0, 10, 100))
    return pack_classes(np.asarray(classes))
