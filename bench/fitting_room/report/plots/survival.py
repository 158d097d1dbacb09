"""How many seeds have yet to reach their target, epoch by epoch; published figures beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from fitting_room.analysis.figures import Target
from fitting_room.analysis.rows import Row
from fitting_room.judge.censored import first_epoch, survival
from fitting_room.record import Record
from fitting_room.report.plots.theme import Look, Theme, note, panels, percent, whole

ACROSS = 3
"""Panels beside each other."""

WORDS = 1.5
"""Inches that an entry of the key takes, its mark included."""

MIDDLE = 0.5
"""Where the median is read off, and so where published figures stand."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Kaplan and Meier's estimate, as a line of steps from epoch 0."""

    epochs: np.ndarray
    """Shape (steps,), from 0; as the other three, which are shares of the seeds."""
    left: np.ndarray
    low: np.ndarray
    """Of a 95 % interval by the log-log formula; the share itself where all are left, or none."""
    high: np.ndarray


def curve(reached: Sequence[float | None], ran: Sequence[int]) -> Curve:
    """Return the share of seeds that are still below their target.

    Args:
        reached: Epoch at which each seed reached it; None where it did not.
        ran: Epochs that each seed ran.
    """
    found = survival(reached, ran)
    return Curve(
        epochs=np.concatenate([[0], found.at, [max(ran)]]),
        left=_held(found.left, first=1.0),
        low=_held(_known(found.low, found.left), first=1.0),
        high=_held(_known(found.high, found.left), first=1.0),
    )


def _known(limits: np.ndarray, shares: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(limits), shares, limits)


def _held(values: np.ndarray, *, first: float) -> np.ndarray:
    """Put the value of epoch 0 before the others, and hold the last one to the end."""
    return np.concatenate([[first], values, values[-1:]])


def survivals(
    columns: Sequence[tuple[Row, Sequence[Record]]], which: int, theme: Theme, *, small_print: str
) -> Figure:
    """Draw one panel for each row of a task and its records: how soon they reach its target.

    ``which`` counts the targets of the task from 0; published are epochs to the first.
    """
    target = columns[0][0].epochs_to_target[which]
    figure, grid = panels(len(columns), across=ACROSS, size=(3.4, 3.2))
    for axes, (row, records) in zip(grid, columns, strict=True):
        _draw(axes, records, target, theme)
        _published(axes, row if not which else None, theme)
        asked = max((record.spec.epochs for record in records), default=1)
        axes.set(title=row.architecture, xlabel="epoch", ylim=(-0.04, 1.06), xlim=(0, asked + 0.4))
        whole(axes.xaxis)
    for axes in grid[::ACROSS]:
        axes.set_ylabel(f"seeds still below\n{target.words} (%)")
    percent(grid[0].yaxis)
    claimed = not which and any("epochs_to_target" in row.published for row, _ in columns)
    fitting = int(figure.get_figwidth() / WORDS)
    figure.legend(handles=_key(theme, claimed=claimed), loc="outside upper center", ncols=fitting)
    note(figure, small_print, theme)
    return figure


def _draw(axes: Axes, records: Sequence[Record], target: Target, theme: Theme) -> None:
    lines = [[getattr(epoch, target.metric) for epoch in record.epochs] for record in records]
    reached = [first_epoch(line, target.target) for line in lines]
    found = curve(reached, [len(record.epochs) for record in records])
    axes.fill_between(found.epochs, found.low, found.high, step="post", **_band(theme))
    axes.step(found.epochs, found.left, where="post", color=theme.test, lw=1.8)
    order = sorted(at for at in reached if at is not None)
    n = len(records)
    axes.plot(order, [1 - (i + 0.5) / n for i in range(len(order))], **_seed(theme))
    lost = [len(record.epochs) for record, at in zip(records, reached, strict=True) if at is None]
    axes.plot(lost, [found.left[-1]] * len(lost), **_censored(theme))


def _published(axes: Axes, row: Row | None, theme: Theme) -> None:
    claim = row.published.get("epochs_to_target") if row else None
    if claim is None:
        return
    if math.isfinite(claim.high):
        ends = [claim.low, claim.high]
        axes.plot(ends, [MIDDLE] * 2, **_claimed(theme))
    else:
        said = f"published: {claim.published}"
        axes.text(0.04, MIDDLE, said, color=theme.published, transform=axes.get_yaxis_transform())


def _band(theme: Theme) -> Look:
    return {"color": theme.test, "alpha": 0.18, "lw": 0}


def _seed(theme: Theme) -> Look:
    look = {"color": theme.test, "mec": theme.paper, "mew": 0.8, "ms": 6}
    return {"ls": "", "marker": "o", **look}


def _censored(theme: Theme) -> Look:
    return {"ls": "", "marker": "|", "color": theme.ink, "mew": 1.6, "ms": 9}


def _claimed(theme: Theme) -> Look:
    hollow = {"mfc": theme.paper, "mec": theme.published, "mew": 1.4, "ms": 6}
    return {"color": theme.published, "lw": 1.4, "marker": "s", **hollow}


def _key(theme: Theme, *, claimed: bool) -> list[Line2D | Patch]:
    looks = {
        "share still below": {"color": theme.test, "lw": 1.8},
        "a seed gets there": _seed(theme),
        "a seed never did": _censored(theme),
        **({"as published": _claimed(theme)} if claimed else {}),
    }
    lines = [Line2D([], [], label=name, **look) for name, look in looks.items()]
    return [*lines, Patch(label="95 % interval", **_band(theme))]
