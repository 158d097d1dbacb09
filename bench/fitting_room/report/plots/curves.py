"""Lines and points: curves, seconds, scatter beside bounds, epochs to a target, growth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fitting_room.analysis.trials import Row, Target
from fitting_room.format import Spread as Values
from fitting_room.format import name
from fitting_room.judge.interval import first_epoch, survival
from fitting_room.judge.verdict import Bound
from fitting_room.machine import LIMIT, Chunk, chunks
from fitting_room.metrics import known, of_epoch, own, training_seconds
from fitting_room.record import Record
from fitting_room.report.plots import Bounds, Look, Theme, explained, marks, percent, whole

ACROSS = 5
"""Columns beside each other."""

MEASURES = {"accuracy": "accuracy (%)", "loss": "loss (nats)"}
IMAGES = ("training", "test")
SEED: Look = {"lw": 0.8, "alpha": 0.45, "ls": "-"}
AVERAGE: Look = {"lw": 1.8}


def curves(
    columns: Sequence[tuple[str, Sequence[Record]]], theme: Theme, *, small_print: str
) -> Figure:
    """Draw accuracy above loss, one column for each title and its completed records.

    A single one has them side by side, and many go on below.
    """
    figure, blocks = _layout(len(columns))
    for places, (measure, label) in zip(blocks, MEASURES.items(), strict=True):
        for number, (axes, (title, records)) in enumerate(zip(places, columns, strict=True)):
            for images in IMAGES:
                _lines(axes, records, f"{images}_{measure}", _look(images, theme))
            whole(axes.xaxis)
            size = 10 if len(columns) == 1 else min(10, 180 / len(title))
            axes.set_title(title if measure == "accuracy" else "", size=size)
            axes.tick_params(labelbottom=measure == "loss" or len(columns) == 1)
            axes.set_xlabel("epoch" if measure == "loss" or len(columns) == 1 else "")
            axes.set_ylabel("" if number % ACROSS else label)
    percent(blocks[0][0].yaxis)
    test, training = _look("test", theme), _look("training", theme)
    key = {
        "test, after the epoch": test | AVERAGE,
        "training, mean over the epoch": training | AVERAGE,
        "one seed": test | SEED,
    }
    return explained(figure, key, small_print, theme)


def metric_curve(
    records: Sequence[Record], theme: Theme, *, metric: str, title: str, small_print: str
) -> Figure:
    """Draw one metric after each epoch: a line a seed, and the mean over the seeds."""
    figure = Figure(figsize=(8.4, 3.3))
    axes, look = figure.subplots(), _look("test", theme)
    _lines(axes, records, metric, look)
    axes.set(title=title, xlabel="epoch", ylabel=_words(metric))
    whole(axes.xaxis)
    if known(metric).format == "percent":
        percent(axes.yaxis)
    key = {"after the epoch, mean over seeds": look | AVERAGE, "one seed": look | SEED}
    return explained(figure, key, small_print, theme)


def _words(metric: str) -> str:
    """Return a metric as an axis has it, with its unit."""
    unit = "nats" if metric == "test_loss" else known(metric).suffix.strip()
    return f"{name(metric)} ({unit})" if unit else name(metric)


def by_seconds(
    records: Sequence[Record], theme: Theme, *, target: Target, title: str, small_print: str
) -> Figure:
    """Draw a target's metric against training seconds, tracing apart, of records with times."""
    figure = Figure(figsize=(8.4, 3.3))
    axes, looks = figure.subplots(), _by_seconds_looks(theme, target)
    seed, reached, aim = looks.values()
    for record in records:
        found = [(e.number, of_epoch(e, target.metric)) for e in record.epochs]
        line = [(training_seconds(record, at), value) for at, value in found if value is not None]
        axes.plot(*np.transpose(line), **seed)
        first = [point for point in line if point[1] >= target.target][:1]
        axes.plot(*np.transpose(first), **reached)
    axes.axhline(target.target, **aim)
    axes.set(title=title, xlabel="training seconds", xlim=(0, None))
    axes.set_ylabel(_words(target.metric))
    percent(axes.yaxis)
    return explained(figure, looks, small_print, theme)


def _by_seconds_looks(theme: Theme, target: Target) -> dict[str, Look]:
    return {
        "one seed": {"color": theme.test, "lw": 0.9, "alpha": 0.6},
        "a seed gets there": marks("o", theme.test, mec=theme.paper, mew=0.8, ms=6),
        f"target: {target.words}": {"color": theme.other, "lw": 1.2, "ls": (0, (4, 1.5))},
    }


def _layout(count: int) -> tuple[Figure, list[list[Axes]]]:
    """Return the figure, and for accuracy and loss the axes of each column."""
    if count == 1:
        figure = Figure(figsize=(8.4, 3.3))
        return figure, [[axes] for axes in figure.subplots(1, 2, sharex=True)]
    rows, width = math.ceil(count / ACROSS), min(count, ACROSS)
    figure = Figure(figsize=(max(6.4, 1.2 + 1.75 * width), 0.6 + 4 * rows))
    grid = figure.subplots(2 * rows, width, sharex=True, squeeze=False)
    blocks: list[list[Axes]] = [list(grid[row::2].flat) for row in range(2)]
    for block in blocks:
        for number, axes in enumerate(block[1:], start=1):
            axes.sharey(block[0])
            axes.tick_params(labelleft=number % width == 0)
        for axes in block[count:]:
            axes.set_axis_off()
    return figure, [block[:count] for block in blocks]


def _lines(axes: Axes, records: Sequence[Record], metric: str, look: Look) -> None:
    """Draw a line a seed, and the mean of the epochs that all came to: later ones are a choice."""
    told = [{e.number: of_epoch(e, metric) for e in record.epochs} for record in records]
    known = [{at: x for at, x in line.items() if x is not None} for line in told]
    lines = [line for line in known if line]
    common = sorted(set.intersection(*map(set, lines))) if lines else []
    for line in lines:
        axes.plot([*line], [*line.values()], **look | SEED)
    axes.plot(common, [fmean(line[at] for line in lines) for at in common], **look | AVERAGE)


def _look(images: str, theme: Theme) -> Look:
    training = images == "training"
    return {
        "color": theme.other if training else theme.test,
        "ls": (0, (4, 1.5)) if training else "-",
    }


ALONE = "one epoch"
DISTURBED = f"disturbed: over {LIMIT} × the least wall / CPU time"
TRACING = "first of a seed, with tracing"
"""What became of an epoch."""


def seconds(records: Sequence[Record], title: str, theme: Theme, *, small_print: str) -> Figure:
    """Draw wall seconds of each epoch, seed after seed, above wall time per CPU time."""
    figure = Figure(figsize=(8.4, 4.4))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    found, looks = chunks(records), _seconds_looks(theme)
    for kind, look in looks.items():
        own = {place: chunk for place, chunk in enumerate(found) if _kind(chunk) == kind}
        upper.plot([*own], [chunk.epoch.seconds for chunk in own.values()], **look)
        lower.plot([*own], [chunk.ratio for chunk in own.values()], **look)
    upper.set(title=title, ylabel="seconds per epoch", ylim=(0, None))
    lower.axhline(LIMIT, color=theme.other, lw=1, ls="--")
    lower.set(ylabel="wall / CPU time,\nleast = 1", xlabel="seed, its epochs from left to right")
    _separate(lower, found)
    return explained(figure, looks, small_print, theme)


def _separate(axes: Axes, found: Sequence[Chunk]) -> None:
    """Set a line before each seed, and its number in its middle."""
    starts = [i for i, chunk in enumerate(found) if chunk.tracing]
    edges = [*starts, len(found)]
    middles = [(a + b - 1) / 2 for a, b in pairwise(edges)]
    axes.set_xticks(middles, [str(found[i].seed) for i in starts])
    axes.set_xticks([edge - 0.5 for edge in edges], minor=True)
    axes.set_xlim(-0.5, len(found) - 0.5)
    for each in axes.figure.axes:
        each.grid(visible=False, axis="x", which="major")
        each.grid(visible=True, axis="x", which="minor")
        each.tick_params(axis="x", which="major", length=0)


def _kind(chunk: Chunk) -> str:
    return TRACING if chunk.tracing else DISTURBED if chunk.disturbed else ALONE


def _seconds_looks(theme: Theme) -> dict[str, Look]:
    hollow = {"mfc": theme.paper, "mec": theme.test, "mew": 1.3, "ms": 5.5}
    return {
        ALONE: marks("o", theme.test, mec=theme.paper, ms=6),
        DISTURBED: marks("x", theme.other, mew=1.5, ms=5.5),
        TRACING: {"ls": "", "marker": "o", **hollow},
    }


SEEDS = (-0.36, 0.12)
"""Where in a row, whose middle is 0, its seeds stand, the first one at the top."""

MEAN = 0.26
EDGE = 0.43

METRICS = ("test_accuracy", "test_loss", "training_accuracy")


def seeds(rows: Sequence[Row], bounds: Bounds, theme: Theme, *, small_print: str) -> Figure:
    """Draw one row for each case of a task, and one column for each metric of the last epoch.

    Those of the project's own follow.
    """
    values = [{**row.metrics, **{name: getattr(row, name) for name in METRICS}} for row in rows]
    shown = [*METRICS, *(m.name for m in own() if any(m.name in of for of in values))]
    figure = Figure(figsize=(max(8.4, 2.8 * len(shown)), 1.6 + 0.52 * len(rows)))
    grid = figure.subplots(1, len(shown), sharey=True)
    for axes, metric in zip(grid, shown, strict=True):
        for place, of in enumerate(values):
            _values(axes, place, of.get(metric), theme)
        held = [bounds(row.case, metric) for row in rows]
        _make_room(axes, [bound for bound in held if bound])
        for place, bound in enumerate(held):
            _bound(axes, place, bound, theme)
        axes.set(xlabel=_words(metric), ylim=(len(rows) - 0.5, -0.5))
        axes.set_yticks(range(len(rows)), [row.architecture for row in rows])
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        if known(metric).format == "percent":
            percent(axes.xaxis)
    return explained(figure, _seeds_looks(theme), small_print, theme)


def _values(axes: Axes, place: int, found: Values | None, theme: Theme) -> None:
    if found is None:
        return
    seed, mean, *_ = _seeds_looks(theme).values()
    axes.plot(found.values, place + np.linspace(*SEEDS, found.n + 2)[1:-1], **seed)
    if found.sd is not None:
        spread = [found.mean - found.sd, found.mean + found.sd]
        axes.plot(spread, [place + MEAN] * 2, color=theme.ink, lw=1.1)
    axes.plot(found.mean, place + MEAN, **mean | {"ls": ""})


def _make_room(axes: Axes, bounds: Sequence[Bound]) -> None:
    """Extend the axis so that each limit stands within it; from then on it keeps its ends."""
    left, right = axes.get_xlim()
    pad = 0.04 * (right - left)
    limits = [limit for bound in bounds for limit in bound.limits if np.isfinite(limit)]
    axes.set_xlim(min([left, *(x - pad for x in limits)]), max([right, *(x + pad for x in limits)]))


def _bound(axes: Axes, place: int, bound: Bound | None, theme: Theme) -> None:
    """Draw the limits, and shade what lies beyond them to the ends of the axis.

    No further: viewers that count in single precision lose what lies a billion units away.
    """
    if bound is None:
        return
    *_, line, beyond = _seeds_looks(theme).values()
    ends = np.array([place - EDGE, place + EDGE])
    for limit, edge in zip((bound.lowest, bound.highest), axes.get_xlim(), strict=True):
        if np.isfinite(limit):
            axes.plot([limit] * 2, ends, **line, solid_capstyle="butt")
            axes.fill_betweenx(ends, limit, edge, **beyond)


def _seeds_looks(theme: Theme) -> dict[str, Look]:
    spread = {"color": theme.ink, "lw": 1.1}
    return {
        "one seed, the first at the top": marks("o", theme.test, ms=3.5, mew=0, alpha=0.6),
        "mean ± sd": {"marker": "D", "ms": 4.5, "mec": theme.paper, "mew": 0.6, **spread},
        "bound": {"color": theme.other, "lw": 1.6},
        "not accepted": {"facecolor": theme.other, "alpha": 0.13, "lw": 0},
    }


PANELS = 3
"""Panels of epochs to a target beside each other."""

PUBLISHED = "as published"

WORDS = 1.5
"""Inches that an entry of the key takes, its mark included."""

MIDDLE = 0.5
"""Where the median is read off, and so where published figures stand."""


def survivals(
    columns: Sequence[tuple[Row, Sequence[Record]]], which: int, theme: Theme, *, small_print: str
) -> Figure:
    """Draw one panel for each row of a task and its records: how soon they reach its target.

    ``which`` counts the targets of the task from 0; published are epochs to the first.
    """
    target = columns[0][0].epochs_to_target[which]
    figure, grid = _panels(len(columns))
    for axes, (row, records) in zip(grid, columns, strict=True):
        _survival(axes, records, target, theme)
        _published(axes, row if not which else None, theme)
        asked = max((record.spec.epochs for record in records), default=1)
        axes.set(title=row.architecture, xlabel="epoch", ylim=(-0.04, 1.06), xlim=(0, asked + 0.4))
        whole(axes.xaxis)
    for axes in grid[::PANELS]:
        axes.set_ylabel(f"seeds still below\n{target.words} (%)")
    percent(grid[0].yaxis)
    claimed = not which and any("epochs_to_target" in row.published for row, _ in columns)
    looks = _survival_looks(theme)
    if not claimed:
        del looks[PUBLISHED]
    columns_of_key = int(figure.get_figwidth() / WORDS)
    return explained(figure, looks, small_print, theme, columns=columns_of_key)


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    """Return a figure, and so many axes that share their scales."""
    columns, rows = min(count, PANELS), math.ceil(count / PANELS)
    figure = Figure(figsize=(max(5.6, 0.7 + 3.4 * columns), 0.6 + 3.2 * rows))
    found = list(figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat)
    for axes in found[count:]:
        axes.set_axis_off()
    for axes in found[:count]:
        axes.tick_params(labelbottom=True)
    return figure, found[:count]


def _survival(axes: Axes, records: Sequence[Record], target: Target, theme: Theme) -> None:
    lines = [[of_epoch(epoch, target.metric) for epoch in record.epochs] for record in records]
    reached = [first_epoch(line, target.target) for line in lines]
    ran = [len(record.epochs) for record in records]
    found = survival(reached, ran)
    epochs = [0, *found.at, max(ran)]
    ends = (found.left, *(np.where(np.isnan(x), found.left, x) for x in (found.low, found.high)))
    left, low, high = (np.concatenate([[1.0], end, end[-1:]]) for end in ends)
    line, seed, never, _, band = _survival_looks(theme).values()
    axes.fill_between(epochs, low, high, step="post", **band)
    axes.step(epochs, left, where="post", **line)
    order = sorted(at for at in reached if at is not None)
    axes.plot(order, [1 - (i + 0.5) / len(records) for i in range(len(order))], **seed)
    lost = [epoch for epoch, at in zip(ran, reached, strict=True) if at is None]
    axes.plot(lost, [left[-1]] * len(lost), **never)


def _published(axes: Axes, row: Row | None, theme: Theme) -> None:
    claim = row.published.get("epochs_to_target") if row else None
    if claim is None:
        return
    if math.isfinite(claim.high):
        ends = [claim.low, claim.high]
        axes.plot(ends, [MIDDLE] * 2, **_survival_looks(theme)[PUBLISHED])
    else:
        said = f"published: {claim.published}"
        axes.text(0.04, MIDDLE, said, color=theme.other, transform=axes.get_yaxis_transform())


def _survival_looks(theme: Theme) -> dict[str, Look]:
    hollow = {"mfc": theme.paper, "mec": theme.other, "mew": 1.4, "ms": 6}
    return {
        "share still below": {"color": theme.test, "lw": 1.8},
        "a seed gets there": marks("o", theme.test, mec=theme.paper, mew=0.8, ms=6),
        "a seed never did": marks("|", theme.ink, mew=1.6, ms=9),
        PUBLISHED: {"color": theme.other, "lw": 1.4, "marker": "s", **hollow},
        "95 % interval": {"color": theme.test, "alpha": 0.18, "lw": 0},
    }


COSTS = (
    "ms of a slot beyond a trial",
    "ms of the run's processor a trial",
    "of the ideal throughput (%)",
    "peak memory of the run (MiB)",
)
"""What follows the number of trials in a point of a cluster's growth."""

MARKERS = "os^Dv*"


def growth(
    lines: Mapping[str, Sequence[tuple[float, ...]]], theme: Theme, *, small_print: str
) -> Figure:
    """Draw what trials on a cluster cost: a line for each number of workers, over their number.

    ``lines`` maps what a line is called to its points: trials, then what ``COSTS`` names.
    """
    figure = Figure(figsize=(8.4, 5.2))
    looks = {
        workers: {"color": theme.test, "marker": marker, "ls": style, "ms": 5, "lw": 1.2}
        for workers, marker, style in zip(
            lines, MARKERS, ("-", "--", "-.", ":", "", ""), strict=False
        )
    }
    for place, (axes, title) in enumerate(zip(figure.subplots(2, 2).flat, COSTS, strict=True)):
        for workers, look in looks.items():
            trials, *costs = zip(*lines[workers], strict=True)
            axes.plot(trials, costs[place], **look)
        axes.set(title=title, xlabel="trials of a run (log scale)", xscale="log")
        axes.set_ylim(0, 1.08 * axes.get_ylim()[1])  # room for the highest marker
    percent(figure.axes[2].yaxis)
    return explained(figure, looks, small_print, theme)
