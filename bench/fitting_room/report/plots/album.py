"""All pictures that records allow, by name, and why others are missing.

The main one shows accuracy against cost: every seed, what was published, and the frontier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from fitting_room.analysis import trials
from fitting_room.analysis.mistakes import confusion
from fitting_room.analysis.trials import Row, listed
from fitting_room.format import Spread
from fitting_room.metrics import UNTIMED, curves_of, is_timed
from fitting_room.record import Record
from fitting_room.report.columns import by_task
from fitting_room.report.plots import (
    Album,
    Draw,
    Look,
    Theme,
    curves,
    explained,
    images,
    marks,
    percent,
    seconds_to,
)
from fitting_room.spec import TASKS, Task

Pictures = Mapping[str, Draw | str]
"""Name → how it is drawn, or in words why it cannot be."""


def overview(album: Album) -> Pictures:
    """Return the pictures that compare cases."""
    found: dict[str, Draw | str] = {}
    if album.trained:
        found["accuracy-parameters"] = _tradeoff(album, "parameters")
        found["accuracy-seconds"] = _tradeoff(album, "seconds_per_epoch")
    for task, rows in by_task(album.trained).items():
        found |= _of_task(album, TASKS[task], rows)
    return found


def everything(album: Album) -> Pictures:
    """Return the pictures that compare cases, and those of each case."""
    found = dict(overview(album))
    for row in album.rows:
        found |= of_case(album, row)
    return found


def of_case(album: Album, row: Row) -> Pictures:
    """Return the pictures of one case."""
    records = album.of(row)
    if not records:
        return {f"{row.case}-curves": "no completed trial of it"}
    title = f"{row.architecture} on {TASKS[row.task].title}"
    wide = _small_print(album, [row])
    own = [each.name for each in curves_of(records)]
    draw = partial(curves.metric_curve, records, title=title, small_print=wide)
    return {
        f"{row.case}-curves": partial(curves.curves, [(title, records)], small_print=wide),
        f"{row.case}-seconds": partial(curves.seconds, records, title, small_print=wide),
        f"{row.case}-confusion": _confusion(album, row, title),
        f"{row.case}-reliability": _reliability(album, row, title),
        **{f"{row.case}-{name}": partial(draw, metric=name) for name in own},
        **_by_seconds(album, row, title),
    }


def _by_seconds(album: Album, row: Row, title: str) -> Pictures:
    """Return a picture for each target of the task, of the trials whose seconds count."""
    timed = [record for record in trials.of_one_machine(album.of(row)) if is_timed(record)]
    names = [f"{row.case}-{seconds_to(target.metric)}" for target in row.epochs_to_target]
    if not timed:
        return dict.fromkeys(names, UNTIMED)
    said = caption([row], timed, stale=album.stale)
    draw = partial(curves.by_seconds, timed, title=title, small_print=said)
    return {
        name: partial(draw, target=target)
        for name, target in zip(names, row.epochs_to_target, strict=True)
    }


def _tradeoff(album: Album, metric: str) -> Draw | str:
    rows = [row for row in album.trained if getattr(row, metric)]
    if not rows:
        return f"no case has {AXES[metric].partition(' (')[0]}"
    panels = [(TASKS[task].title, of_task) for task, of_task in by_task(rows).items()]
    noted = [
        (row.case, claim.note) for row in rows if (claim := row.published.get("test_accuracy"))
    ]
    said = [
        f"{', '.join(case for case, of in noted if of == note)}: {note}"
        for note in dict.fromkeys(of for _, of in noted if of)
        if metric in CLAIMED
    ]
    return partial(tradeoff, panels, metric, small_print=_small_print(album, rows, *said))


def _of_task(album: Album, task: Task, rows: Sequence[Row]) -> Pictures:
    wide, timed = _small_print(album, rows), [(row, album.of(row)) for row in rows]
    columns = [(row.architecture, records) for row, records in timed]
    to = [f"{task.name}-epochs-to-{metric.replace('_', '-')}" for metric in task.targets]
    return {
        f"{task.name}-curves": partial(curves.curves, columns, small_print=wide),
        f"{task.name}-seeds": partial(curves.seeds, rows, album.bounds, small_print=wide),
        **{
            name: partial(curves.survivals, timed, which, small_print=wide)
            for which, name in enumerate(to)
        },
    }


def _confusion(album: Album, row: Row, title: str) -> Draw | str:
    known, classes = album.seen(row), TASKS[row.task].classes
    if not known:
        return f"its test images are not here; `fitting-room data {row.task}` fetches them"
    labels = album.test_sets[known[0].spec.dataset.checksum].test_labels
    found = confusion(known, labels, classes=len(classes))
    if found is None:
        return "its records hold no predictions"
    said = caption([row], known, stale=album.stale)
    return partial(images.confusion_matrix, found, classes, title, small_print=said)


def _reliability(album: Album, row: Row, title: str) -> Draw | str:
    known = [record for record in album.of(row) if record.confidence]
    if not known and any(record.spec.case.trainer for record in album.of(row)):
        return "its trainer hands over class numbers, and no probabilities"
    if not known:
        return "its records were made before probabilities were kept"
    found = [record.confidence for record in known if record.confidence]
    said = caption([row], known, stale=album.stale)
    return partial(images.reliability, found, title, small_print=said)


def _small_print(album: Album, rows: Sequence[Row], *more: str) -> str:
    """Return what must be said below a picture of all records of these rows."""
    used = [record for row in rows for record in album.of(row)]
    return caption(rows, used, *more, stale=album.stale)


def caption(
    rows: Sequence[Row], records: Sequence[Record], *more: str, stale: Mapping[str, str]
) -> str:
    """Return number of seeds, versions, machine and dates; then what is amiss, and ``more``."""
    old = [f"{row.architecture} is stale: {stale[row.case]}." for row in rows if row.case in stale]
    flags = [f"{row.architecture}: {flag}." for row in rows for flag in row.flags]
    return "\n".join([made_with(records), *old, *flags, *more])


def made_with(records: Sequence[Record]) -> str:
    """Return one line: how many seeds a case, with what, where and when; no clock, no host name."""
    parts = [
        f"n = {trials.seeds_a_case(records)} seeds a case",
        listed(map(_software, records)),
        listed(f"{r.machine.cpu}, {r.machine.cores} cores" for r in records if r.machine),
        trials.days(records),
    ]
    return f"{'; '.join(part for part in parts if part)}."


def _software(record: Record) -> str:
    spec, versions = record.spec, record.provenance.versions
    if spec.case.trainer:
        return trials.ran_on([record])
    backend = f"{spec.backend} {versions.get(spec.backend, '')}".strip()
    return f"keras {versions.get('keras', 'unknown')} with {backend} on {spec.device}"


AXES = {
    "parameters": "parameters (log scale)",
    "seconds_per_epoch": "median seconds per epoch (log)",
}
"""What accuracy costs, by metric → as an axis has it."""

CLAIMED = ("parameters",)
"""Costs whose published figures are shown; seconds are another machine's."""

WIDTHS = (2.1, 1)
"""The widths of two tasks side by side: the first has more architectures."""

SHORTEST = 22.0
"""Pixels between a claim and a measurement that leave room for an arrow."""

MEAN, SEED, PUBLISHED = "mean over seeds", "one seed", "as published"
QUARTILES, FRONTIER = "quartiles of the seconds", "frontier of the means"
"""What is drawn, as the key has it."""

Point = tuple[float, float]
"""Cost and gain."""

Line = Sequence[Point]
"""A line from point to point, or a single point; coordinates of the axes."""


def frontier(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other one beats, cheapest first.

    One beats another that costs as much or more and gains no more, unless they are the same.
    """
    best: list[Point] = []
    for point in sorted(points, key=lambda point: (point[0], -point[1])):
        if not best or point[1] > best[-1][1]:
            best.append(point)
    return best


def steps(best: Sequence[Point]) -> list[Point]:
    """Return the corners of the line that bounds what can be had at each cost."""
    corners = [(after[0], before[1]) for before, after in pairwise(best)]
    return [point for pair in zip(best, [*corners, best[-1]], strict=True) for point in pair]


@dataclass(frozen=True, kw_only=True)
class _Spot:
    """The place of an architecture in a plot."""

    name: str
    cost: tuple[float, float, float]
    """Lower quartile, value, upper quartile; all the same where it is exact."""
    gain: Spread
    claim: Point | None
    """The published point, or the lower end of a range such as "more than 99.5 %"."""

    @property
    def point(self) -> Point:
        return self.cost[1], self.gain.mean

    @property
    def paths(self) -> list[Line]:
        """What a name must not cover."""
        low, middle, high = self.cost
        seeds: list[Line] = [[(middle, value)] for value in self.gain.values]
        claim: list[Line] = [[self.claim, self.point]] if self.claim else []
        return [*seeds, [(low, self.gain.mean), (high, self.gain.mean)], *claim]


def tradeoff(
    panels: Sequence[tuple[str, Sequence[Row]]], metric: str, theme: Theme, *, small_print: str
) -> Figure:
    """Draw test accuracy against a cost, one panel for each title and its rows."""
    figure = Figure(figsize=(8.4, 4.3))
    widths = WIDTHS if len(panels) == len(WIDTHS) else (1,) * len(panels)
    grid = figure.subplots(1, len(panels), squeeze=False, width_ratios=widths)[0]
    found = [[spot for row in rows if (spot := _spot(row, metric))] for _, rows in panels]
    best = [steps(frontier([spot.point for spot in spots])) for spots in found]
    looks = _looks(theme)
    for axes, (title, _), spots, line in zip(grid, panels, found, best, strict=True):
        axes.set(title=title, xlabel=AXES[metric])
        _draw(axes, spots, line, looks)
    grid[0].set_ylabel("test accuracy after the last epoch (%)")
    claimed = any(spot.claim for spots in found for spot in spots)
    unused = {"" if claimed else PUBLISHED, QUARTILES if metric in CLAIMED else ""}
    key = {name: look for name, look in looks.items() if name not in unused}
    explained(figure, key, small_print, theme)
    figure.draw_without_rendering()
    for axes, spots, line in zip(grid, found, best, strict=True):
        _arrows(axes, spots, theme)
        paths = [path for spot in spots for path in spot.paths]
        label(axes, [(spot.name, *spot.point) for spot in spots], avoid=[*paths, line])
    return figure


CROWDED = 50
"""Ratio of the costs from which on labels in three steps a decade would touch."""


def _spot(row: Row, metric: str) -> _Spot | None:
    found = getattr(row, metric)
    if not row.test_accuracy or not found:
        return None
    exact = metric == "parameters"
    cost = (found,) * 3 if exact else (found.lower, found.median, found.upper)
    x, y = row.published.get(metric), row.published.get("test_accuracy")
    claim = (x.low, y.low) if x and y and metric in CLAIMED else None
    return _Spot(name=row.architecture, cost=cost, gain=row.test_accuracy, claim=claim)


def _draw(axes: Axes, spots: Sequence[_Spot], best: Line, looks: Mapping[str, Look]) -> None:
    axes.set_xscale("log")
    costs = [spot.cost[1] for spot in spots]
    steps = (1, 2, 5) if max(costs) < CROWDED * min(costs) else (1, 3)
    axes.xaxis.set_major_locator(LogLocator(subs=steps))  # 100k, 200k, 500k, 1M
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    percent(axes.yaxis)
    axes.plot(*np.transpose(best), **looks[FRONTIER])
    for spot in spots:
        low, middle, high = spot.cost
        axes.plot([middle] * spot.gain.n, spot.gain.values, **looks[SEED])
        axes.plot([low, high], [spot.gain.mean] * 2, **looks[QUARTILES])
        axes.plot(*spot.point, **looks[MEAN])
        if spot.claim:
            axes.plot(*spot.claim, **looks[PUBLISHED])
    axes.margins(0.14, 0.08)


def _arrows(axes: Axes, spots: Sequence[_Spot], theme: Theme) -> None:
    """Point from each claim to its measurement, where there is room between them."""
    for spot in spots:
        ends = [spot.claim or spot.point, spot.point]
        begin, end = axes.transData.transform(ends)
        if np.hypot(*(end - begin)) > SHORTEST:
            look = {"arrowstyle": "->", "color": theme.muted, "lw": 0.8, "shrinkA": 4, "shrinkB": 6}
            axes.annotate("", ends[1], ends[0], arrowprops=look, in_layout=False)


def _looks(theme: Theme) -> dict[str, Look]:
    hollow = {"mfc": theme.paper, "mec": theme.other, "mew": 1.4, "ms": 6}
    return {
        MEAN: marks("D", theme.test, ms=6.5, mec=theme.paper, mew=0.8),
        SEED: marks("_", theme.test, ms=10, mew=1, alpha=0.7),
        PUBLISHED: {"ls": "", "marker": "s", **hollow},
        QUARTILES: {"color": theme.test, "lw": 1.2},
        FRONTIER: {"color": theme.muted, "lw": 1, "ls": ":"},
    }


PLACES = (
    *((8, 0), (-8, 0), (0, 8), (0, -8), (7, 6), (7, -6), (-7, 6), (-7, -6)),
    *((9, 14), (9, -14), (-9, 14), (-9, -14)),
)
"""Offsets of a name in points, the best first."""

AROUND = 3.0
"""Pixels that a point takes to each side, and the distance between those of a line."""


def label(
    axes: Axes, names: Sequence[tuple[str, float, float]], *, avoid: Sequence[Line]
) -> list[Annotation]:
    """Write each (name, x, y) beside its point, at the place that hides least.

    Args:
        axes: Laid out, with their final limits; what does not fit into them is not free.
        names: With the coordinates of their points.
        avoid: Points and lines that are to stay visible.
    """
    FigureCanvasAgg(axes.figure.get_figure(root=True))  # it measures text
    paths = [*avoid, *([(x, y)] for _, x, y in names)]
    taken = np.concatenate([_squares(axes.transData.transform(path)) for path in paths])
    written, room = [], np.array(axes.bbox.extents)
    for name, x, y in names:
        text = axes.annotate(
            name, (x, y), (0, 0), textcoords="offset points", fontsize=8.5, in_layout=False
        )
        boxes = [_moved(text, place) for place in PLACES]
        # What it hides, and what of it lies outside.
        cost = [_shared(b, taken) - _shared(b, room) + _shared(b, b) for b in boxes]
        taken = np.vstack([taken, _moved(text, PLACES[int(np.argmin(cost))])])
        written.append(text)
    return written


def _moved(text: Annotation, place: tuple[float, float]) -> np.ndarray:
    """Put a name at an offset from its point; return what it covers: left, bottom, right, top."""
    x, y = np.sign(place).astype(int)
    text.set(position=place, ha=("center", "left", "right")[x], va=("center", "bottom", "top")[y])
    return np.array(text.get_window_extent().extents)


def _squares(path: np.ndarray) -> np.ndarray:
    """Cover a path, shape (points, 2), pixels, with small squares, shape (n, 4)."""
    points = [path[0]]
    for begin, end in pairwise(path):
        steps = max(1, int(np.hypot(*(end - begin)) / AROUND))
        points += [begin + (end - begin) * step / steps for step in range(1, steps + 1)]
    return np.hstack([np.array(points) - AROUND, np.array(points) + AROUND])


def _shared(box: np.ndarray, others: np.ndarray) -> float:
    """Return the area, in pixels, that a rectangle shares with others, shape (..., 4)."""
    sides = np.minimum(box[2:], others[..., 2:]) - np.maximum(box[:2], others[..., :2])
    return float(np.prod(np.maximum(sides, 0), axis=-1).sum())
