"""The look of all pictures: colours, from a function that draws to a file, axes and keys."""

from __future__ import annotations

import dataclasses
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator, NullLocator

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


def marks(shape: str, color: str, **more: Any) -> Look:
    """Return the look of points without a line between them."""
    return {"ls": "", "marker": shape, "color": color, **more}


def explained(
    figure: Figure, looks: Mapping[str, Look], small_print: str, theme: Theme, *, columns: int = 4
) -> Figure:
    """Say above a figure what each look stands for, one without a line an area; return it."""
    handles = [
        Patch(label=name, **look) if look.get("lw") == 0 else Line2D([], [], label=name, **look)
        for name, look in looks.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=columns)
    note(figure, small_print, theme)
    return figure
