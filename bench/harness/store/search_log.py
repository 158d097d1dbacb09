"""The log of a search: a line of JSON for every trial, good, bad or broken, and none taken out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec

from bench.harness.errors import UserError
from bench.harness.record import Outcome, Record
from bench.harness.spec import Case
from models.recipe import Recipe

FINAL = ("completed", "diverged")
"""Outcomes that another trial of the same key would only repeat."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One trial of a candidate. Accuracies are fractions, of images held out of training."""

    task: str
    candidate: str
    builder: str
    arguments: Mapping[str, int | float | str]
    recipe: Recipe
    seed: int
    epochs: int
    held_out: str
    """What the accuracies are of, in words."""
    outcome: Outcome
    reason: str
    parameters: int | None
    """All, trainable or not."""
    validation_accuracy: float | None
    """Of the last epoch, of averaged weights where the recipe averages them."""
    validation_loss: float | None
    by_epoch: tuple[float | None, ...]
    """Validation accuracy after each epoch, of the weights as they were."""
    training_accuracy: float | None
    seconds: float
    """All of the trial, from start to end; others may have shared the machine."""
    epoch_seconds: tuple[float, ...]
    started: str
    commit: str | None
    dirty: bool | None
    backend: str
    machine: str
    key: str

    @property
    def settings(self) -> str:
        """All that makes two lines trials of one candidate, whatever it was called."""
        case = (self.task, self.builder, self.arguments)
        return _settings(*case, self.recipe, self.epochs, self.held_out)


def tried(record: Record) -> Tried:
    """Return the line of a record.

    Raises:
        ValueError: It was made on a test set, of which a search may know nothing.
    """
    spec, case = record.spec, record.spec.case
    if not spec.dataset.validation:
        raise ValueError(f"the record of {case.name} is of the test set, and no search's")
    machine = record.machine
    return Tried(
        task=case.task,
        candidate=case.architecture,
        builder=case.builder,
        arguments=case.arguments,
        recipe=replace(case.recipe),  # a decoded one would leave its defaults unsaid
        seed=spec.seed,
        epochs=spec.epochs,
        held_out=spec.dataset.source,
        outcome=record.outcome,
        reason=record.reason,
        parameters=record.size.parameters if record.size else None,
        validation_accuracy=record.test_accuracy,
        validation_loss=record.test_loss,
        by_epoch=tuple(epoch.test_accuracy for epoch in record.epochs),
        training_accuracy=record.epochs[-1].training_accuracy if record.epochs else None,
        seconds=round(record.seconds.get("total", 0.0), 1),
        epoch_seconds=tuple(round(epoch.seconds, 2) for epoch in record.epochs),
        started=record.started,
        commit=record.provenance.commit,
        dirty=record.provenance.dirty,
        backend=spec.backend,
        machine=(machine.accelerator or f"{machine.cpu}, {machine.cores} cores") if machine else "",
        key=record.key,
    )


def settings_of(case: Case, epochs: int, held_out: str) -> str:
    """Return ``Tried.settings`` of the trials that a case will give."""
    return _settings(case.task, case.builder, case.arguments, case.recipe, epochs, held_out)


def _settings(task: str, builder: str, arguments: object, recipe: Recipe, *rest: object) -> str:
    # What code is called says which it is; where it lay when the line was written does not.
    builder, optimizer = (place.rpartition(":")[2] for place in (builder, recipe.optimizer))
    told = (task, builder, arguments, asdict(recipe) | {"optimizer": optimizer}, *rest)
    return msgspec.json.encode(told, order="sorted").decode()


def read_log(path: Path) -> list[Tried]:
    """Return every line of a log, in order; none where there is no file.

    Raises:
        UserError: It cannot be read, or a line of it is no trial.
    """
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    return [_read(path, number, line) for number, line in enumerate(lines, start=1)]


def _read(path: Path, number: int, line: bytes) -> Tried:
    try:
        return msgspec.json.decode(line, type=Tried)
    except msgspec.DecodeError as error:
        raise UserError(
            f"{path}:{number}: this is no trial: {error}. "
            "Every line is written by `python -m bench search`; restore it from git."
        ) from None


def append(path: Path, line: Tried) -> None:
    """Add a line in one write, so that neither an interruption nor another search splits it.

    Raises:
        UserError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(file, msgspec.json.encode(line) + b"\n")
        finally:
            os.close(file)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None
