"""The look of all pictures, and the files that are made of them.

A picture is a function from a ``Theme`` to a ``Figure``; ``album`` has all of them by name. A file
that is kept ends in a seal, a digest of the picture and of all that it rests on. It is drawn again
only where some of that changed. Matplotlib is loaded only to draw.
"""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fitting_room.analysis.mistakes import TestSets
from fitting_room.analysis.trials import Row, trained
from fitting_room.judge.verdict import Bound
from fitting_room.machine import usable_cores
from fitting_room.project import current, used
from fitting_room.record import Record
from fitting_room.store.digest import Sources
from fitting_room.store.records import write_whole

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Bounds = Callable[[str, str], Bound | None]
"""Case and metric → what it is held to, if anything."""


@dataclass(frozen=True)
class Album:
    """What pictures are drawn from."""

    rows: Sequence[Row]
    """The rows of the cases, in the order of the tables."""
    records: Sequence[Record]
    bounds: Bounds = lambda *_: None
    test_sets: TestSets = field(default_factory=dict)
    """Those on this machine; without them there is no confusion and no image."""
    stale: Mapping[str, str] = field(default_factory=dict)
    """Case → why its figures are not those of the present code."""

    def of(self, row: Row) -> list[Record]:
        """Return the trained records that count, one for each seed."""
        return trained([each for each in self.records if each.spec.case.name == row.case])

    def seen(self, row: Row) -> list[Record]:
        """Return those of them whose test images are on this machine."""
        return [each for each in self.of(row) if each.spec.dataset.checksum in self.test_sets]

    @property
    def trained(self) -> list[Row]:
        """Those with a record of training."""
        return [row for row in self.rows if self.of(row)]


def seconds_to(metric: str) -> str:
    """Return the end of the name of the plot of seconds to a target."""
    return f"seconds-to-{metric.replace('_', '-')}"


Look = dict[str, Any]
"""How to draw something, by Matplotlib's names."""


@dataclass(frozen=True, kw_only=True)
class Theme:
    """Colours by their part in a picture."""

    name: str
    paper: str
    ink: str
    muted: str
    """The colour of what is read second: notes, axes, arrows."""
    grid: str
    test: str
    """The colour of test images, and of all that was measured."""
    other: str
    """The colour of what is held against it: training images, what was published, a bound."""

    def file_name(self, picture: str, kind: str) -> str:
        """Return ``picture.svg`` for the light theme, ``picture-dark.svg`` for the dark one."""
        return f"{picture}{'' if self.name == 'light' else f'-{self.name}'}.{kind}"

    @property
    def colours(self) -> Sequence[str]:
        """All of them, in an order that is the same in every theme."""
        return list(dataclasses.asdict(self).values())[1:]

    @property
    def settings(self) -> Look:
        """What differs from Matplotlib's defaults, by its name there."""
        return {
            **_SETTINGS,
            **dict.fromkeys(("axes.facecolor", "figure.facecolor"), self.paper),
            **dict.fromkeys(("axes.labelcolor", "axes.titlecolor", "text.color"), self.ink),
            **dict.fromkeys(("xtick.labelcolor", "ytick.labelcolor"), self.ink),
            **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), self.muted),
            **dict.fromkeys(("grid.color", "hatch.color"), self.grid),
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
    other="#d55e00",
)
DARK = Theme(
    name="dark",
    paper="#0d1117",
    ink="#f0f6fc",
    muted="#9198a1",
    grid="#262d36",
    test="#56b4e9",
    other="#e69f00",
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


def percent(axis: Axis) -> None:
    """Show fractions as per cent; the sign belongs into the axis' label."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda fraction, _: f"{100 * fraction:.4g}"))


def whole(axis: Axis) -> None:
    """Label whole numbers only."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))


Draw = Callable[[Theme], "Figure"]
"""Draws a picture in a theme, with Matplotlib's objects and without ``pyplot``."""

LETTERS = 17.5
"""The number of letters of small print in an inch."""

KINDS = ("svg", "png")

_CREATOR = re.compile(rb"<dc:title>([^<,]+)")


def render(draw: Draw, theme: Theme, kind: str) -> bytes:
    """Return a picture as a file of that kind; what a user set for Matplotlib has no part in it.

    It is drawn and written under one style, since ticks are made as late as in the writing.
    """
    import matplotlib.style
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    file = BytesIO()
    with matplotlib.style.context(["default", theme.settings]):
        figure = draw(theme)
        if kind == "svg":  # one without a date, so that equal records give equal bytes
            # The same bytes as by ``savefig``, which would draw all twice, once for the layout.
            canvas: Any = FigureCanvasSVG(figure)  # its methods have no types
            canvas.print_svg(file, metadata={"Date": None})
        else:
            figure.savefig(file, format=kind)
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


MANY = 8
"""Pictures that take as long as another process takes to start."""


def side_by_side(draws: Sequence[Draw]) -> list[bytes]:
    """Return pictures as ``for_any_page`` does; where there are many, each core draws a share."""
    cores = max(1, min(usable_cores(), len(draws) // MANY))
    own, *others = (draws[core::cores] for core in range(cores))
    folder = project.root if (project := used()) else Path.cwd()
    code = f"from fitting_room.report.plots import draw_share; draw_share({str(folder)!r})"
    command = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path}; {code}"]
    found: list[bytes] = [b""] * len(draws)
    with ThreadPoolExecutor() as threads:
        ran = [
            threads.submit(subprocess.run, command, input=pickle.dumps(share), capture_output=True)
            for share in others
        ]
        found[::cores] = map(for_any_page, own)
    for core, (share, future) in enumerate(zip(others, ran, strict=True), start=1):
        child = future.result()
        failed = child.returncode  # it was killed, as for want of memory
        found[core::cores] = map(for_any_page, share) if failed else pickle.loads(child.stdout)
    return found


def draw_share(folder: str) -> None:
    """Draw what standard input has to standard output, in a child of ``side_by_side``."""
    with redirect_stdout(sys.stderr):
        current(Path(folder))  # pictures of a project's own metrics ask for them
        found = [for_any_page(draw) for draw in pickle.load(sys.stdin.buffer)]
    sys.stdout.buffer.write(pickle.dumps(found))


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
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Patch(label=name, **look) if look.get("lw") == 0 else Line2D([], [], label=name, **look)
        for name, look in looks.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=columns)
    note(figure, small_print, theme)
    return figure


SEAL = b"<!-- fitting-room: "
"""Begins the last line of a kept picture."""


@lru_cache
def drawing(names: Sequence[str]) -> bytes:
    """Return what says how pictures are drawn: Matplotlib's version, and the code in ``names``."""
    sources = Sources(Path(__file__).parent)  # holds no package: the engine is found where it is
    return f"{version('matplotlib')} {sources.digest(names)}".encode()


def basis(*parts: bytes) -> bytes:
    """Return a digest of all that a picture rests on."""
    return hashlib.sha256(b"\n".join(parts)).digest()


def sealed(svg: bytes, rests_on: bytes) -> bytes:
    """Return a picture with its seal; it covers the picture too, so that an edit is seen."""
    return b"%s%s%s -->\n" % (svg, SEAL, hashlib.sha256(rests_on + svg).hexdigest().encode())


def is_sealed(file: Path, rests_on: bytes) -> bool:
    """Return whether a file holds a picture that rests on just that."""
    if not file.is_file():
        return False
    content = file.read_bytes()
    return content == sealed(content.partition(SEAL)[0], rests_on)
