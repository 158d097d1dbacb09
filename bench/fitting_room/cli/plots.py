"""``plots`` and ``report``: pictures and one HTML page of stored records.

Matplotlib and Jinja take longer to load than all else, so they are imported where they are used.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fitting_room.analysis.audit import claims_in
from fitting_room.analysis.trials import Row, of_one_platform, rows
from fitting_room.cli import Subparsers, add_command
from fitting_room.cli.session import tell
from fitting_room.data import held
from fitting_room.errors import UserError
from fitting_room.format import in_words
from fitting_room.machine import platform_of
from fitting_room.metrics import METRICS
from fitting_room.project import FILE, TABLE, Project, from_here
from fitting_room.record import Record
from fitting_room.report.plots import SEAL, basis, drawing, is_sealed, sealed
from fitting_room.store.bounds import Bounds, read_bounds
from fitting_room.store.claims import Published
from fitting_room.store.key import why_stale
from fitting_room.store.records import Store, write_whole
from fitting_room.studies.growth import Growth, picture, read_growth

if TYPE_CHECKING:
    from fitting_room.report.plots import Album
    from fitting_room.report.plots.album import Pictures

ENDS = ("", "-dark")
"""The ends of the names of a picture's files, light and dark."""

DRAWING = (
    "fitting_room.report.plots.album:overview",
    *("fitting_room.report.plots:render", "fitting_room.report.plots:THEMES"),
    "fitting_room.report.plots.curves:growth",
)
"""The code that makes the committed pictures, with all that it calls."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """The records of a folder, and what pictures and pages show beside them."""

    project: Project
    records: Sequence[Record]
    stale: Mapping[str, str]
    """Case → why its records are not those of the present code."""
    published: Published

    @cached_property
    def rows(self) -> Sequence[Row]:
        """One for each case, in the order of the tables; not judged."""
        return rows(list(self.project.cases.values()), self.records, {}, self.published.figures)

    @cached_property
    def bounds(self) -> Bounds:
        """The bounds of the project."""
        found = read_bounds(self.project.bounds, cases=self.project.cases, metrics=METRICS)
        return found.on(platform_of(self.records[0])) if self.records else found

    @cached_property
    def growth(self) -> Growth | None:
        """The measured cost of trials on a cluster; None if there is none."""
        return read_growth(self.project.results)


def read_stored(folder: Path, project: Project) -> Stored:
    """Read a folder of records of a project's cases; if they are of several platforms, one's.

    Raises:
        UserError: It holds none, or one that cannot be read.
    """
    records = list(Store(folder).all())
    if not records:
        raise UserError(f"{folder} holds no records. Name another folder with --records.")
    kept = of_one_platform(records)
    if len(kept) < len(records):
        words = platform_of(kept[0]).words
        tell(f"{len(records) - len(kept)} records of {folder} are left out: not of {words}.")
    return Stored(
        project=project,
        records=kept,
        stale=why_stale(kept, project.cases, root=project.root),
        published=claims_in(project.claims, project),
    )


def register(subparsers: Subparsers) -> None:
    """Add both commands."""
    parser = add_command(subparsers, "plots", plots)
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
    parser = add_command(subparsers, "report", report)
    parser.add_argument("--records", type=Path, help="folder of records (results/reference)")
    parser.add_argument("--output", type=Path, help="the page (results/report.html)")


def plots(arguments: argparse.Namespace) -> int:
    """Draw what the records allow, or check the committed pictures; return 1 if one is stale."""
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
        draw_all(_pictures(stored, names), arguments.output or from_here(project.results / "plots"))
        return 0
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
    folder = folder or from_here(stored.project.results / "pictures")
    rests_on = _basis(stored)
    paths = [folder / f"{name}{end}.svg" for name in stored.project.pictures for end in ENDS]
    fresh = all(is_sealed(path, rests_on) for path in paths)
    found = [] if fresh else _drawn(stored, folder, rests_on, check=check)
    if not found:
        print(f"The pictures in {folder} are up to date.")
    return "stale" in found


def _drawn(stored: Stored, folder: Path, rests_on: bytes, *, check: bool) -> list[str]:
    """Draw the committed pictures; return ``stale`` or ``unlike`` for each that changed."""
    from fitting_room.report.plots import THEMES, drawn_by, render
    from fitting_room.report.plots.album import overview

    project, drawings, found = stored.project, overview(_album(stored)), []
    drawn = {name: draw for name, draw in drawings.items() if not isinstance(draw, str)}
    drawn |= picture(stored.growth) if stored.growth else {}
    if missing := [name for name in project.pictures if name not in drawn]:
        raise UserError(
            f"Pages show {' and '.join(missing)}, but these records have no trial for that. Name a "
            f"folder with records of each task, or other pictures in {TABLE}: there are "
            f"{', '.join(drawn)}."
        )
    for name, theme in ((name, theme) for name in project.pictures for theme in THEMES.values()):
        path = folder / theme.file_name(name, "svg")
        before = path.read_bytes() if path.is_file() else b""
        after = render(drawn[name], theme, "svg")
        if check and before and drawn_by(before) != drawn_by(after):
            found.append("unlike")
            print(f"{path} is not compared: {drawn_by(before)} drew it, not {drawn_by(after)}.")
        elif after != before.partition(SEAL)[0]:
            found.append("stale")
            print(f"{path} {'is stale' if check else 'drawn'}.")
        if not check:
            write_whole(path, sealed(after, rests_on))
    return found


def _basis(stored: Stored) -> bytes:
    """Return a digest of the records that pictures rest on, and of the code that draws them."""
    told = (stored.rows, sorted(stored.stale.items()), sorted(stored.bounds.tables.items()))
    records = [
        *sorted(map(msgspec.json.encode, stored.records)),
        msgspec.json.encode(stored.growth),
    ]
    return basis(repr(told).encode(), *records, drawing(DRAWING))


def _album(stored: Stored, *, images: bool = False) -> Album:
    """Return what pictures are drawn from, with the test images where they are wanted."""
    from fitting_room.report.plots import Album

    return Album(
        rows=stored.rows,
        records=stored.records,
        bounds=lambda case, metric: stored.bounds.tables.get(case, {}).get(metric),
        test_sets=held(record.spec.dataset for record in stored.records) if images else {},
        stale=stored.stale,
    )


def _pictures(stored: Stored, names: Sequence[str]) -> Pictures:
    """Return the pictures of the named cases, or all."""
    from fitting_room.report.plots.album import everything, of_case

    album = _album(stored, images=True)
    if not names:
        return everything(album)
    chosen = [of_case(album, row) for row in album.rows if row.case in names]
    return {name: draw for pictures in chosen for name, draw in pictures.items()}


def draw_all(pictures: Pictures, folder: Path) -> None:
    """Write each picture as SVG and PNG, light and dark; print which cannot be drawn, and why."""
    from fitting_room.report.plots import KINDS, THEMES, save

    drawn = {name: draw for name, draw in pictures.items() if not isinstance(draw, str)}
    began = time.monotonic()
    for number, (name, draw) in enumerate(drawn.items(), start=1):
        for theme in THEMES.values():
            for kind in KINDS:
                save(draw, folder / theme.file_name(name, kind), theme)
        left = (time.monotonic() - began) / number * (len(drawn) - number)
        tell(f"[{number}/{len(drawn)}] {name}, {in_words(left)} left")
    print(f"{len(drawn)} pictures in {folder}, each as {' and '.join(KINDS)}, light and dark.")
    missing = {name: reason for name, reason in pictures.items() if isinstance(reason, str)}
    for reason in dict.fromkeys(missing.values()):
        print(f"No {', '.join(n for n, why in missing.items() if why == reason)}: {reason}.")


def report(arguments: argparse.Namespace) -> int:
    """Write the page and say where it is."""
    from fitting_room.report.page import write_page

    stored = read_stored(arguments.records, arguments.project)
    datasets = {record.spec.dataset.checksum: record.spec.dataset for record in stored.records}
    test_sets = held(datasets.values())
    path = write_page(
        arguments.output or from_here(arguments.project.results / "report.html"),
        stored.rows,
        stored.records,
        run=f"Records of {arguments.records}",
        test_sets=test_sets,
        stale=stored.stale,
        inspected=arguments.records.parent / "inspect",
    )
    print(f"{path}: {len(stored.records)} records, {path.stat().st_size / 1000:.0f} kB")
    missing = sorted({each.name for sum_, each in datasets.items() if sum_ not in test_sets})
    for name in missing:
        print(f"Without the images of {name}: `fitting-room data {name}` fetches them.")
    return 0
