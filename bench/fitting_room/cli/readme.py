"""``python -m bench readme``: tables and pictures of Markdown files from committed records.

A block stands between two lines, and all between them is replaced::

    <!-- fitting-room: digits -->
    <!-- /fitting-room -->

Each is a line of its own, from its first column on. In code, be it fenced, indented or inline,
they are text, so that a file can show how to write them.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import Any

from fitting_room.analysis.audit import FOLDERS, audit, claims_in, grounds, references
from fitting_room.analysis.trials import Row, rows
from fitting_room.cli import COMMANDS, Subparsers, add_command, load, plots
from fitting_room.cli.noise import speed_table
from fitting_room.errors import UserError, nearest
from fitting_room.format import count, difference, measured
from fitting_room.lab.evaluator import on_reference
from fitting_room.machine import PLATFORMS
from fitting_room.project import Project, from_here
from fitting_room.record import Record
from fitting_room.report.columns import by_task, task_table
from fitting_room.report.findings import claims_markdown
from fitting_room.report.summary import RESULTS
from fitting_room.spec import TASKS, folder_of
from fitting_room.store.bounds import Bounds, reference_folder
from fitting_room.store.digest import brings_engine
from fitting_room.store.key import why_stale
from fitting_room.store.records import encoded, read_speeds, write_whole
from fitting_room.studies import exercises, gate_page, growth, peers, search, speed


@dataclass(frozen=True, kw_only=True)
class Committed(plots.Stored):
    """The committed data that blocks are made from: no clock, no host, nothing outside git."""

    results: Path
    """Holds ``reference/`` and what else is committed beside it."""
    exercises: Sequence[Record]
    """Every committed record of an exercise, those among the references apart."""

    @cached_property
    def growth(self) -> growth.Growth | None:
        """The cost of trials on a cluster, by these results."""
        return growth.read_growth(self.results)


def blocks(known: Committed) -> dict[str, Callable[[], str]]:
    """Return name, as it stands in a marker → what makes the block; only what is asked for is."""
    asked, trained = known.project.exercises, [*known.records, *known.exercises]
    return {
        "claims": partial(claims_block, known),
        "speed": partial(speed_block, known),
        "share": partial(speed.share_block, known.results),
        "peers": partial(peers.peers_block, known.project, known.results, known.records),
        "sprints": partial(speed.sprint_table, known.records),
        "options": options_block,
        "commands": partial(commands_block, known),
        "exercises": partial(exercises.answers, asked.values(), trained),
        **{
            f"exercise {name}": partial(exercises.block, each, trained, known.stale)
            for name, each in asked.items()
        },
        **{task: partial(task_block, task, known) for task in TASKS},
        "platforms": partial(platforms_block, known),
        **{name: partial(gate_block, make, known) for name, make in gate_page.BLOCKS.items()},
        **search.blocks(known.results / "search"),
        **{name: partial(make, known.results) for name, make in growth.BLOCKS.items()},
    }


def task_block(task: str, known: Committed) -> str:
    """Return the comparison of every architecture on a task."""
    found = [row for row in known.rows if row.task == task]
    return task_table(found, known.records, stale=known.stale, absent="no reference yet")


def platforms_block(known: Committed) -> str:
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


def claims_block(known: Committed) -> str:
    """Return the audit of every published claim."""
    rest = grounds(known.project, known.results)
    findings = audit(known.published, rest.records, rest.speeds)
    return claims_markdown(findings, rest.records, stale=rest.stale)


def speed_block(known: Committed) -> str:
    """Return the training path of each case against a plain ``fit``."""
    speeds, cases = read_speeds(known.results / "speed"), known.project.cases
    stale = why_stale([each.record for each in speeds], cases, root=known.project.root)
    plain = [name for name, case in cases.items() if not (case.recipe.tuned or case.trainer)]
    return speed_table(speeds, plain, stale=stale)


def gate_block(make: Callable[[Path, Bounds], str], known: Committed) -> str:
    """Return what was measured of the gate."""
    return make(known.results, known.bounds)


def options_block() -> str:
    """Return the options that a run adds to pytest's."""
    options = import_module("fitting_room.plugin.options").OPTIONS
    rows = [f"| {_option(name, **of)} | {_cell(of['help'])} |" for name, of in options.items()]
    return "\n".join(["| option | meaning |", "|---|---|", *rows])


def _option(name: str, *, choices: Sequence[str] = (), metavar: str = "", **of: Any) -> str:
    named = name.lstrip("-").rpartition("-")[2].upper()
    takes = "" if of.get("action") == "store_true" else metavar or "|".join(choices) or named
    return f"`{_cell(f'{name} {takes}'.strip())}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def commands_block(known: Committed) -> str:
    """Return every command with its arguments and options, as its own help has them."""
    parts = []
    program = "python -m bench" if brings_engine(known.project.root) else "fitting-room"
    for name, does in COMMANDS.items():
        subparsers = argparse.ArgumentParser(prog=program).add_subparsers()
        load(name).register(subparsers)
        parser = subparsers.choices[name]
        rows = [_argument(parser, each) for each in parser._actions if each.dest != "help"]
        parts.append(f"### `{program} {name}`\n\n{does[0].upper()}{does[1:]}.")
        parts += ["\n".join(["| argument | meaning |", "|---|---|", *rows])] if rows else []
    return "\n\n".join(parts)


def _argument(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    formatter = argparse.HelpFormatter(parser.prog, width=1000)
    called = formatter._format_action_invocation(action)
    return f"| `{_cell(called)}` | {_cell(formatter._expand_help(action) if action.help else '')} |"


MARKER = re.compile(r"<!--\s*(?:fitting-room:\s*(?P<name>.*?)|/fitting-room)\s*-->")
FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})")
"""Begins or ends fenced code."""
CODE = re.compile(r"^ {4}.*|(`+).+?\1|\\<")
"""Other code, and what is escaped."""
CLOSING_LINE = "<!-- /fitting-room -->"


def regenerate(text: str, blocks: Mapping[str, Callable[[], str]], *, file: str) -> str:
    """Return a Markdown text with the content of every block replaced.

    Args:
        text: The whole file; its line ends are kept.
        blocks: Name of a block → what makes its content; called where the file has that block.
        file: Its name, for messages.

    Raises:
        UserError: A block has an unknown name, is not closed or not opened, or there is none; or
            a marker shares its line.
    """
    end = "\r\n" if "\r\n" in text else "\n"
    kept: list[str] = []
    opened, filled = "", 0
    for number, line, marker in _marked(text):
        place, alone = f"{file}, line {number}", marker and marker[0] == line.rstrip()
        name = marker["name"] if marker else None
        if opened and name and alone:
            break
        if not opened and marker and not alone:
            raise UserError(f"{place}: a marker shares its line. Give it one of its own.")
        if not opened and marker and not name:
            raise UserError(f"{place}: no block is open here. Remove {CLOSING_LINE}.")
        kept += [line] if alone or not opened else []
        if opened and alone:
            opened, filled = "", filled + 1
        elif name and not opened:
            if name not in blocks:
                raise UserError(f"{place}: there is no block {name!r}. {nearest(name, blocks)}")
            opened = f"{place}: the block {name!r}"
            kept += [f"{each}{end}" for each in ("", *blocks[name]().strip("\n").split("\n"), "")]
    if opened:
        raise UserError(f"{opened} is not closed. End it with a line {CLOSING_LINE}")
    if not filled:
        wanted = f"<!-- fitting-room: {next(iter(blocks), 'NAME')} -->"
        raise UserError(f"{file} has no block to fill. Add two lines: {wanted} and {CLOSING_LINE}")
    return "".join(kept)


def _marked(text: str) -> Iterator[tuple[int, str, re.Match[str] | None]]:
    """Yield each line with its number, from 1, and its first marker that is no code."""
    fence = ""
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        found = FENCE.match(line)
        if found and not fence:
            fence = found[1]
        elif found and found[1].startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
        yield number, line, None if fence or found else MARKER.search(CODE.sub("", line))


def register(subparsers: Subparsers) -> None:
    """Add the command and its options."""
    parser = add_command(subparsers, "readme", readme)
    parser.add_argument(
        "file", nargs="*", type=Path, help="default: the project's pages, and their pictures"
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; show the difference, exit 1 if any"
    )
    parser.add_argument("--results", type=Path, help="holds reference/ (default: results)")
    parser.add_argument("--claims", type=Path, help="what was published (bench/claims.toml)")


def readme(args: argparse.Namespace) -> int:
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
    drawing = bool(project.pictures) and not args.file
    drawn = drawing and plots.committed(known, check=args.check)
    drawn |= _badges(known, check=args.check)
    if args.check and (stale or drawn):
        print("Run the same without --check.")
    return int(args.check and bool(stale or drawn or left))


COLOURS = {"pass": "brightgreen", "undecided": "yellow", "fail": "red"}
NO_COLOUR = "lightgrey"
"""The colour of a case without a bound, or whose figures are not of the present code."""


def badges(rows: Sequence[Row], *, stale: Mapping[str, str]) -> dict[str, bytes]:
    """Return file name → what shields.io shows of a case, for each row that rests on records.

    The format is that of https://shields.io/badges/endpoint-badge.
    """
    found = {}
    for row in (row for row in rows if row.keys):
        said = "stale" if row.case in stale else row.verdict
        accuracy = measured("test_accuracy", row.test_accuracy).partition(" (")[0]
        parameters = f"{count(row.parameters)} parameters" if row.parameters is not None else ""
        content = {
            "schemaVersion": 1,
            "label": f"{row.architecture} on {TASKS[row.task].title}",
            "message": " · ".join(filter(None, [said, accuracy, parameters])),
            "color": COLOURS.get(said, NO_COLOUR),
        }
        found[f"{folder_of(row.case)}.json"] = encoded(content)
    return found


ORPHAN = "belongs to no case with a reference"


def _badges(known: Committed, *, check: bool) -> bool:
    """Write the badges that the project asks for, or check them; return whether any was stale.

    They show the project's own results, also if pages are made from others. The folder holds
    nothing else: a file of no case with a reference is removed.
    """
    folder = known.project.badges
    if folder is None or known.results.resolve() != known.project.results.resolve():
        return False
    made = badges(_judged(known), stale=known.stale)
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


def _judged(known: Committed) -> list[Row]:
    """Return a row for each case, with the verdicts of its reference."""
    found = {}
    for name, case in known.project.cases.items():
        own = [r for r in known.records if r.spec.case.name == name and r.outcome in RESULTS]
        latest = {r.spec.seed: r for r in sorted(own, key=lambda r: r.started)}
        found[name] = on_reference(case, [latest[seed] for seed in sorted(latest)], known.bounds)
    return rows(list(known.project.cases.values()), known.records, found, {})


def committed(project: Project, results: Path, claims: Path | None) -> Committed:
    """Read all that a block may be made of.

    Raises:
        UserError: There is no folder of references: every cell would say so.
    """
    if not (results / "reference").is_dir():
        raise UserError(
            f"{results} has no folder reference, and tables are made from its records. Name a "
            "folder that has one with --results DIR, or train references: fitting-room calibrate"
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
