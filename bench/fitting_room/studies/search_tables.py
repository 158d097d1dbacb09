"""The frontier and the studies of a search as tables: pure functions of its logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean, median

from fitting_room.analysis.trials import Figure, figure
from fitting_room.format import count, counted, in_words, number, percent, signed, with_spread
from fitting_room.judge.interval import of_difference
from fitting_room.report.table import Code, Prose, Table
from fitting_room.spec import TASKS
from fitting_room.studies.search import Study, Tried, read_log, read_study, settings_of

LEAST_SEEDS = 2
"""A candidate of one seed is on no frontier."""

ACCURACY = "validation accuracy %"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """All trials of the same settings."""

    name: str
    """The last one that its trials had."""
    trials: tuple[Tried, ...]
    """In the order of their seeds."""

    @cached_property
    def accuracy(self) -> Figure | None:
        """Validation accuracy over seeds, of those that completed."""
        values = (t.validation_accuracy for t in self.trials if t.outcome == "completed")
        return figure([value for value in values if value is not None])

    @property
    def mean(self) -> float:
        """Of the validation accuracies; 0 without any."""
        return self.accuracy.mean if self.accuracy else 0.0

    @property
    def shown(self) -> str:
        """Validation accuracy as a cell: ``99.49 ± 0.06 (3)``."""
        return with_spread(self.accuracy, scale=100, most=2, alone=2) if self.accuracy else ""

    @property
    def parameters(self) -> int | None:
        """All, trainable or not; None if no trial came to be built."""
        return next((t.parameters for t in self.trials if t.parameters is not None), None)


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
    return sorted(grouped, key=lambda each: -each.mean)


def frontier(found: Iterable[Candidate]) -> list[Candidate]:
    """Return those that nothing smaller or as small beats, smallest first.

    The candidates are of one task and one number of images held out.
    """
    known = [
        each
        for each in found
        if each.accuracy and each.accuracy.n >= LEAST_SEEDS and each.parameters
    ]
    kept: list[Candidate] = []
    for each in sorted(known, key=lambda c: (c.parameters or 0, -c.mean)):
        if not kept or each.mean > kept[-1].mean:
            kept.append(each)
    return kept


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
        count(each.parameters),
        str(each.trials[0].epochs),
        number(median(seconds) if seconds else None, 1),
        number(fmean(trial.seconds for trial in each.trials), 0),
    ]


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
            most = TASKS[task].most_epochs
            known = candidates(line for line in lines if most is None or line.epochs <= most)
            found[f"search {task} frontier"] = frontier_table(known, *TASKS[task].frontier)
            found[f"search {task} smallest"] = smallest_table(known, TASKS[task].marks)
            found[f"search {task} cost"] = cost(lines)
        for path in sorted(folder.glob(f"{task}-*.toml")):
            found[f"search {path.stem}"] = study_table(read_study(path, task), lines)
    return found


def frontier_table(found: Sequence[Candidate], low: int, high: int) -> str:
    """Return the frontier of parameters, from ``low`` to ``high``, against accuracy."""
    shown = [each for each in frontier(found) if low <= (each.parameters or 0) <= high]
    if not shown:
        return f"None yet: no candidate in {low:,}–{high:,} parameters has {LEAST_SEEDS} seeds."
    head = ["parameters", ACCURACY, "epochs", "network"]
    return Table(head, [_network(each) for each in shown], align="lrrl").markdown()


def smallest_table(found: Sequence[Candidate], marks: Sequence[float]) -> str:
    """Return the smallest candidate for each mean validation accuracy."""
    reached = {mark: next((c for c in frontier(found) if c.mean >= mark), None) for mark in marks}
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
    return [count(each.parameters), each.shown, str(trial.epochs), network]


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
    base = found.get(study.base or "")
    rows = [[Prose(study.about[name]), *_row(each, base)] for name, each in found.items()]
    head = [study.title, ACCURACY, "gained", "parameters", "epochs"]
    notes = [f"Accuracies are of the {split}, mean ± sd over seeds (number of seeds)."]
    if base:
        over = study.about[study.base or ""]
        notes.append(
            f"Gained: points of the mean over {over}; from 2 seeds on with a 95 % interval."
        )
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
    return [each.shown, gained, count(each.parameters), str(each.trials[0].epochs)]


def cost(lines: Sequence[Tried]) -> str:
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
