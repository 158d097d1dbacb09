"""How pictures look: one set of colours for light pages, one for dark ones.

The colours of data are those of Okabe and Ito, "Color Universal Design", 2008, which people with
any kind of colour vision can tell apart; shapes and dashes say the same once more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
