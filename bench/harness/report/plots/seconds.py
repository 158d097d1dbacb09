"""Seconds per epoch over a run: which of them the machine disturbed, by its two clocks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.harness.disturbed import LIMIT, Chunk, chunks
from bench.harness.record import Record
from bench.harness.report.plots.canvas import note
from bench.harness.report.plots.theme import Look, Theme

KINDS = {
    "left alone": "one epoch",
    "disturbed": f"disturbed: over {LIMIT} × the least wall / CPU time",
    "tracing": "first of a seed, with tracing",
}
"""What became of an epoch, and in words."""


def seconds(records: Sequence[Record], title: str, theme: Theme, *, small_print: str) -> Figure:
    """Draw wall seconds of each epoch, seed after seed, above wall time per CPU time."""
    figure = Figure(figsize=(8.4, 4.4))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    found = chunks(records)
    for kind in KINDS:
        own = [(place, chunk) for place, chunk in enumerate(found) if _kind(chunk) == kind]
        places, look = [place for place, _ in own], _look(kind, theme)
        upper.plot(places, [chunk.epoch.seconds for _, chunk in own], **look)
        lower.plot(places, [chunk.ratio for _, chunk in own], **look)
    upper.set(title=title, ylabel="seconds per epoch", ylim=(0, None))
    lower.axhline(LIMIT, color=theme.bad, lw=1, ls="--")
    lower.set(ylabel="wall / CPU time,\nleast = 1", xlabel="seed, its epochs from left to right")
    _separate(lower, found)
    figure.legend(handles=_key(theme), loc="outside upper center", ncols=4)
    note(figure, small_print, theme)
    return figure


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
    if chunk.tracing:
        return "tracing"
    return "disturbed" if chunk.disturbed else "left alone"


def _look(kind: str, theme: Theme) -> Look:
    looks: dict[str, Look] = {
        "left alone": {"marker": "o", "color": theme.test, "mec": theme.paper, "ms": 6},
        "tracing": {"marker": "o", "mfc": theme.paper, "mec": theme.test, "mew": 1.3, "ms": 5.5},
        "disturbed": {"marker": "x", "color": theme.bad, "mew": 1.5, "ms": 5.5},
    }
    return {"ls": "", **looks[kind]}


def _key(theme: Theme) -> list[Line2D]:
    return [Line2D([], [], label=name, **_look(kind, theme)) for kind, name in KINDS.items()]
