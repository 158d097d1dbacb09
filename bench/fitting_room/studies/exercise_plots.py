"""What one varied thing does: test accuracy point by point, and what the points cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fitting_room.analysis.evidence import Evidence
from fitting_room.analysis.rows import rows
from fitting_room.judge.interval import Interval
from fitting_room.record import Record
from fitting_room.report.plots.album import Pictures, caption
from fitting_room.report.plots.curves import curves
from fitting_room.report.plots.theme import Draw, Look, Theme, explained, marks, percent
from fitting_room.studies.exercises import Exercise

SEED, MEAN = "one seed", "mean over seeds; below: what is paid, with its spread"

MANY = 8
"""Points beyond which their names are written aslant."""

Lines = Sequence[Sequence[int]]
"""Places of the points that a line joins."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One point, as far as it was trained."""

    label: str
    accuracies: Sequence[float]
    cost: Interval | None


def pictures(
    exercises: Iterable[Exercise], records: Sequence[Record], *, stale: Mapping[str, str]
) -> Pictures:
    """Return ``exercise-NAME`` → how it is drawn, or why it cannot be."""
    evidence = Evidence(records)
    return {f"exercise-{each.name}": _picture(each, evidence, stale) for each in exercises}


def points(
    places: Sequence[Place], lines: Lines, axes_names: tuple[str, str], theme: Theme, *, said: str
) -> Figure:
    """Draw test accuracy above what it costs, for each place from left to right.

    Args:
        places: in the order of the table.
        lines: along which means are joined.
        axes_names: of what is varied, and of what is paid.
        theme: colours.
        said: the small print.
    """
    figure = Figure(figsize=(max(5.2, 1.6 + 0.62 * len(places)), 4.6))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for place, each in enumerate(places):
        above.plot([place] * len(each.accuracies), each.accuracies, **_seed(theme))
        if each.cost:
            below.plot([place] * 2, [each.cost.low, each.cost.high], color=theme.ink, lw=1.1)
    means = [fmean(each.accuracies) if each.accuracies else None for each in places]
    costs = [each.cost.estimate if each.cost else None for each in places]
    for axes, values in ((above, means), (below, costs)):
        _joined(axes, values, lines, theme)
    percent(above.yaxis)
    above.set_ylabel("test accuracy (%)")
    below.set(xlabel=axes_names[0], ylabel=axes_names[1], ylim=(0, None))
    below.set_xlim(-0.5, len(places) - 0.5)
    aslant = {"rotation": 40, "ha": "right"} if len(places) >= MANY else {}
    below.set_xticks(range(len(places)), [each.label for each in places], **aslant)
    looks = {SEED: _seed(theme), MEAN: _average(theme)}
    return explained(figure, looks, said, theme, columns=2)


def _picture(exercise: Exercise, evidence: Evidence, stale: Mapping[str, str]) -> Draw | str:
    trained = {
        label: found
        for label, case in exercise.points.items()
        if (found := evidence.trained(case.name))
    }
    if not trained:
        return "no record of any of its points yet"
    used = [record for records in trained.values() for record in records]
    cases = [exercise.points[label] for label in trained]
    said = caption(rows(cases, used, {}, {}), used, stale=stale)
    if exercise.epochs:
        return partial(curves, list(trained.items()), small_print=said)
    order = list(exercise.points)
    lines = [[order.index(label) for label in row] for row in exercise.rows]
    paid = "epochs trained" if exercise.paired else "seconds per epoch"
    places = _places(exercise, evidence)
    return partial(points, places, lines, (exercise.varied, paid), said=said)


def _places(exercise: Exercise, evidence: Evidence) -> list[Place]:
    cases = {label: case.name for label, case in exercise.points.items()}
    if exercise.paired:
        costs = {case: _epochs(evidence.trained(case)) for case in cases.values()}
    else:
        timed = evidence.costs(list(cases.values()), "seconds_per_epoch")
        costs = {case: found for case, (found, _) in timed.items()}
    return [
        Place(label=label, accuracies=evidence.values(case, "test_accuracy"), cost=costs.get(case))
        for label, case in cases.items()
    ]


def _epochs(records: Sequence[Record]) -> Interval | None:
    ran = [len(record.epochs) for record in records]
    return Interval(estimate=fmean(ran), low=min(ran), high=max(ran)) if ran else None


def _joined(axes: Axes, values: Sequence[float | None], lines: Lines, theme: Theme) -> None:
    known = {place: value for place, value in enumerate(values) if value is not None}
    for line in lines:
        there = [place for place in line if place in known]
        axes.plot(there, [known[place] for place in there], color=theme.muted, lw=1.1, zorder=1.5)
    axes.plot(list(known), list(known.values()), **_average(theme))


def _seed(theme: Theme) -> Look:
    return marks("o", theme.test, ms=3.5, mew=0, alpha=0.6)


def _average(theme: Theme) -> Look:
    return marks("D", theme.ink, ms=4.5, mec=theme.paper, mew=0.6)
