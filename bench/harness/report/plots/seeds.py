"""How each case scatters over its seeds, and what it is held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bench.harness.judge.bound import Bound
from bench.harness.report.figures import Figure as Values
from bench.harness.report.plots.canvas import note
from bench.harness.report.plots.scales import percent
from bench.harness.report.plots.theme import Look, Theme
from bench.harness.report.rows import Row

SEEDS = (-0.36, 0.12)
"""Where in a row, whose middle is 0, its seeds stand, the first one at the top."""

MEAN = 0.26
EDGE = 0.43

Bounds = Callable[[str, str], Bound | None]
"""Case and metric → what it is held to, if anything."""


@dataclass(frozen=True, kw_only=True)
class _Metric:
    of: Callable[[Row], Values | None]
    axis: str
    is_percent: bool


METRICS: Mapping[str, _Metric] = {
    "test_accuracy": _Metric(
        of=lambda row: row.test_accuracy, axis="test accuracy (%)", is_percent=True
    ),
    "test_loss": _Metric(of=lambda row: row.test_loss, axis="test loss (nats)", is_percent=False),
    "training_accuracy": _Metric(
        of=lambda row: row.training_accuracy, axis="training accuracy (%)", is_percent=True
    ),
}


def seeds(rows: Sequence[Row], bounds: Bounds, theme: Theme, *, small_print: str) -> Figure:
    """Draw one row for each case of a task, and one column for each metric of the last epoch."""
    figure = Figure(figsize=(8.4, 1.6 + 0.52 * len(rows)))
    grid = figure.subplots(1, len(METRICS), sharey=True)
    for axes, (name, metric) in zip(grid, METRICS.items(), strict=True):
        for place, row in enumerate(rows):
            _values(axes, place, metric.of(row), theme)
        held = [bounds(row.case, name) for row in rows]
        _make_room(axes, [bound for bound in held if bound])
        for place, bound in enumerate(held):
            _bound(axes, place, bound, theme)
        axes.set(xlabel=metric.axis, ylim=(len(rows) - 0.5, -0.5))
        axes.set_yticks(range(len(rows)), [row.architecture for row in rows])
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        if metric.is_percent:
            percent(axes.xaxis)
    figure.legend(handles=_key(theme), loc="outside upper center", ncols=4)
    note(figure, small_print, theme)
    return figure


def _values(axes: Axes, place: int, found: Values | None, theme: Theme) -> None:
    if found is None:
        return
    heights = place + np.linspace(*SEEDS, found.n + 2)[1:-1]
    axes.plot(found.values, heights, **_seed(theme))
    if found.sd is not None:
        spread = [found.mean - found.sd, found.mean + found.sd]
        axes.plot(spread, [place + MEAN] * 2, **_spread(theme))
    axes.plot(found.mean, place + MEAN, **_average(theme))


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
    ends = np.array([place - EDGE, place + EDGE])
    for limit, edge in zip((bound.lowest, bound.highest), axes.get_xlim(), strict=True):
        if np.isfinite(limit):
            axes.plot([limit] * 2, ends, color=theme.bad, lw=1.6, solid_capstyle="butt")
            axes.fill_betweenx(ends, limit, edge, **_beyond(theme))


def _seed(theme: Theme) -> Look:
    return {"ls": "", "marker": "o", "color": theme.test, "ms": 3.5, "mew": 0, "alpha": 0.6}


def _average(theme: Theme) -> Look:
    return {"ls": "", "marker": "D", "color": theme.ink, "ms": 4.5, "mec": theme.paper, "mew": 0.6}


def _spread(theme: Theme) -> Look:
    return {"color": theme.ink, "lw": 1.1}


def _beyond(theme: Theme) -> Look:
    return {"facecolor": theme.bad, "alpha": 0.13, "lw": 0}


def _key(theme: Theme) -> list[Line2D | Patch]:
    average = _average(theme) | {"ls": "-"} | _spread(theme)
    return [
        Line2D([], [], label="one seed, the first at the top", **_seed(theme)),
        Line2D([], [], label="mean ± sd", **average),
        Line2D([], [], label="bound", color=theme.bad, lw=1.6),
        Patch(label="not accepted", **_beyond(theme)),
    ]
