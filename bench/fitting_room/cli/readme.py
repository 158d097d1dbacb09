"""``python -m bench readme``: tables and pictures of Markdown files from committed records."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

from fitting_room.analysis.audit import FOLDERS, audit, claims_in, grounds, references
from fitting_room.analysis.rows import Row, rows
from fitting_room.cli import COMMANDS, load
from fitting_room.cli.report import Stored
from fitting_room.errors import UserError
from fitting_room.metrics import METRICS
from fitting_room.project import Project, from_here
from fitting_room.record import Record
from fitting_room.report.audit import as_markdown
from fitting_room.report.readme import badges, difference, regenerate
from fitting_room.report.summary import JUDGED, task_table
from fitting_room.spec import TASKS
from fitting_room.store.key import why_stale
from fitting_room.store.records import read_speeds, write_whole


@dataclass(frozen=True, kw_only=True)
class Committed(Stored):
    """All that a block may be made of; it has no clock, no host, and nothing that is not in git."""

    results: Path
    """Holds ``reference/`` and what else is committed beside it."""
    exercises: Sequence[Record]
    """Every committed record of an exercise, those among the references apart."""


def task_block(task: str, known: Committed) -> str:
    """Return the comparison of every architecture on a task."""
    found = [row for row in known.rows if row.task == task]
    return task_table(found, known.records, stale=known.stale, absent="no reference yet")


def claims_block(known: Committed) -> str:
    """Return the audit of every published claim."""
    rest = grounds(known.project, known.results)
    findings = audit(known.published, rest.records, rest.speeds)
    return as_markdown(findings, rest.records, stale=rest.stale)


def speed_block(known: Committed) -> str:
    """Return the training path of each case against a plain ``fit``."""
    speed_table = import_module("fitting_room.cli.speed").speed_table
    speeds = read_speeds(known.results / "speed")
    stale = why_stale(
        [each.record for each in speeds], known.project.cases, root=known.project.root
    )
    plain = [name for name, case in known.project.cases.items() if not case.recipe.tuned]
    return str(speed_table(speeds, plain, stale=stale))


def exercise_block(name: str, known: Committed) -> str:
    """Return answer and table of an exercise, or the answers of all."""
    blocks = import_module("fitting_room.studies.exercises")
    records = [*known.records, *known.exercises]
    exercises = known.project.exercises
    if name in exercises:
        return str(blocks.block(exercises[name], records, known.stale))
    return str(blocks.answers(exercises.values(), records))


def gate_block(name: str, known: Committed) -> str:
    """Return what was measured of the gate; SciPy is loaded only where a file asks for it."""
    blocks = import_module("fitting_room.studies.gate")
    bounds = _bounds(known.project)
    return str(blocks.BLOCKS[name](known.results, bounds))


def options_block(_: Committed) -> str:
    """Return the options that a run adds to pytest's."""
    options = import_module("fitting_room.plugin.options").OPTIONS
    rows = [f"| {_option(name, **of)} | {_cell(of['help'])} |" for name, of in options.items()]
    return "\n".join(["| option | meaning |", "|---|---|", *rows])


def _option(name: str, *, choices: Sequence[str] = (), metavar: str = "", **of: Any) -> str:
    takes = "" if of.get("action") == "store_true" else metavar or "|".join(choices) or _named(name)
    return f"`{_cell(f'{name} {takes}'.strip())}`"


def _named(option: str) -> str:
    return option.lstrip("-").rpartition("-")[2].upper()


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def commands_block(_: Committed) -> str:
    """Return every command with its arguments and options, as its own help has them."""
    parts = []
    for name in COMMANDS:
        subparsers = argparse.ArgumentParser(prog="python -m bench").add_subparsers()
        load(name).register(subparsers)
        (told,) = subparsers._choices_actions
        rows = [_argument(subparsers.choices[name], action) for action in _taken(subparsers, name)]
        table = ["| argument | meaning |", "|---|---|", *rows] if rows else []
        parts.append("\n".join([f"### `python -m bench {name}`", "", f"{_sentence(told.help)}"]))
        parts.append("\n".join(table))
    return "\n\n".join(filter(None, parts))


def _taken(subparsers: Any, name: str) -> list[argparse.Action]:
    return [action for action in subparsers.choices[name]._actions if action.dest != "help"]


def _argument(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    formatter = argparse.HelpFormatter(parser.prog, width=1000)
    called = formatter._format_action_invocation(action)
    return f"| `{_cell(called)}` | {_cell(formatter._expand_help(action) if action.help else '')} |"


def _sentence(text: str | None) -> str:
    return f"{(text or '')[:1].upper()}{(text or '')[1:]}."


GATE = ("gate", "cost", "noise", "seconds", "prices")
"""Blocks that ``gate_block`` makes."""

BLOCKS: dict[str, Callable[[Committed], str]] = {
    "claims": claims_block,
    "speed": speed_block,
    "options": options_block,
    "commands": commands_block,
    "exercises": partial(exercise_block, ""),
    **{name: partial(gate_block, name) for name in GATE},
}
"""Name, as it stands in a marker → what belongs there."""

OF_A_SEARCH = ("frontier", "smallest", "cost")


def blocks(known: Committed) -> dict[str, Callable[[], str]]:
    """Return name → block of all that a file may ask for; those of searches follow from its logs.

    Only what a file asks for is made.
    """

    @lru_cache
    def searches() -> Mapping[str, str]:
        tables = import_module("fitting_room.studies.search_tables")
        return dict(tables.blocks(known.results / "search"))

    def searched(name: str) -> str:
        return searches()[name]

    tasks = {name: partial(task_block, name) for name in TASKS}
    told = {f"exercise {name}": partial(exercise_block, name) for name in known.project.exercises}
    return {
        **{name: partial(make, known) for name, make in (tasks | BLOCKS | told).items()},
        **{name: partial(searched, name) for name in _searches(known.results / "search")},
    }


def _searches(folder: Path) -> Iterator[str]:
    for task in TASKS:
        if (folder / f"{task}.jsonl").exists():
            yield from (f"search {task} {kind}" for kind in OF_A_SEARCH)
        yield from (f"search {path.stem}" for path in sorted(folder.glob(f"{task}-*.toml")))


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser("readme", help=COMMANDS["readme"])
    parser.add_argument(
        "file", nargs="*", type=Path, help="default: the project's pages, and their pictures"
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; show the difference, exit 1 if any"
    )
    parser.add_argument("--results", type=Path, help="holds reference/ (default: results)")
    parser.add_argument("--claims", type=Path, help="what was published (bench/claims.toml)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Rewrite or check every file; return 1 where a check finds one stale."""
    project, pages = args.project, args.project.pages
    texts = {file: _read(file) for file in args.file or map(from_here, pages)}
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
        print(f"{case} has references and is no case: fitting-room remove {case}, or rename.")
    # What draws takes longer to load than all the tables to be made.
    drawing = project.pictures and not args.file
    plots = import_module("fitting_room.cli.plots") if drawing else None
    drawn = bool(plots and plots.committed(known, check=args.check))
    drawn |= _badges(known, check=args.check)
    if args.check and (stale or drawn):
        print("Run the same without --check.")
    return int(args.check and bool(stale or drawn or left))


def _badges(known: Committed, *, check: bool) -> bool:
    """Write the badges that the project asks for, or check them; return whether any was stale.

    They are of the project's own results, whatever else a page is made from. The folder holds
    nothing else: what belongs to no case with a reference is taken out.
    """
    folder = known.project.badges
    if folder is None or known.results.resolve() != known.project.results.resolve():
        return False
    made = badges(_judged(known), stale=known.stale)
    there = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    stale = [name for name in sorted({*made, *there}) if made.get(name) != there.get(name)]
    for name in stale:
        path, kept = folder / name, name in made
        if not check and kept:
            write_whole(path, made[name])
        elif not check:
            path.unlink()
        found, done = ("is stale", "rewritten") if kept else (ORPHAN, "removed")
        print(f"{from_here(path)} {found if check else done}.")
    if not stale:
        print(f"The badges in {from_here(folder)} are up to date.")
    return bool(stale)


ORPHAN = "belongs to no case with a reference"


def _judged(known: Committed) -> list[Row]:
    """Return a row for each case, with the verdicts of its reference."""
    judge = import_module("fitting_room.lab.evaluator").on_reference
    project, found = known.project, {}
    bounds = _bounds(project)
    for name, case in project.cases.items():
        own = [r for r in known.records if r.spec.case.name == name and r.outcome in JUDGED]
        latest = {r.spec.seed: r for r in sorted(own, key=lambda r: r.started)}
        found[name] = judge(case, [latest[seed] for seed in sorted(latest)], bounds)
    return rows(list(project.cases.values()), known.records, found, {})


def _bounds(project: Project) -> Any:
    read_bounds = import_module("fitting_room.store.bounds").read_bounds
    return read_bounds(project.bounds, cases=project.cases, metrics=METRICS)


def committed(project: Project, results: Path, claims: Path | None) -> Committed:
    """Read all that a block may be made of.

    Raises:
        UserError: There is no folder of references: every cell would say so.
    """
    if not (results / "reference").is_dir():
        raise UserError(
            f"{results} has no folder reference, whose records the tables are made of. Name a "
            "folder that has with --results DIR, or train some: fitting-room calibrate"
        )
    records, exercises = (references(results / name) for name in FOLDERS)
    return Committed(
        results=results,
        project=project,
        records=records,
        exercises=exercises,
        stale=why_stale([*records, *exercises], project.known, root=project.root),
        published=claims_in(claims, project),
    )


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")  # as bytes, so that line ends stay
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}. Name a Markdown file."
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text. Save it as UTF-8.") from error
