"""The frontier and the studies of a search as tables: pure functions of its logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from fitting_room.analysis.figures import Figure, figure
from fitting_room.format import MISSING, count, in_words, number, percent, with_spread
from fitting_room.judge.interval import of_difference
from fitting_room.report.table import Code, Prose, Table
from fitting_room.spec import TASKS
from fitting_room.studies.candidates import Study, Tried, read_log, read_study, settings_of


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """All trials of the same settings."""

    name: str
    """The last one that its trials had."""
    trials: tuple[Tried, ...]
    """In the order of their seeds."""

    @property
    def accuracy(self) -> Figure | None:
        """Validation accuracy over seeds, of those that completed."""
        values = (t.validation_accuracy for t in self.trials if t.outcome == "completed")
        return figure([value for value in values if value is not None])

    @property
    def parameters(self) -> int | None:
        """All, trainable or not; None if no trial came to be built."""
        return next((t.parameters for t in self.trials if t.parameters is not None), None)

    @property
    def seconds(self) -> float:
        """Of one trial, the mean."""
        return fmean(trial.seconds for trial in self.trials)

    @property
    def epoch_seconds(self) -> float | None:
        """Median over all epochs but each trial's first."""
        found = [seconds for trial in self.trials for seconds in trial.epoch_seconds[1:]]
        return median(found) if found else None


def candidates(lines: Iterable[Tried]) -> list[Candidate]:
    """Group the lines by their settings, best mean accuracy first, those without one last.

    Of several lines of one seed the last counts: a trial that broke and was run again.
    """
    found: dict[str, dict[int, Tried]] = {}
    for line in lines:
        found.setdefault(line.settings, {})[line.seed] = line
    grouped = [
        Candidate(
            name=list(seeds.values())[-1].candidate,
            trials=tuple(seeds[seed] for seed in sorted(seeds)),
        )
        for seeds in found.values()
    ]
    return sorted(grouped, key=lambda each: -each.accuracy.mean if each.accuracy else 1.0)


def frontier(found: Sequence[Candidate], *, least_seeds: int = 1) -> list[Candidate]:
    """Return those that nothing smaller or as small beats, smallest first.

    Args:
        found: Of one task and one number of images held out.
        least_seeds: Candidates with fewer are left out: one lucky seed makes no frontier.
    """
    known = [each for each in found if _seeds(each) >= least_seeds and each.parameters]
    kept: list[Candidate] = []
    for each in sorted(known, key=lambda c: (c.parameters or 0, -_mean(c))):
        if not kept or _mean(each) > _mean(kept[-1]):
            kept.append(each)
    return kept


def smallest(found: Sequence[Candidate], accuracy: float, *, least_seeds: int) -> Candidate | None:
    """Return the smallest candidate whose mean validation accuracy is at least ``accuracy``."""
    reached = (c for c in frontier(found, least_seeds=least_seeds) if _mean(c) >= accuracy)
    return next(reached, None)


def table(found: Sequence[Candidate]) -> str:
    """Return a table in the order given, as Markdown that also reads as plain text."""
    head = ["candidate", "validation accuracy %", "parameters", "epochs", "s/epoch", "s"]
    return Table(head, [_cells(each) for each in found]).markdown()


def _cells(each: Candidate) -> list[str]:
    outcomes = sorted({t.outcome for t in each.trials if t.outcome != "completed"})
    accuracy = with_spread(each.accuracy, scale=100, most=2, alone=2) if each.accuracy else ""
    return [
        each.name,
        " ".join(filter(None, [accuracy, *outcomes])),
        count(each.parameters),
        str(each.trials[0].epochs),
        number(each.epoch_seconds, 1),
        number(each.seconds, 0),
    ]


def _seeds(each: Candidate) -> int:
    return each.accuracy.n if each.accuracy else 0


def _mean(each: Candidate) -> float:
    return each.accuracy.mean if each.accuracy else 0.0


LEAST_SEEDS = 2
"""A candidate of one seed is on no frontier."""

PARAMETERS: Mapping[str, tuple[int, int]] = {
    "mnist": (1_000, 100_000),
    "fashion_mnist": (1_000, 294_921),  # the published network of three convolutions has one more
}
"""Task → the numbers of parameters that its frontier shows."""

MARKS: Mapping[str, Sequence[float]] = {
    "mnist": (0.99, 0.994, 0.995),
    "fashion_mnist": (0.92, 0.93, 0.94, 0.945),
}
"""Task → validation accuracies whose smallest network is told."""


ACCURACY = ("validation accuracy %", "epochs", "network")
NONE = ("none found", "", "", "")


def blocks(folder: Path) -> dict[str, str]:
    """Return name → Markdown of every table that a folder of searches gives.

    ``search <task> frontier``, ``search <task> smallest`` and ``search <task> cost`` of each
    ``<task>.jsonl``, and ``search <stem>`` of each study, ``<task>-<study>.toml``.

    Raises:
        UserError: A log or a study cannot be read.
    """
    found: dict[str, str] = {}
    for task in TASKS:
        lines = read_log(folder / f"{task}.jsonl")
        if lines:
            found |= {f"search {task} {name}": told for name, told in _of_task(task, lines).items()}
        for path in sorted(folder.glob(f"{task}-*.toml")):
            found[f"search {path.stem}"] = study_table(read_study(path, task), lines)
    return found


def _of_task(task: str, lines: Sequence[Tried]) -> dict[str, str]:
    return {
        "frontier": frontier_table(within(task, lines), PARAMETERS[task]),
        "smallest": smallest_table(within(task, lines), MARKS.get(task, ())),
        "cost": cost(lines),
    }


def within(task: str, lines: Sequence[Tried]) -> list[Candidate]:
    """Return the candidates that keep to the epochs of a task."""
    most = TASKS[task].most_epochs
    return candidates(line for line in lines if most is None or line.epochs <= most)


def frontier_table(found: Sequence[Candidate], within: tuple[int, int]) -> str:
    """Return the frontier of parameters, from the one number to the other, against accuracy."""
    low, high = within
    shown = [
        each
        for each in frontier(found, least_seeds=LEAST_SEEDS)
        if low <= (each.parameters or 0) <= high
    ]
    if not shown:
        return f"None yet: no candidate in {low:,}–{high:,} parameters has {LEAST_SEEDS} seeds."
    return _table(["parameters", *ACCURACY], [[_size(c), *_accuracy(c)] for c in shown])


def smallest_table(found: Sequence[Candidate], marks: Sequence[float]) -> str:
    """Return the smallest candidate for each mean validation accuracy."""
    rows = []
    for mark in marks:
        each = smallest(found, mark, least_seeds=LEAST_SEEDS)
        rows.append([f"{percent(mark)} %", *([_size(each), *_accuracy(each)] if each else NONE)])
    return _table(["at least", "parameters", *ACCURACY], rows)


def _accuracy(each: Candidate) -> list[str]:
    trial = each.trials[-1]
    accuracy = with_spread(each.accuracy, scale=100, most=2, alone=2) if each.accuracy else MISSING
    told = " ".join(f"{name}={value}" for name, value in trial.arguments.items())
    return [accuracy, str(trial.epochs), Code(told) if told else trial.builder]


def _size(each: Candidate) -> str:
    return count(each.parameters)


def study_table(study: Study, lines: Sequence[Tried]) -> str:
    """Return the candidates of a study in its order, each held against its base if it has one.

    Args:
        study: What was compared.
        lines: Of its task; those of other settings, or of another split than most, are left out.
    """
    splits = [line.held_out for line in lines]
    split = max(splits, key=splits.count, default="")
    by_settings = {each.trials[0].settings: each for each in candidates(lines)}
    found = {
        name: by_settings.get(settings_of(case, case.recipe.epochs, split))
        for name, case in study.cases.items()
    }
    base = found.get(study.base) if study.base else None
    rows = [[Prose(study.about[name]), *_row(each, base)] for name, each in found.items()]
    head = [study.title, "validation accuracy %", "gained", "parameters", "epochs"]
    notes = [f"Accuracies are of the {split}, mean ± sd over seeds (number of seeds)."]
    if base:
        over = study.about[study.base or ""]
        notes.append(
            f"Gained: points of the mean over {over}; from 2 seeds on with a 95 % interval."
        )
    notes.extend(_machines([each for each in found.values() if each]))
    return _table(head, rows, notes)


def _machines(found: Sequence[Candidate]) -> Iterator[str]:
    """Yield where the trials ran, most first: seconds are not shown, as they shared machines."""
    ran = Counter(f"{t.backend} on {t.machine}" for each in found for t in each.trials)
    if ran:
        yield "Trials: " + "; ".join(f"{n} by {where}" for where, n in ran.most_common()) + "."


def _row(each: Candidate | None, base: Candidate | None) -> list[str]:
    if each is None or each.accuracy is None:
        return ["not tried" if each is None else each.trials[-1].outcome, "", "", ""]
    return [
        with_spread(each.accuracy, scale=100, most=2, alone=2),
        _gained(each, base),
        _size(each),
        str(each.trials[0].epochs),
    ]


def _gained(each: Candidate, base: Candidate | None) -> str:
    if base is None or each is base or each.accuracy is None or base.accuracy is None:
        return ""
    if min(each.accuracy.n, base.accuracy.n) < LEAST_SEEDS:
        return f"{100 * (each.accuracy.mean - base.accuracy.mean):+.2f}"
    found = of_difference(each.accuracy.values, base.accuracy.values)
    gained, low, high = (100 * value for value in (found.estimate, found.low, found.high))
    return f"{gained:+.2f} ({low:+.2f} to {high:+.2f})"


def cost(lines: Sequence[Tried]) -> str:
    """Return what a search took, as a sentence."""
    lost = [line for line in lines if line.outcome != "completed"]
    broken = f", {len(lost)} of which gave no result" if lost else ""
    seconds = sum(line.seconds for line in lines)
    epochs = sum(len(line.epoch_seconds) for line in lines)
    return (
        f"The search took {len(lines):,} trials of {len(candidates(lines)):,} candidates{broken}: "
        f"{epochs:,} epochs in {in_words(seconds)} of trials, several of which shared a machine."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> str:
    left = {"network", head[0]}
    align = "".join("l" if name in left else "r" for name in head)
    return Table(head, rows, notes, align=align).markdown()
