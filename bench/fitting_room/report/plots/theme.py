"""The look of all pictures: colours, canvas, axes, labels and captions."""

from __future__ import annotations

import dataclasses
import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator, NullLocator
from matplotlib.transforms import Bbox

from fitting_room.analysis.rows import Row
from fitting_room.analysis.trials import listed
from fitting_room.format import spanned
from fitting_room.record import Record
from fitting_room.store.records import write_whole

Look = dict[str, Any]
"""How to draw something, by Matplotlib's names."""


@dataclass(frozen=True, kw_only=True)
class Theme:
    """Colours by their part in a picture."""

    name: str
    paper: str
    ink: str
    muted: str
    """Of what is read second: notes, axes, arrows."""
    grid: str
    test: str
    """Of test images, and of what was measured at all."""
    training: str
    published: str
    bad: str
    """Of what is out of bounds, wrong or disturbed."""

    def file_name(self, picture: str, kind: str) -> str:
        """Return ``picture.svg`` for the light theme, ``picture-dark.svg`` for the dark one."""
        return f"{picture}{'' if self.name == 'light' else f'-{self.name}'}.{kind}"

    @property
    def colours(self) -> Sequence[str]:
        """All of them, in an order that is the same in every theme."""
        found = dataclasses.asdict(self)
        return [found[field.name] for field in dataclasses.fields(self) if field.name != "name"]

    @property
    def settings(self) -> Look:
        """What differs from Matplotlib's defaults, by its name there."""
        return {
            **_SETTINGS,
            "axes.edgecolor": self.muted,
            "axes.facecolor": self.paper,
            "axes.labelcolor": self.ink,
            "axes.titlecolor": self.ink,
            "figure.facecolor": self.paper,
            "grid.color": self.grid,
            "hatch.color": self.grid,
            "text.color": self.ink,
            "xtick.color": self.muted,
            "xtick.labelcolor": self.ink,
            "ytick.color": self.muted,
            "ytick.labelcolor": self.ink,
        }


_SETTINGS = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # comes with Matplotlib: the same letters on every machine
    "font.size": 9,
    "grid.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "savefig.dpi": 200,
    "svg.fonttype": "path",
    "svg.hashsalt": "fitting-room",  # else names in the file are random
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
}

LIGHT = Theme(
    name="light",
    paper="#ffffff",
    ink="#1f2328",
    muted="#59636e",
    grid="#e1e6eb",
    test="#0072b2",
    training="#d55e00",
    published="#d55e00",
    bad="#d55e00",
)
DARK = Theme(
    name="dark",
    paper="#0d1117",
    ink="#f0f6fc",
    muted="#9198a1",
    grid="#262d36",
    test="#56b4e9",
    training="#e69f00",
    published="#e69f00",
    bad="#e69f00",
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


def panels(count: int, *, across: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """Return a figure, and that many axes that share their scales, ``across`` in a row.

    ``size`` is width and height of one in inches, without what the figure adds around them.
    """
    columns, rows = min(count, across), math.ceil(count / across)
    figure = Figure(figsize=(max(5.6, 0.7 + size[0] * columns), 0.6 + size[1] * rows))
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    found: list[Axes] = list(grid.flat)
    for axes in found[count:]:
        axes.set_axis_off()
    for axes in found[:count]:
        axes.tick_params(labelbottom=True)
    return figure, found[:count]


def percent(axis: Axis) -> None:
    """Show fractions as per cent; the sign belongs into the axis' label."""
    axis.set_major_formatter(FuncFormatter(lambda fraction, _: f"{100 * fraction:.4g}"))


def logarithmic(axis: Axis) -> None:
    """Label 1, 2 and 5 of each decade: 100k, 200k, 500k, 1M."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})  # type: ignore[attr-defined]
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(EngFormatter(sep=""))


def whole(axis: Axis) -> None:
    """Label whole numbers only."""
    axis.set_major_locator(MaxNLocator(integer=True))


Draw = Callable[[Theme], Figure]
"""Draws a picture in a theme, with Matplotlib's objects and without ``pyplot``."""

LETTERS = 17.5
"""Of small print in an inch."""

KINDS = ("svg", "png")

_CREATOR = re.compile(rb"<dc:title>([^<,]+)")

_METADATA = {"svg": {"Date": None}, "png": {}}
"""Without the date, so that equal records give equal bytes."""


def render(draw: Draw, theme: Theme, kind: str) -> bytes:
    """Return a picture as a file of that kind; what a user set for Matplotlib has no part in it.

    It is drawn and written under one style, since ticks are made as late as in the writing.
    """
    with matplotlib.style.context(["default", theme.settings]):
        file = BytesIO()
        draw(theme).savefig(file, format=kind, metadata=_METADATA[kind])
    return file.getvalue()


def for_any_page(draw: Draw) -> bytes:
    """Return a picture as SVG that is light or dark as its reader's screen is, drawn once."""
    text = render(draw, LIGHT, "svg").decode()
    light, dark = [], []
    for number, (colour, other) in enumerate(zip(LIGHT.colours, DARK.colours, strict=True)):
        text = text.replace(f": {colour}", f": var(--c{number})")
        light.append(f"--c{number}: {colour}")
        dark.append(f"--c{number}: {other}")
    night = f"@media (prefers-color-scheme: dark) {{ svg {{ {'; '.join(dark)} }} }}"
    style = f"<style>svg {{ {'; '.join(light)} }} {night}</style>"
    return text.replace("<defs>", f"{style}\n<defs>", 1).encode()


def save(draw: Draw, path: Path, theme: Theme) -> Path:
    """Write a picture, whole or not at all, as the suffix of ``path`` says, and return the path.

    Raises:
        UserError: The file cannot be written.
    """
    write_whole(path, render(draw, theme, path.suffix.removeprefix(".")))
    return path


def drawn_by(svg: bytes) -> str:
    """Return the name and version of the program that drew an SVG file, as the file says."""
    found = _CREATOR.search(svg)
    return found[1].decode() if found else "an unknown program"


def note(figure: Figure, text: str, theme: Theme) -> None:
    """Write small print below everything else, in lines as wide as the figure."""
    letters = int(LETTERS * figure.get_figwidth())
    lines = [line for part in text.splitlines() for line in textwrap.wrap(part, letters)]
    figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=7, color=theme.muted)


def caption(
    rows: Sequence[Row],
    records: Sequence[Record],
    *more: str,
    stale: Mapping[str, str],
) -> str:
    """Return number of seeds, versions, machine and dates; then what is amiss, and ``more``."""
    parts = [
        made_with(records),
        *(f"{row.architecture} is stale: {stale[row.case]}." for row in rows if row.case in stale),
        *(f"{row.architecture}: {flag}." for row in rows for flag in row.flags),
        *more,
    ]
    return "\n".join(parts)


def made_with(records: Sequence[Record]) -> str:
    """Return one line: how many seeds a case, with what, where and when; no clock, no host name."""
    names = [record.spec.case.name for record in records]
    dates = sorted(record.started[:10] for record in records)
    parts = [
        f"n = {spanned(names.count(name) for name in names)} seeds a case",
        listed(_software(record) for record in records),
        listed(f"{r.machine.cpu}, {r.machine.cores} cores" for r in records if r.machine),
        dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}",
    ]
    return f"{'; '.join(part for part in parts if part)}."


def reservations(rows: Sequence[Row], metric: str) -> list[str]:
    """Return what must be known of the published figures of a metric, one line a note."""
    noted = [(row, claim.note) for row in rows if (claim := row.published.get(metric))]
    return [
        f"{', '.join(row.case for row, said in noted if said == note)}: {note}"
        for note in dict.fromkeys(said for _, said in noted if said)
    ]


def _software(record: Record) -> str:
    spec, versions = record.spec, record.provenance.versions
    backend = f"{spec.backend} {versions.get(spec.backend, '')}".strip()
    return f"keras {versions.get('keras', 'unknown')} with {backend} on {spec.device}"


PLACES = (
    (8, 0, "left", "center"),
    (-8, 0, "right", "center"),
    (0, 8, "center", "bottom"),
    (0, -8, "center", "top"),
    (7, 6, "left", "bottom"),
    (7, -6, "left", "top"),
    (-7, 6, "right", "bottom"),
    (-7, -6, "right", "top"),
    (9, 14, "left", "bottom"),
    (9, -14, "left", "top"),
    (-9, 14, "right", "bottom"),
    (-9, -14, "right", "top"),
)
"""Offsets in points and alignments, the best first."""

AROUND = 3.0
"""Pixels that a point takes to each side, and the distance between those of a line."""

Line = Sequence[tuple[float, float]]
"""A line from point to point, or a single point; coordinates of the axes."""


def label(
    axes: Axes, names: Sequence[tuple[str, float, float]], *, avoid: Sequence[Line]
) -> list[Annotation]:
    """Write each (name, x, y) beside its point, at the first place that is free.

    Args:
        axes: laid out, with their final limits; what does not fit into them is not free.
        names: with the coordinates of their points.
        avoid: points and lines that are to stay visible.
    """
    FigureCanvasAgg(axes.figure.get_figure(root=True))  # it measures text
    paths = [*avoid, *([(x, y)] for _, x, y in names)]
    taken = [box for path in paths for box in _boxes(axes.transData.transform(path))]
    written = []
    for name, x, y in names:
        text = axes.annotate(
            name, (x, y), (0, 0), textcoords="offset points", fontsize=8.5, in_layout=False
        )
        taken.append(_place(text, taken, axes.bbox))
        written.append(text)
    return written


def _place(text: Annotation, taken: Sequence[Bbox], room: Bbox) -> Bbox:
    """Move the text to the place that hides least, and return what it covers."""
    found = []
    for place in PLACES:
        _move(text, place)
        box = text.get_window_extent()
        hidden = sum(_overlap(box, other) for other in taken)
        found.append((hidden + _area(box) - _overlap(box, room), box, place))
    _, box, place = min(found, key=lambda each: each[0])  # of equal ones the first
    _move(text, place)
    return box


def _move(text: Annotation, place: tuple[float, float, str, str]) -> None:
    text.set_position(place[:2])
    text.set(ha=place[2], va=place[3])


def _boxes(path: np.ndarray) -> list[Bbox]:
    """Cover a path, shape (points, 2), pixels, with small squares."""
    points = [path[0]]
    for begin, end in pairwise(path):
        steps = max(1, int(np.hypot(*(end - begin)) / AROUND))
        points += [begin + (end - begin) * step / steps for step in range(1, steps + 1)]
    return [Bbox([point - AROUND, point + AROUND]) for point in points]


def _area(box: Bbox) -> float:
    return float(box.width * box.height)


def _overlap(one: Bbox, other: Bbox) -> float:
    """Return the area that two rectangles share, in pixels."""
    both = Bbox.intersection(one, other)
    return _area(both) if both else 0.0
