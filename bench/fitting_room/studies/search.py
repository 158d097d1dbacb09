"""Searches: a TOML file of candidates to be compared, and the log of their trials."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import msgspec

from fitting_room.errors import UserError, nearest
from fitting_room.record import Count, Fraction, Loss, Outcome, Record, Seconds
from fitting_room.spec import TASKS, Case, Name, Recipe, Seed
from fitting_room.store.reading import UNREADABLE, Toml, brief, read_bytes, read_toml, told

UNFIT = re.compile(r"[^\w.=+-]+")
"""What a name of a candidate may not hold, since a folder has it."""

KEYS = ("title", "base", "defaults", "candidates")
SETTINGS = tuple(each.name for each in fields(Recipe))

MOST = 10_000
"""Candidates of one study."""

FINAL = ("completed", "diverged")
"""Outcomes that another trial of the same key would only repeat."""

RESTORE = "Every line is written by `fitting-room search`; restore it from git."
MOST_MIB_OF_A_LOG = 256


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """A table of the file."""

    builder: str = ""
    arguments: Mapping[str, int | float | str] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    vary: Mapping[str, list[Any]] = field(default_factory=dict)
    about: str = ""

    def over(self, base: _Entry) -> _Entry:
        """Return the entry with what it does not say taken from another, key by key."""
        return _Entry(
            builder=self.builder or base.builder,
            arguments={**base.arguments, **self.arguments},
            recipe={**base.recipe, **self.recipe},
            vary={**base.vary, **self.vary},
            about=self.about,
        )


@dataclass(frozen=True, kw_only=True)
class Study:
    """All of a file."""

    title: str
    base: str | None
    cases: Mapping[str, Case]
    """By candidate, in the order of the file."""
    about: Mapping[str, str]
    """Candidate → what it is, in words; its name where the file has none."""


def read_study(path: Path, task: str) -> Study:
    """Read and check a file, as cases of ``task``.

    Raises:
        UserError: There is no such task, or the file cannot be read or be meant; the message names
            the candidate and the nearest known key.
    """
    if task not in TASKS:
        raise UserError(f"There is no task {task!r}. {nearest(task, TASKS)}")
    toml = read_toml(path, mend="It holds candidates.")
    for name in toml.document.keys() - set(KEYS):
        raise toml.refuse(f"there is no key {name!r}. {nearest(name, KEYS)}", "", name)
    found, about = _candidates(toml, task)
    base, title = (toml.document.get(key) for key in ("base", "title"))
    for key, value in (("base", base), ("title", title)):
        if not isinstance(value, str | None):
            raise toml.refuse(f"expected text in quotes, and found {brief(value)}.", "", key)
    if base is not None and base not in found:
        raise toml.refuse(f"there is no candidate {base!r}. {nearest(base, found)}", "", "base")
    return Study(title=title or path.stem, base=base, cases=found, about=about)


def _candidates(toml: Toml, task: str) -> tuple[dict[str, Case], dict[str, str]]:
    """Return the case of every candidate by its name, and what it is in words."""
    shared = _entry(toml, toml.document.get("defaults", {}), "defaults")
    tables = toml.document.get("candidates", {})
    if not isinstance(tables, dict):
        expected = "candidates must be tables such as [candidates.small]"
        raise toml.refuse(f"{expected}, and found {brief(tables)}.", "", "candidates")
    found: dict[str, Case] = {}
    about: dict[str, str] = {}
    for name, table in tables.items():
        place = f"candidates.{name}"
        entry = _entry(toml, table, place).over(shared)
        if len(found) + prod(map(len, entry.vary.values())) > MOST:
            raise toml.refuse(f"a study may have {MOST:,} candidates. Vary less.", place)
        for full, one in _combinations(name, entry):
            if full in found:
                raise toml.refuse(f"there are two candidates {full!r}. Rename one.", place)
            try:
                found[full] = _case(task, full, one)
            except ValueError as error:
                raise toml.refuse(_sentence(error), place) from None
            about[full] = full.replace(name, entry.about, 1) if entry.about else full
    if not found:
        raise UserError(f"{toml.path} names no candidates. Add a table such as [candidates.small].")
    return found, about


def _entry(toml: Toml, table: object, place: str) -> _Entry:
    known = [f.name for f in fields(_Entry)]
    for name in table if isinstance(table, dict) else ():
        if name not in known:
            raise toml.refuse(f"there is no key {name!r}. {nearest(name, known)}", place, name)
    try:
        return msgspec.convert(table, _Entry)
    except msgspec.ValidationError as error:
        raise toml.refuse(_sentence(error), place) from None


def _sentence(error: Exception) -> str:
    return told(error).removesuffix(".") + "."


def _combinations(name: str, entry: _Entry) -> Iterator[tuple[str, _Entry]]:
    """Yield every combination that an entry stands for, with its full name."""
    for values in product(*entry.vary.values()):
        chosen = dict(zip(entry.vary, values, strict=True))
        full = "-".join([name, *(f"{key}={value}" for key, value in chosen.items())])
        recipe, arguments = {**entry.recipe}, {**entry.arguments}
        for key, value in chosen.items():
            (recipe if key in SETTINGS else arguments)[key] = value
        yield UNFIT.sub("_", full), replace(entry, recipe=recipe, arguments=arguments)


def _case(task: str, name: str, entry: _Entry) -> Case:
    """Return the case of a candidate, or raise a ValueError if it cannot be meant."""
    for key in entry.recipe:
        if key not in SETTINGS:
            raise ValueError(f"a recipe has no {key!r}. {nearest(key, SETTINGS)}")
    builder = entry.builder
    if not builder.startswith("models."):  # what is there reads no data, and tests hold it to that
        found = f"not {builder!r}" if builder else "and there is none"
        raise ValueError(f"its builder must be as models.minimal:minimal, {found}")
    case = {"task": task, "architecture": name, "builder": builder}
    return msgspec.convert({**case, "arguments": entry.arguments, "recipe": entry.recipe}, Case)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One trial of a candidate. Accuracies are fractions, of images held out of training."""

    task: Name
    candidate: Name
    builder: str
    arguments: Mapping[str, int | float | str]
    recipe: Recipe
    seed: Seed
    epochs: Count
    held_out: str
    """What the accuracies are of, in words."""
    outcome: Outcome
    reason: str
    parameters: Count | None
    """All, trainable or not."""
    validation_accuracy: Fraction | None
    """Of the last epoch, of averaged weights where the recipe averages them."""
    validation_loss: Loss | None
    by_epoch: tuple[Fraction | None, ...]
    """Validation accuracy after each epoch, of the weights as they were."""
    training_accuracy: Fraction | None
    seconds: Seconds
    """All of the trial, from start to end; others may have shared the machine."""
    epoch_seconds: tuple[Seconds, ...]
    started: str
    commit: str | None
    dirty: bool | None
    backend: str
    machine: str
    key: Name

    @property
    def settings(self) -> str:
        """All that makes two lines trials of one candidate, whatever it was called."""
        case = (self.task, self.builder, self.arguments)
        return _settings(*case, self.recipe, self.epochs, self.held_out)


def tried(record: Record) -> Tried:
    """Return the line of a record; one that was made on a test set is a ValueError."""
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

    A line that is no trial, as a full disk leaves it, is told of and costs no other.

    Raises:
        UserError: The file cannot be read.
    """
    if not path.exists():
        return []
    lines = read_bytes(path, mend=RESTORE, most_mib=MOST_MIB_OF_A_LOG).splitlines()
    read = [_read(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    return [line for line in read if line is not None]


def _read(path: Path, number: int, line: bytes) -> Tried | None:
    try:
        return msgspec.json.decode(line, type=Tried)
    except UNREADABLE as error:
        message = f"{path}:{number}: this is no trial: {told(error)}. It is left out. {RESTORE}"
        print(f"fitting room: {message}", file=sys.stderr)
        return None


def append(path: Path, line: Tried) -> None:
    """Add a line in one write, so that neither an interruption nor another search splits it.

    Raises:
        UserError: It cannot be written, or not whole.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(file).st_size
            # A full disk or a power cut leaves half a line, which must not swallow the next.
            torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            content = (b"\n" if torn else b"") + msgspec.json.encode(line) + b"\n"
            written = os.write(file, content)
        finally:
            os.close(file)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None
    if written < len(content):
        written_of = f"{written} of {len(content)} bytes were written"
        raise UserError(f"{path}: {written_of}. Free the disk and go on.")
