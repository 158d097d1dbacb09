"""An exercise as a value, its answer, and its table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from fitting_room.analysis.evidence import Evidence
from fitting_room.analysis.figures import figure
from fitting_room.analysis.rows import Row, rows
from fitting_room.format import MISSING, accuracy, count, decimals, listed, loss, plus
from fitting_room.judge.interval import LEVEL, Interval, of_contrast
from fitting_room.record import Record
from fitting_room.report.columns import seconds_per_epoch
from fitting_room.report.notes import provenance
from fitting_room.report.table import Table
from fitting_room.spec import Case


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table of an exercise."""

    label: str
    case: Case
    epoch: int | None = None
    """After which the case is looked at; None for the end of its training."""


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One thing varied, and everything else as it was."""

    name: str
    question: str
    varied: str
    """What distinguishes the lines, as the heading of their column."""
    points: Mapping[str, Case]
    """Label → case, in the order of the table."""
    base: tuple[str, ...]
    """Labels of the points, one a task, that the others of the task are compared with."""
    against: str
    """What the base is, in words: ``128 neurons``."""
    epochs: tuple[int, ...] = ()
    """After which each point is looked at; without any, at its end. The base is always at its."""
    paired: bool = False
    """Whether a run is the beginning of the base's run of its seed, and is compared with that."""
    rows: tuple[tuple[str, ...], ...] = ()
    """Labels that a line of the picture joins."""
    thin: tuple[str, ...]
    """Labels of the points that are worth training where time is short."""
    seeds: int = 6
    """Seeds that answer it, where as many are trained as an answer needs."""

    def __post_init__(self) -> None:
        """Refuse labels that no point has, and a task without a base."""
        named = {*self.thin, *self.base, *(label for row in self.rows for label in row)}
        if unknown := sorted(named - set(self.points)):
            raise ValueError(f"exercise {self.name} has no point {', '.join(unknown)}")
        tasks = {case.task for case in self.points.values()}
        if alone := sorted(tasks - {self.points[label].task for label in self.base}):
            raise ValueError(f"exercise {self.name} has no base for {', '.join(alone)}")

    @property
    def thinned(self) -> Exercise:
        """The exercise with its thin slice of points alone."""
        kept = set(self.thin)
        return replace(
            self,
            points={label: case for label, case in self.points.items() if label in kept},
            base=tuple(label for label in self.base if label in kept),
            rows=(),
        )

    @property
    def lines(self) -> list[Line]:
        """The lines of its table: every point, after each of its epochs."""
        if not self.epochs:
            return [Line(label=label, case=case) for label, case in self.points.items()]
        return [
            Line(label=f"{label} after {epoch}", case=case, epoch=epoch)
            for label, case in self.points.items()
            for epoch in self.epochs
        ]

    def base_of(self, line: Line) -> Line | None:
        """Return what a line is compared with; None if it is a base itself."""
        found = next(
            self.points[each] for each in self.base if self.points[each].task == line.case.task
        )
        itself = found == line.case and line.epoch in (None, found.recipe.epochs)
        return None if itself else Line(label=self.against, case=found)


METRIC = "test_accuracy"

HEADINGS = ("test loss", "training accuracy %", "epochs", "parameters", "s/epoch")
"""Columns beside test accuracy and its difference."""

SILENT = 1e-9
"""Points below which an interval is as wide as floating point is coarse: no seed differed."""

Stale = Mapping[str, str]
"""Case → why its figures are not those of the present code."""

Differences = Mapping[str, Interval | None]
"""Label of a line → its test accuracy less the base's; None where a side has no record."""


def differences(exercise: Exercise, evidence: Evidence) -> Differences:
    """Return how each line but the bases differs from its base; all intervals hold at once."""
    pairs = [(line, base) for line in exercise.lines if (base := exercise.base_of(line))]
    level = 1 - (1 - LEVEL) / max(len(pairs), 1)
    return {line.label: _difference(exercise, line, base, evidence, level) for line, base in pairs}


def _difference(
    exercise: Exercise, line: Line, base: Line, evidence: Evidence, level: float
) -> Interval | None:
    own, other = (
        evidence.by_seed(each.case.name, METRIC, epoch=each.epoch) for each in (line, base)
    )
    if exercise.paired:
        gains = [own[seed] - other[seed] for seed in own if seed in other]
        return of_contrast([gains], [1.0], level=level) if gains else None
    samples = [list(own.values()), list(other.values())]
    return of_contrast(samples, [1.0, -1.0], level=level) if all(samples) else None


def table(exercise: Exercise, evidence: Evidence, stale: Stale, notes: Sequence[str] = ()) -> str:
    """Return the table of an exercise, without columns in which every line says the same."""
    found = differences(exercise, evidence)
    lines = [_cells(line, found, evidence, stale) for line in exercise.lines]
    against = f"test accuracy against {exercise.against}, points"
    columns = list(
        zip((exercise.varied, "test accuracy %", against, *HEADINGS), *lines, strict=True)
    )
    shown = columns[:3] + [column for column in columns[3:] if len(set(column[1:])) > 1]
    heads, *body = zip(*shown, strict=True)
    return Table(heads, body, notes).markdown(unbroken=True)


def row_of(case: Case, evidence: Evidence) -> Row:
    """Return what the records say about one point."""
    return rows([case], evidence.records, {}, {})[0]


def _cells(line: Line, found: Differences, evidence: Evidence, stale: Stale) -> list[str]:
    case, row = line.case.name, row_of(line.case, evidence)
    of = {
        metric: figure(evidence.values(case, metric, epoch=line.epoch))
        for metric in (METRIC, "test_loss", "training_accuracy")
    }
    ran = [line.epoch or len(record.epochs) for record in evidence.trained(case)]
    return [
        f"{line.label} (stale)" if case in stale else line.label,
        accuracy(of[METRIC]),
        points(found.get(line.label)),
        loss(of["test_loss"]),
        accuracy(of["training_accuracy"]),
        f"{median(ran):g} ({min(ran)}–{max(ran)})" if ran else MISSING,
        count(row.parameters),
        seconds_per_epoch(row),
    ]


def points(found: Interval | None) -> str:
    """Return ``+0.9 ± 0.3`` of a difference of accuracies; no ± where its interval has no ends."""
    if found is None:
        return MISSING
    reach = 100 * (found.high - found.low) / 2
    places = decimals(reach if SILENT < reach < math.inf else None, most=2, alone=1)
    spread = f" ± {reach:.{places}f}" if math.isfinite(reach) else ""
    return plus(100 * found.estimate, places) + spread


LEGEND = (
    "Mean ± sd between seeds (number of seeds); epochs: median (least–most); seconds: median "
    "(quartiles) of every epoch but each trial's first. Differences are of means{}, with their "
    "95 % interval: all of the column hold at once. A difference is sure if its interval excludes "
    "0. What is the same in every line is left out."
)

FEW = 5
"""Lines that a conclusion names; more are counted."""


def answer(exercise: Exercise, records: Iterable[Record]) -> str:
    """Return which lines surely differ from the base in test accuracy, in one sentence."""
    found = differences(exercise, Evidence(list(records)))
    parts: dict[str, list[str]] = {"surely higher": [], "surely lower": [], "undecided": []}
    for label, each in found.items():
        what = _what(each)
        sure = what.startswith("surely")
        parts.setdefault(what, []).append(f"{label} ({points(each)})" if sure else label)
    told = "; ".join(f"{what} with {_named(labels)}" for what, labels in parts.items() if labels)
    return f"Test accuracy against {exercise.against}, in points: {told or 'not compared yet'}."


def _what(found: Interval | None) -> str:
    if found is None:
        return "no records"
    if found.low > 0:
        return "surely higher"
    return "surely lower" if found.high < 0 else "undecided"


def _named(labels: Sequence[str]) -> str:
    return listed(labels) if len(labels) <= FEW else f"{len(labels)} others"


def block(exercise: Exercise, records: Iterable[Record], stale: Stale) -> str:
    """Return conclusion and table of an exercise, with what must be said below it."""
    cases = {case.name for case in exercise.points.values()}
    evidence = Evidence([record for record in records if record.spec.case.name in cases])
    used = [record for case in cases for record in evidence.trained(case)]
    notes = [
        LEGEND.format(" of pairs of the same seed" if exercise.paired else ""),
        *(f"{label}: {flag}." for label, flag in _flags(exercise, evidence)),
        *(f"{name} is stale: {why}." for name, why in stale.items() if name in cases),
        *([provenance(used)] if used else []),
    ]
    return "\n\n".join(
        [
            f"**{answer(exercise, evidence.records)}**",
            table(exercise, evidence, stale, notes),
        ]
    )


def answers(exercises: Iterable[Exercise], records: Iterable[Record]) -> str:
    """Return the conclusions of all exercises as a list."""
    kept = list(records)
    return "\n".join(f"- *{each.question}* {answer(each, kept)}" for each in exercises)


def _flags(exercise: Exercise, evidence: Evidence) -> list[tuple[str, str]]:
    return [
        (label, flag)
        for label, case in exercise.points.items()
        for flag in row_of(case, evidence).flags
    ]
