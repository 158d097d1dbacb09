"""``python -m bench plots``: pictures of stored records."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fitting_room.cli import COMMANDS
from fitting_room.cli.report import Stored, read_stored
from fitting_room.data import held
from fitting_room.errors import UserError
from fitting_room.format import in_words
from fitting_room.judge.verdict import Bound
from fitting_room.metrics import METRICS
from fitting_room.project import FILE, TABLE, Project, from_here
from fitting_room.report.plots import SEAL, Album, Draw, basis, drawing, is_sealed, sealed
from fitting_room.store.bounds import read_bounds
from fitting_room.store.records import write_whole

if TYPE_CHECKING:
    from fitting_room.report.plots.album import Pictures

PLOTS, PICTURES = "plots", "pictures"
"""Folders of the results."""

ENDS = ("", "-dark")
"""What follows its name in the files of a picture, light and dark."""

DRAWING = (
    "fitting_room.report.plots.album:overview",
    *("fitting_room.report.plots:render", "fitting_room.report.plots:THEMES"),
)
"""The code that makes the committed pictures, with all that it calls."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("plots", help=COMMANDS["plots"])
    parser.add_argument("case", nargs="*", help="cases by name; all, and how they compare, if none")
    parser.add_argument("--records", type=Path, help="folder of records (results/reference)")
    parser.add_argument("--output", type=Path, help="where the pictures go (results/plots)")
    parser.add_argument(
        "--readme",
        action="store_true",
        help="only those of the project's pages, as SVG (results/pictures)",
    )
    parser.add_argument(
        "--check", action="store_true", help="with --readme: change nothing; exit 1 if any differs"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draw what the records allow, or check what is committed; return 1 where that is stale."""
    project = arguments.project
    names = [project.case(name).name for name in arguments.case]
    if arguments.check and not arguments.readme:
        raise UserError("--check goes with --readme: only the pictures of pages are committed.")
    if arguments.readme and names:
        raise UserError("--readme takes no case: the pictures of pages show all of them.")
    if arguments.readme and not project.pictures:
        raise UserError(
            f"No page shows a picture. Name some in {project.root / FILE}, {TABLE}, such as "
            'pictures = ["accuracy-parameters"].'
        )
    stored = read_stored(arguments.records, project)
    if not arguments.readme:
        folder = arguments.output or from_here(project.results / PLOTS)
        return _draw(_album(stored, images=True), names, folder)
    stale = committed(stored, arguments.output, check=arguments.check)
    if arguments.check and stale:
        print("Run: fitting-room plots --readme")
    return int(arguments.check and stale)


def committed(stored: Stored, folder: Path | None = None, *, check: bool) -> bool:
    """Write the SVG files that pages show, or check them; return whether any was stale.

    None is drawn, and Matplotlib is not loaded, where each file says that it rests on just these
    records and was drawn by just this code.

    Raises:
        UserError: One cannot be drawn from these records.
    """
    folder = folder or from_here(stored.project.results / PICTURES)
    rests_on = _basis(stored)
    paths = [folder / f"{name}{end}.svg" for name in stored.project.pictures for end in ENDS]
    if all(is_sealed(path, rests_on) for path in paths):
        print(f"The pictures in {folder} are up to date.")
        return False
    return _drawn(stored, folder, rests_on, check=check)


def _drawn(stored: Stored, folder: Path, rests_on: bytes, *, check: bool) -> bool:
    from fitting_room.report.plots import THEMES, drawn_by, render
    from fitting_room.report.plots.album import overview

    stale, unlike = [], False
    for name, draw in _shown(stored.project, overview(_album(stored))).items():
        for theme in THEMES.values():
            path = folder / theme.file_name(name, "svg")
            before = path.read_bytes() if path.is_file() else b""
            after = render(draw, theme, "svg")
            if check and before and drawn_by(before) != drawn_by(after):
                unlike = True
                print(f"{path} is not compared: {drawn_by(before)} drew it, not {drawn_by(after)}.")
            elif after != before.partition(SEAL)[0]:
                stale.append(path)
                print(f"{path} {'is stale' if check else 'drawn'}.")
            if not check:
                write_whole(path, sealed(after, rests_on))
    if not stale and not unlike:
        print(f"The pictures in {folder} are up to date.")
    return bool(stale)


def _basis(stored: Stored) -> bytes:
    """Return a digest of the records that pictures rest on, and of the code that draws them."""
    told = (stored.rows, sorted(stored.stale.items()), sorted(_bounds(stored.project).items()))
    records = sorted(map(msgspec.json.encode, stored.records))
    return basis(repr(told).encode(), *records, drawing(DRAWING))


def _shown(project: Project, pictures: Pictures) -> dict[str, Draw]:
    """Return those that the project's pages show."""
    names = project.pictures
    found = {name: draw for name in names if not isinstance(draw := pictures.get(name, ""), str)}
    if missing := [name for name in names if name not in found]:
        there = ", ".join(name for name, draw in pictures.items() if not isinstance(draw, str))
        raise UserError(
            f"Pages show {' and '.join(missing)}, of which these records have no training. Name a "
            f"folder that has some of each task, or other pictures in {TABLE}: there are {there}."
        )
    return found


def _album(stored: Stored, *, images: bool = False) -> Album:
    """Return what pictures are drawn from, with the test images where they are wanted."""
    bounds = _bounds(stored.project)
    return Album(
        rows=stored.rows,
        records=stored.records,
        bounds=lambda case, metric: bounds.get(case, {}).get(metric),
        test_sets=held(record.spec.dataset for record in stored.records) if images else {},
        stale=stored.stale,
    )


def _bounds(project: Project) -> Mapping[str, Mapping[str, Bound]]:
    return read_bounds(project.bounds, cases=project.cases, metrics=METRICS).tables


def _draw(album: Album, names: list[str], folder: Path) -> int:
    """Write each picture as SVG and PNG, light and dark; tell which there cannot be."""
    from fitting_room.report.plots import KINDS, THEMES, save
    from fitting_room.report.plots.album import everything, of_case

    pictures = {} if names else dict(everything(album))
    for row in album.rows:
        pictures |= of_case(album, row) if row.case in names else {}
    drawn = {name: draw for name, draw in pictures.items() if not isinstance(draw, str)}
    began = time.monotonic()
    for number, (name, draw) in enumerate(drawn.items(), start=1):
        for theme in THEMES.values():
            for kind in KINDS:
                save(draw, folder / theme.file_name(name, kind), theme)
        left = (time.monotonic() - began) / number * (len(drawn) - number)
        print(f"[{number}/{len(drawn)}] {name}, {in_words(left)} left", file=sys.stderr)
    print(f"{len(drawn)} pictures in {folder}, each as {' and '.join(KINDS)}, light and dark.")
    missing = {name: reason for name, reason in pictures.items() if isinstance(reason, str)}
    for reason in dict.fromkeys(missing.values()):
        print(f"No {', '.join(n for n, why in missing.items() if why == reason)}: {reason}.")
    return 0
