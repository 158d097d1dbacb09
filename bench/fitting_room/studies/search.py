"""Searches: a TOML file of candidates to be compared, the log of their trials, and its tables."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property, partial
from itertools import product
from math import prod
from pathlib import Path
from statistics import fmean, median
from typing import Any

import msgspec

from fitting_room.analysis.trials import figure
from fitting_room.errors import UserError, named, nearest
from fitting_room.format import (
    Spread,
    count,
    counted,
    in_words,
    number,
    percent,
    signed,
    with_spread,
)
from fitting_room.judge.interval import of_difference
from fitting_room.reading import UNREADABLE, Toml, as_table, brief, read_bytes, read_toml, told
from fitting_room.record import Count, Fraction, Loss, Outcome, Seconds
from fitting_room.report.table import Code, Prose, Table
from fitting_room.spec import TASKS, Case, Name, Recipe, Seed, Task

UNFIT = re.compile(r"[^\w.=+-]+")
"""What a name of a candidate may not hold, since a folder has it."""

KEYS = ("title", "base", "defaults", "candidates")
SETTINGS = tuple(each.name for each in fields(Recipe))

MOST = 10_000
"""Candidates of one study."""

RESTORE = "Every line is written by `fitting-room search`; restore it from git."
LEAST_SEEDS = 2
"""A candidate of one seed is on no frontier."""

ACCURACY = "validation accuracy %"


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
    """The case of each candidate, in the order of the file."""
    about: Mapping[str, str]
    """Candidate → what it is, in words; its name where the file has none."""


def read_study(path: Path, task: str) -> Study:
    """Read and check a file, as cases of ``task``; what is wrong with it is told in a UserError."""
    named("task", task, TASKS)
    toml = read_toml(path, mend="It holds candidates.")
    _check_keys(toml, "", toml.document, KEYS)
    found, about = _candidates(toml, task)
    base, title = (toml.document.get(key) for key in ("base", "title"))
    for key, value in (("base", base), ("title", title)):
        if not isinstance(value, str | None):
            raise toml.refuse(f"expected text in quotes, and found {brief(value)}.", "", key)
    if base is not None and base not in found:
        raise toml.refuse(f"there is no candidate {base!r}. {nearest(base, found)}", "", "base")
    return Study(title=title or path.stem, base=base, cases=found, about=about)


def _check_keys(toml: Toml, place: str, table: Iterable[str], known: Sequence[str]) -> None:
    for name in table:
        if name not in known:
            raise toml.refuse(f"there is no key {name!r}. {nearest(name, known)}", place, name)


def _candidates(toml: Toml, task: str) -> tuple[dict[str, Case], dict[str, str]]:
    """Return the case of every candidate by its name, and what it is in words."""
    shared = _entry(toml, toml.document.get("defaults", {}), "defaults")
    with toml.place("", "candidates"):
        tables = as_table(toml.document.get("candidates", {}), "[candidates.small] and others")
    found: dict[str, Case] = {}
    about: dict[str, str] = {}
    for name, table in tables.items():
        entry = _entry(toml, table, place := f"candidates.{name}").over(shared)
        with toml.place(place):
            if len(found) + prod(map(len, entry.vary.values())) > MOST:
                raise ValueError(f"a study may have {MOST:,} candidates. Vary less")
            for full, one in _combinations(name, entry):
                if full in found:
                    raise ValueError(f"there are two candidates {full!r}. Rename one")
                found[full] = _case(task, full, one)
                about[full] = full.replace(name, entry.about, 1) if entry.about else full
    if not found:
        raise UserError(f"{toml.path} names no candidates. Add a table such as [candidates.small].")
    return found, about


def _entry(toml: Toml, table: object, place: str) -> _Entry:
    if isinstance(table, dict):
        _check_keys(toml, place, table, [each.name for each in fields(_Entry)])
    with toml.place(place):
        return msgspec.convert(table, _Entry)


def _combinations(name: str, entry: _Entry) -> Iterator[tuple[str, _Entry]]:
    """Yield every combination that an entry stands for, with its full name."""
    for values in product(*entry.vary.values()):
        chosen = dict(zip(entry.vary, values, strict=True))
        full = "-".join([name, *(f"{key}={value}" for key, value in chosen.items())])
        recipe = {key: value for key, value in chosen.items() if key in SETTINGS}
        arguments = {key: value for key, value in chosen.items() if key not in SETTINGS}
        one = _Entry(recipe=recipe, arguments=arguments).over(entry)
        yield UNFIT.sub("_", full), one


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
    """The accuracy after the last epoch, with averaged weights if the recipe averages them."""
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
        return settings_of(self, self.epochs, self.held_out)


def settings_of(one: Case | Tried, epochs: int, held_out: str) -> str:
    """Return ``Tried.settings`` of a line, or of the trials that a case will give."""
    # What code is called says which it is; where it lay when the line was written does not.
    builder, optimizer = (p.rpartition(":")[2] for p in (one.builder, one.recipe.optimizer))
    recipe = asdict(one.recipe) | {"optimizer": optimizer}
    told = (one.task, builder, one.arguments, recipe, epochs, held_out)
    return msgspec.json.encode(told, order="sorted").decode()


def read_log(path: Path) -> list[Tried]:
    """Return the lines of a log, if there is one; what is no trial is told of and left out."""
    if not path.exists():
        return []
    found = []
    lines = read_bytes(path, mend=RESTORE).splitlines()
    for place, line in enumerate(lines, start=1):
        try:
            found += [msgspec.json.decode(line, type=Tried)] if line.strip() else []
        except UNREADABLE as error:
            why = f"this is no trial: {told(error)}. It is left out. {RESTORE}"
            print(f"fitting room: {path}:{place}: {why}", file=sys.stderr)
    return found


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """All trials of the same settings, in the order of their seeds."""

    name: str
    """The last one that its trials had."""
    trials: tuple[Tried, ...]

    @cached_property
    def accuracy(self) -> Spread | None:
        """Validation accuracy over seeds, of those that completed."""
        values = (t.validation_accuracy for t in self.trials if t.outcome == "completed")
        return figure([value for value in values if value is not None])

    @property
    def mean(self) -> float:
        """The mean validation accuracy; 0 without any."""
        return self.accuracy.mean if self.accuracy else 0.0

    @property
    def shown(self) -> str:
        """Validation accuracy as a cell: ``99.49 ± 0.06 (3)``."""
        return with_spread(self.accuracy, scale=100, most=2, alone=2) if self.accuracy else ""

    @property
    def parameters(self) -> int:
        """All, trainable or not; 0 if no trial came to be built."""
        return next((t.parameters for t in self.trials if t.parameters is not None), 0)


def candidates(lines: Iterable[Tried]) -> list[Candidate]:
    """Group the lines by their settings, best mean accuracy first, those without one last.

    Of several lines of one seed the last counts: a trial that broke and was run again.
    """
    found: dict[str, dict[int, Tried]] = {}
    for line in lines:
        found.setdefault(line.settings, {})[line.seed] = line
    grouped = [
        Candidate(name=[*of.values()][-1].candidate, trials=tuple(of[seed] for seed in sorted(of)))
        for of in found.values()
    ]
    return sorted(grouped, key=lambda each: -each.mean)


def table(found: Sequence[Candidate]) -> str:
    """Return a table in the order given, as Markdown that also reads as plain text."""
    head = ["candidate", ACCURACY, "parameters", "epochs", "s/epoch", "s"]
    return Table(head, [_cells(each) for each in found]).markdown()


def _cells(each: Candidate) -> list[str]:
    outcomes = sorted({t.outcome for t in each.trials if t.outcome != "completed"})
    seconds = [seconds for trial in each.trials for seconds in trial.epoch_seconds[1:]]
    return [
        each.name,
        " ".join(filter(None, [each.shown, *outcomes])),
        count(each.parameters or None),
        str(each.trials[0].epochs),
        number(median(seconds) if seconds else None, 1),
        number(fmean(trial.seconds for trial in each.trials), 0),
    ]


def blocks(folder: Path) -> dict[str, Callable[[], str]]:
    """Return name → what makes it, of every table that the logs and studies of a folder give."""
    found: dict[str, Callable[[], str]] = {}
    for name, task in TASKS.items():
        log = folder / f"{name}.jsonl"
        if log.exists():
            found[f"search {name} frontier"] = partial(_of_log, frontier_table, log, task)
            found[f"search {name} smallest"] = partial(_of_log, smallest_table, log, task)
            found[f"search {name} cost"] = partial(_of_log, cost, log, task)
        for path in sorted(folder.glob(f"{name}-*.toml")):
            found[f"search {path.stem}"] = partial(study_table, path, name, log)
    return found


def _of_log(make: Callable[[Sequence[Tried], Task], str], log: Path, task: Task) -> str:
    return make(read_log(log), task)


def frontier(lines: Iterable[Tried], task: Task) -> list[Candidate]:
    """Return the candidates that nothing smaller or as small beats, smallest first.

    Those that train for longer than the task allows, or have too few seeds, are left out.
    """
    most = task.most_epochs
    found = candidates(line for line in lines if most is None or line.epochs <= most)
    known = [c for c in found if c.accuracy and c.accuracy.n >= LEAST_SEEDS and c.parameters]
    kept: list[Candidate] = []
    for each in sorted(known, key=lambda c: (c.parameters, -c.mean)):
        if not kept or each.mean > kept[-1].mean:
            kept.append(each)
    return kept


def frontier_table(lines: Iterable[Tried], task: Task) -> str:
    """Return the frontier of parameters against accuracy, between the sizes that the task names."""
    low, high = task.frontier
    shown = [each for each in frontier(lines, task) if low <= each.parameters <= high]
    if not shown:
        return f"None yet: no candidate in {low:,}–{high:,} parameters has {LEAST_SEEDS} seeds."
    head = ["parameters", ACCURACY, "epochs", "network"]
    return Table(head, [_network(each) for each in shown], align="lrrl").markdown()


def smallest_table(lines: Iterable[Tried], task: Task) -> str:
    """Return the smallest candidate for each mean validation accuracy that the task names."""
    found = frontier(lines, task)
    reached = {mark: next((c for c in found if c.mean >= mark), None) for mark in task.marks}
    rows = [
        [f"{percent(mark)} %", *(_network(each) if each else ("none found", "", "", ""))]
        for mark, each in reached.items()
    ]
    head = ["at least", "parameters", ACCURACY, "epochs", "network"]
    return Table(head, rows, align="lrrrl").markdown()


def _network(each: Candidate) -> list[str]:
    trial = each.trials[-1]
    told = " ".join(f"{name}={value}" for name, value in trial.arguments.items())
    network = Code(told) if told else trial.builder
    return [count(each.parameters or None), each.shown, str(trial.epochs), network]


def study_table(path: Path, task: str, log: Path) -> str:
    """Return the candidates of a study in its order, each held against its base if it has one.

    Lines of other settings, or of another split than most, are left out.
    """
    study, lines = read_study(path, task), read_log(log)
    splits = [line.held_out for line in lines]
    split = max(splits, key=splits.count, default="")
    by_settings = {each.trials[0].settings: each for each in candidates(lines)}
    found = {
        name: by_settings.get(settings_of(case, case.recipe.epochs, split))
        for name, case in study.cases.items()
    }
    base = found.get(study.base or "")
    rows = [[Prose(study.about[name]), *_row(each, base)] for name, each in found.items()]
    head = [study.title, ACCURACY, "gained", "parameters", "epochs"]
    notes = [f"Accuracies are of the {split}, mean ± sd over seeds (number of seeds)."]
    if base:
        over = f"points of the mean over {study.about[study.base or '']}"
        notes.append(f"Gained: {over}; from 2 seeds on with a 95 % interval.")
    ran = Counter(f"{t.backend} on {t.machine}" for c in found.values() if c for t in c.trials)
    if ran:  # seconds are not shown: trials shared machines
        notes.append("Trials: " + "; ".join(f"{n} by {on}" for on, n in ran.most_common()) + ".")
    return Table(head, rows, notes).markdown()


def _row(each: Candidate | None, base: Candidate | None) -> list[str]:
    if each is None or each.accuracy is None:
        return ["not tried" if each is None else each.trials[-1].outcome, "", "", ""]
    gained = ""
    if base and base.accuracy and each is not base:
        difference = of_difference(each.accuracy.values, base.accuracy.values)
        gained = signed("validation_accuracy", difference, alone=2)
    return [each.shown, gained, count(each.parameters or None), str(each.trials[0].epochs)]


def cost(lines: Sequence[Tried], _: Task | None = None) -> str:
    """Return what a search took, as a sentence."""
    failed = sum(line.outcome != "completed" for line in lines)
    without = f", {failed} of which gave no result" if failed else ""
    epochs = sum(len(line.epoch_seconds) for line in lines)
    return (
        f"The search took {counted(len(lines), 'trial')} of "
        f"{counted(len(candidates(lines)), 'candidate')}{without}: {epochs:,} epochs in "
        f"{in_words(sum(line.seconds for line in lines))} of trials, several of which shared a "
        "machine."
    )
