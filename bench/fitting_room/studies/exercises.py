"""Exercises: one thing varied, everything else as it was; their tables, conclusions and pictures.

Matplotlib is imported only where a picture is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean, median
from typing import TYPE_CHECKING, NamedTuple

from fitting_room.analysis.evidence import Evidence, epoch_seconds
from fitting_room.analysis.trials import Row, figure, rows
from fitting_room.format import MISSING, Interval, accuracy, count, listed, loss, signed
from fitting_room.judge.interval import LEVEL, of_contrast
from fitting_room.record import Record
from fitting_room.report.columns import SECONDS, provenance
from fitting_room.report.table import Table
from fitting_room.spec import Case

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fitting_room.report.plots import Draw, Theme
    from fitting_room.report.plots.album import Pictures


class Line(NamedTuple):
    """One line of the table of an exercise."""

    label: str
    case: Case
    epoch: int | None
    """The epoch after which the case is looked at; None for the end of its training."""


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
    """The epochs after which a point is looked at, else its end. The base is always at its end."""
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
        return [
            Line(f"{label} after {epoch}" if epoch else label, case, epoch)
            for label, case in self.points.items()
            for epoch in self.epochs or (None,)
        ]

    def base_of(self, line: Line) -> Case | None:
        """Return what a line is compared with; None if it is a base itself."""
        bases = (self.points[label] for label in self.base)
        found = next(case for case in bases if case.task == line.case.task)
        itself = found == line.case and line.epoch in (None, found.recipe.epochs)
        return None if itself else found


METRIC = "test_accuracy"

HEADINGS = ("test loss", "training accuracy %", "epochs", "parameters", "s/epoch")
"""Columns beside test accuracy and its difference."""

LEGEND = (
    "Mean ± sd between seeds (number of seeds); epochs: median (least–most); seconds: median "
    "(quartiles) of every epoch but each trial's first. Differences are of means{}, with their "
    "95 % interval: all of the column hold at once. A difference is sure if its interval excludes "
    "0. What is the same in every line is left out."
)

UNSURE = "no sure difference"

MANY = 8
"""Points of a picture beyond which their names are written aslant."""

Stale = Mapping[str, str]
"""Case → why its figures are not those of the present code."""


def differences(exercise: Exercise, evidence: Evidence) -> dict[str, Interval | None]:
    """Return label → test accuracy less the base's, of every line but the bases.

    All intervals hold at once; None where a side has no record.
    """
    pairs = [(line, base) for line in exercise.lines if (base := exercise.base_of(line))]
    level = 1 - (1 - LEVEL) / max(len(pairs), 1)
    found = {}
    for line, base in pairs:
        own = evidence.by_seed(line.case.name, METRIC, epoch=line.epoch)
        other = evidence.by_seed(base.name, METRIC)
        samples, weights = [list(own.values()), list(other.values())], [1.0, -1.0]
        if exercise.paired:
            samples, weights = [[own[seed] - other[seed] for seed in own if seed in other]], [1.0]
        known = all(samples)
        found[line.label] = of_contrast(samples, weights, level=level) if known else None
    return found


def answer(exercise: Exercise, records: Iterable[Record]) -> str:
    """Return which lines surely differ from the base in test accuracy, in one sentence."""
    found = differences(exercise, Evidence(list(records)))
    known = {label: each for label, each in found.items() if each}
    sure = {
        "higher": [label for label, each in known.items() if each.low > 0],
        "lower": [label for label, each in known.items() if each.high < 0],
    }
    told = "; ".join(f"{what} with {listed(labels)}" for what, labels in sure.items() if labels)
    told = told or (UNSURE if known else "not compared yet")
    return f"Test accuracy against {exercise.against}: {told}."


def answers(exercises: Iterable[Exercise], records: Iterable[Record]) -> str:
    """Return the conclusions of all exercises as a list."""
    kept = list(records)
    return "\n".join(f"- *{each.question}* {answer(each, kept)}" for each in exercises)


def block(exercise: Exercise, records: Iterable[Record], stale: Stale) -> str:
    """Return conclusion and table of an exercise, with what must be said below it."""
    cases = [case.name for case in exercise.points.values()]
    evidence = Evidence([record for record in records if record.spec.case.name in cases])
    used = [record for case in cases for record in evidence.trained(case)]
    points = exercise.points.items()
    notes = [
        LEGEND.format(" of pairs of the same seed" if exercise.paired else ""),
        *(f"{label}: {flag}." for label, c in points for flag in _row_of(c, evidence).flags),
        *(f"{name} is stale: {why}." for name, why in stale.items() if name in cases),
        *([provenance(used)] if used else []),
    ]
    return f"**{answer(exercise, evidence.records)}**\n\n{_table(exercise, evidence, stale, notes)}"


def _table(exercise: Exercise, evidence: Evidence, stale: Stale, notes: Sequence[str]) -> str:
    """Return the table of an exercise, without columns in which every line says the same."""
    found = differences(exercise, evidence)
    against = f"test accuracy against {exercise.against}, points"
    lines = [
        (exercise.varied, "test accuracy %", against, *HEADINGS),
        *(_cells(line, found.get(line.label), evidence, stale) for line in exercise.lines),
    ]
    columns = list(zip(*lines, strict=True))
    shown = columns[:3] + [column for column in columns[3:] if len(set(column[1:])) > 1]
    head, *body = zip(*shown, strict=True)
    return Table(head, body, notes).markdown(unbroken=True)


def _cells(
    line: Line, difference: Interval | None, evidence: Evidence, stale: Stale
) -> tuple[str, ...]:
    case, row = line.case.name, _row_of(line.case, evidence)
    tested, lost, trained = (
        figure(evidence.values(case, metric, epoch=line.epoch))
        for metric in (METRIC, "test_loss", "training_accuracy")
    )
    ran = [line.epoch or len(record.epochs) for record in evidence.trained(case)]
    return (
        f"{line.label} (stale)" if case in stale else line.label,
        accuracy(tested),
        signed(METRIC, difference) if difference else MISSING,
        loss(lost),
        accuracy(trained),
        f"{median(ran):g} ({min(ran)}–{max(ran)})" if ran else MISSING,
        count(row.parameters),
        SECONDS.cell(row),
    )


def _row_of(case: Case, evidence: Evidence) -> Row:
    return rows([case], evidence.records, {}, {})[0]


def pictures(exercises: Iterable[Exercise], records: Sequence[Record], *, stale: Stale) -> Pictures:
    """Return ``exercise-NAME`` → how it is drawn, or why it cannot be."""
    evidence = Evidence(records)
    return {f"exercise-{each.name}": _picture(each, evidence, stale) for each in exercises}


def _picture(exercise: Exercise, evidence: Evidence, stale: Stale) -> Draw | str:
    from fitting_room.report.plots.album import caption
    from fitting_room.report.plots.curves import curves

    found = {label: evidence.trained(case.name) for label, case in exercise.points.items()}
    trained = {label: records for label, records in found.items() if records}
    if not trained:
        return "no record of any of its points yet"
    used = [record for records in trained.values() for record in records]
    cases = [exercise.points[label] for label in trained]
    said = caption(rows(cases, used, {}, {}), used, stale=stale)
    if exercise.epochs:
        return partial(curves, list(trained.items()), small_print=said)
    return partial(_points, exercise, evidence, said)


def _points(exercise: Exercise, evidence: Evidence, said: str, theme: Theme) -> Figure:
    """Draw test accuracy above what it costs, for each point from left to right."""
    from matplotlib.figure import Figure

    from fitting_room.report.plots import explained, marks, percent

    seed = marks("o", theme.test, ms=3.5, mew=0, alpha=0.6)
    mean = marks("D", theme.ink, ms=4.5, mec=theme.paper, mew=0.6)
    labels, cases = list(exercise.points), [case.name for case in exercise.points.values()]
    figure = Figure(figsize=(max(5.2, 1.6 + 0.62 * len(labels)), 4.6))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    accuracies = [evidence.values(case, METRIC) for case in cases]
    paid, costs = _costs(exercise, evidence, cases)
    for place, (seeds, cost) in enumerate(zip(accuracies, costs, strict=True)):
        above.plot([place] * len(seeds), seeds, **seed)
        if cost:
            below.plot([place] * 2, [cost.low, cost.high], color=theme.ink, lw=1.1)
    means = {at: fmean(seeds) for at, seeds in enumerate(accuracies) if seeds}
    middles = {at: cost.estimate for at, cost in enumerate(costs) if cost}
    for axes, values in ((above, means), (below, middles)):
        for row in exercise.rows:
            there = [at for at in map(labels.index, row) if at in values]
            joined = [values[at] for at in there]
            axes.plot(there, joined, color=theme.muted, lw=1.1, zorder=1.5)
        axes.plot(list(values), list(values.values()), **mean)
    percent(above.yaxis)
    above.set_ylabel("test accuracy (%)")
    below.set(xlabel=exercise.varied, ylabel=paid, ylim=(0, None), xlim=(-0.5, len(labels) - 0.5))
    aslant = {"rotation": 40, "ha": "right"} if len(labels) >= MANY else {}
    below.set_xticks(range(len(labels)), labels, **aslant)
    looks = {"one seed": seed, "mean over seeds; below: what is paid, with its spread": mean}
    return explained(figure, looks, said, theme, columns=2)


def _costs(
    exercise: Exercise, evidence: Evidence, cases: Sequence[str]
) -> tuple[str, list[Interval | None]]:
    """Return what is paid for accuracy, in words and for each case."""
    if not exercise.paired:
        timed = epoch_seconds(cases, evidence).of
        return "seconds per epoch", [timed.get(case) for case in cases]
    ran = [[len(record.epochs) for record in evidence.trained(case)] for case in cases]
    return "epochs trained", [
        Interval(estimate=fmean(each), low=min(each), high=max(each)) if each else None
        for each in ran
    ]
