"""``plots``, ``report`` and ``readme``: pictures and pages of stored records.

Matplotlib and Jinja take longer to load than all else, so they are imported where they are used.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fitting_room.analysis.audit import FOLDERS, audit, claims_in, grounds, references
from fitting_room.analysis.trials import Row, latest, of_one_platform, rows
from fitting_room.cli import commands_block, options_block
from fitting_room.cli.session import draw_all, tell
from fitting_room.data import held
from fitting_room.errors import UserError
from fitting_room.format import difference
from fitting_room.lab.evaluator import on_reference
from fitting_room.lab.plan import Arguments, argument, flag, path
from fitting_room.machine import PLATFORMS, platform_of
from fitting_room.metrics import METRICS
from fitting_room.project import FILE, TABLE, Project, from_here
from fitting_room.record import Record
from fitting_room.report.columns import by_task, task_table
from fitting_room.report.findings import claims_markdown
from fitting_room.report.plots import SEAL, basis, drawing, is_sealed, sealed
from fitting_room.report.readme import badges, regenerate
from fitting_room.report.summary import RESULTS
from fitting_room.spec import TASKS
from fitting_room.store.bounds import Bounds, read_bounds, reference_folder
from fitting_room.store.claims import Published
from fitting_room.store.digest import brings_engine
from fitting_room.store.key import why_stale
from fitting_room.store.records import Store, write_whole
from fitting_room.studies import exercises, gate_page, growth, peers, read_document, search, speed

if TYPE_CHECKING:
    from fitting_room.report.plots import Album
    from fitting_room.report.plots.album import Pictures

ENDS = ("", "-dark")
"""The ends of the names of a picture's files, light and dark."""

ORPHAN = "belongs to no case with a reference"

DRAWING = (
    "fitting_room.report.plots.album:overview",
    *("fitting_room.report.plots:render", "fitting_room.report.plots:THEMES"),
    "fitting_room.report.plots.curves:growth",
)
"""The code that makes the committed pictures, with all that it calls."""


RECORDS = path("folder of records (results/reference)")

ARGUMENTS: dict[str, Arguments] = {
    "plots": {
        "case": argument("cases by name; all, and how they compare, if none", nargs="*"),
        "--records": RECORDS,
        "--output": path("where the pictures go (results/plots)"),
        "--readme": flag("only those of the project's pages, as SVG (results/pictures)"),
        "--check": flag("with --readme: change nothing; exit 1 if any differs"),
    },
    "report": {"--records": RECORDS, "--output": path("the page (results/report.html)")},
    "readme": {
        "file": path("default: the project's pages, and their pictures", nargs="*"),
        "--check": flag("change nothing; show the difference, exit 1 if any"),
        "--results": path("holds reference/ (default: results)"),
        "--claims": path("what was published (bench/claims.toml)"),
    },
}


@dataclass(frozen=True, kw_only=True)
class Stored:
    """All that pictures and pages are made of; it has no clock and no host."""

    project: Project
    results: Path
    """Holds what else is committed beside the records."""
    records: Sequence[Record]
    exercises: Sequence[Record] = ()
    """Every committed record of an exercise, those among the references apart."""
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

    @property
    def judged(self) -> list[Row]:
        """A row for each case, with the verdicts of its reference."""
        found, cases = {}, self.project.cases
        for name, case in cases.items():
            own = [r for r in self.records if r.spec.case.name == name and r.outcome in RESULTS]
            found[name] = on_reference(case, latest(own), self.bounds)
        return rows(list(cases.values()), self.records, found, {})


def read_stored(folder: Path, project: Project) -> Stored:
    """Read a folder of records of a project's cases; of several platforms, those of one.

    Raises a UserError where it holds none, or one that cannot be read.
    """
    records = list(Store(folder).all())
    if not records:
        raise UserError(f"{folder} holds no records. Name another folder with --records.")
    kept = of_one_platform(records)
    if left := len(records) - len(kept):
        tell(f"{left} records of {folder} are left out: not of {platform_of(kept[0]).words}.")
    return Stored(
        project=project,
        results=project.results,
        records=kept,
        stale=why_stale(kept, project.cases, root=project.root),
        published=claims_in(project.claims, project),
    )


def committed(project: Project, results: Path, claims: Path | None) -> Stored:
    """Read all that is committed.

    Raises a UserError where there is no folder of references: every cell would say so.
    """
    if not (results / "reference").is_dir():
        raise UserError(
            f"{results} has no folder reference, and tables are made from its records. Name a "
            "folder that has one with --results DIR, or train references: fitting-room calibrate"
        )
    records, others = (references(results / name) for name in FOLDERS)
    return Stored(
        project=project,
        results=results,
        records=records,
        exercises=others,
        stale=why_stale([*records, *others], project.known, root=project.root),
        published=claims_in(claims, project),
    )


def plots(arguments: Namespace) -> int:
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
    stale = draw_committed(stored, arguments.output, check=arguments.check)
    if arguments.check and stale:
        print("Run: fitting-room plots --readme")
    return int(arguments.check and stale)


def draw_committed(stored: Stored, folder: Path | None = None, *, check: bool) -> bool:
    """Write the SVG files that pages show, or check them; return whether any was stale.

    None is drawn, and Matplotlib is not loaded, where each file says that it rests on just these
    records and was drawn by just this code. A UserError says which these records do not allow.
    """
    folder = folder or from_here(stored.project.results / "pictures")
    told = (stored.rows, sorted(stored.stale.items()), sorted(stored.bounds.tables.items()))
    records = sorted(map(msgspec.json.encode, stored.records))
    growing = msgspec.json.encode(read_document(stored.results / growth.GROWTH, growth.Growth))
    rests_on = basis(repr(told).encode(), *records, growing, drawing(DRAWING))
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
    if grown := read_document(stored.results / growth.GROWTH, growth.Growth):
        drawn |= growth.picture(grown)
    if missing := [name for name in project.pictures if name not in drawn]:
        raise UserError(
            f"Pages show {' and '.join(missing)}, but these records have no trial for that. Name a "
            f"folder with records of each task, or other pictures in {TABLE}: there are "
            f"{', '.join(drawn)}."
        )
    for name, theme in product(project.pictures, THEMES.values()):
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


def report(arguments: Namespace) -> int:
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
    for name in sorted({each.name for sum_, each in datasets.items() if sum_ not in test_sets}):
        print(f"Without the images of {name}: `fitting-room data {name}` fetches them.")
    return 0


def readme(args: Namespace) -> int:
    """Rewrite or check every file; return 1 where a check finds one stale."""
    project: Project = args.project
    texts = {file: _read(file) for file in args.file or map(from_here, project.pages)}
    known = committed(project, args.results, args.claims or project.claims)
    made = {file: regenerate(text, blocks(known), file=str(file)) for file, text in texts.items()}
    stale = [file for file, text in texts.items() if made[file] != text]
    for file, text in texts.items():
        if args.check and file in stale:
            print(difference(text, made[file], file=str(file)))
        elif file in stale:
            mode = file.stat().st_mode
            write_whole(file, made[file].encode())
            file.chmod(mode)
        state = "is stale" if args.check else "rewritten"
        print(f"{file} {state if file in stale else 'is up to date'}.")
    left = sorted({r.spec.case.name for r in known.records} - {*project.known})
    for case in left:
        print(f"{case} has references but is no case: fitting-room remove {case}, or rename.")
    drawn = bool(project.pictures) and not args.file and draw_committed(known, check=args.check)
    drawn |= _badges(known, check=args.check)
    if args.check and (stale or drawn):
        print("Run the same without --check.")
    return int(args.check and bool(stale or drawn or left))


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")  # as bytes, so that line ends stay
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Name a Markdown file.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None


def _badges(known: Stored, *, check: bool) -> bool:
    """Write the badges that the project asks for, or check them; return whether any was stale.

    They are of the project's own results, whatever else a page is made from. The folder holds
    nothing else: what belongs to no case with a reference is taken out.
    """
    folder = known.project.badges
    if folder is None or known.results.resolve() != known.project.results.resolve():
        return False
    made = badges(known.judged, stale=known.stale)
    there = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    stale = [name for name in sorted({*made, *there}) if made.get(name) != there.get(name)]
    for name in stale:
        path, content = folder / name, made.get(name)
        found, done = ("is stale", "rewritten") if content else (ORPHAN, "removed")
        if not check:
            write_whole(path, content) if content else path.unlink()
        print(f"{from_here(path)} {found if check else done}.")
    if not stale:
        print(f"The badges in {from_here(folder)} are up to date.")
    return bool(stale)


def blocks(known: Stored) -> dict[str, Callable[[], str]]:
    """Return name, as it stands in a marker → what makes the block; only what is asked for is."""
    project, results = known.project, known.results
    asked, trained = project.exercises, [*known.records, *known.exercises]
    program = "python -m bench" if brings_engine(project.root) else "fitting-room"
    return {
        "claims": partial(claims_block, known),
        "speed": partial(peers.speed_block, project, results),
        "share": partial(speed.share_block, results),
        "peers": partial(peers.peers_block, project, results, known.records),
        "sprints": partial(speed.sprint_table, known.records),
        "options": options_block,
        "commands": partial(commands_block, program),
        "exercises": partial(exercises.answers, asked.values(), trained),
        **{
            f"exercise {name}": partial(exercises.block, each, trained, known.stale)
            for name, each in asked.items()
        },
        **{task: partial(task_block, task, known) for task in TASKS},
        "platforms": partial(platforms_block, known),
        **{name: partial(gate_block, make, known) for name, make in gate_page.BLOCKS.items()},
        **search.blocks(results / "search"),
        **{name: partial(make, results) for name, make in growth.BLOCKS.items()},
    }


def task_block(task: str, known: Stored) -> str:
    """Return the comparison of every architecture on a task."""
    found = [row for row in known.rows if row.task == task]
    return task_table(found, known.records, stale=known.stale, absent="no reference yet")


def platforms_block(known: Stored) -> str:
    """Return the same of every other platform that has references, of the cases that have some."""
    parts, project = [], known.project
    for platform in PLATFORMS.values():
        records = references(reference_folder(known.results, platform))
        stale = why_stale(records, project.known, root=project.root)
        there = {record.spec.case.name for record in records}
        found = rows([c for c in project.cases.values() if c.name in there], records, {}, {})
        for task, of in by_task(found).items():
            told = [record for record in records if record.spec.case.task == task]
            table = task_table(of, told, stale=stale)
            parts.append(f"### {TASKS[task].title}, {platform.words}\n\n{table}")
    return "\n\n".join(parts) or "None yet: `fitting-room calibrate --backend jax --apply`."


def claims_block(known: Stored) -> str:
    """Return the audit of every published claim."""
    rest = grounds(known.project, known.results)
    findings = audit(known.published, rest.records, rest.speeds)
    return claims_markdown(findings, rest.records, stale=rest.stale)


def gate_block(make: Callable[[Path, Bounds], str], known: Stored) -> str:
    """Return what was measured of the gate, whose bounds are read for such a block alone."""
    return make(known.results, known.bounds)
