"""From a function that draws to a file; the one place that knows Matplotlib's state."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from bench.harness.report.plots.theme import DARK, LIGHT, Theme
from bench.harness.store.records import write_whole

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
