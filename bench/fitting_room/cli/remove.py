"""``python -m bench remove``: what is left of a case that the project has no more."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fitting_room.analysis.suggestion import difference
from fitting_room.cli import COMMANDS
from fitting_room.cli.session import add_options
from fitting_room.errors import UserError
from fitting_room.project import Project, shown
from fitting_room.spec import folder_of
from fitting_room.store.reading import read_toml
from fitting_room.store.records import write_whole

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDERS = ("reference", "exercises", "trials", "models", "inspect")
"""Folders of the results that have one for each case."""

NOT_YET = "Nothing is changed yet. Review the above, and do it with --apply."

Keys = tuple[str, ...]
Block = tuple[Keys, str]
"""The keys of a table of TOML, and its text with the comment right above it."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("remove", help=COMMANDS["remove"])
    parser.add_argument("case", help="its name; it is in no list of cases any more")
    parser.add_argument("--apply", action="store_true", help="remove what is shown")
    add_options(parser, "--results")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show what is left of a case: files, bounds and claims; with ``--apply`` remove it."""
    project, case = arguments.project, arguments.case
    check_gone(case, project)
    files = edits(project, lambda path: without(path, case))
    paths = traces(arguments.results, case)
    if not files and not paths:
        raise UserError(
            f"Nothing is left of {case!r}: no record under {arguments.results}, no bound, no claim."
        )
    for path in paths:
        print(f"remove {path}")
    if arguments.apply:
        for path, text in files.items():
            write_whole(path, text.encode())
        for path in paths:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    print("Removed." if arguments.apply else NOT_YET)
    return 0


def check_gone(case: str, project: Project) -> None:
    """Refuse a case that the project still has."""
    if case in project.known:
        raise UserError(f"{case} is a case of this project. Take it out of its code first.")


def traces(results: Path, case: str) -> list[Path]:
    """Return the files and folders of a case that there are under the results."""
    folder = folder_of(case)
    wanted = [results / name / folder for name in FOLDERS]
    wanted += [results / "inspect" / f"{folder}-sample", results / "speed" / f"{case}.json"]
    wanted += [results / "noise" / f"{case}{end}.json" for end in ("", "-times")]
    return [path for path in wanted if path.exists()]


def edits(project: Project, edit: Callable[[Path], str]) -> dict[Path, str]:
    """Return the files of bounds and claims that an edit changes; print the changes."""
    paths = [path for path in (project.bounds, project.claims) if path and path.exists()]
    before = {path: path.read_text("utf-8") for path in paths}
    after = {path: edit(path) for path in paths}
    for path in paths:
        print(difference(before[path], after[path], file=shown(path, project.root)), end="")
    return {path: text for path, text in after.items() if text != before[path]}


def without(path: Path, case: str) -> str:
    """Return the text of a file of bounds or claims without a case, and what is claimed of it."""
    toml = read_toml(path, mend="It holds bounds or claims.", infinite=True)
    claims = toml.document.get("claims", {})
    gone = {name for name, told in claims.items() if case in _values(told)}
    kept = [
        text
        for keys, text in blocks(toml.text)
        if keys[:1] != (case,) and not (keys[:1] == ("claims",) and gone & {*keys[1:2]})
    ]
    wanted = {key: value for key, value in toml.document.items() if key != case}
    if gone:
        wanted["claims"] = {name: told for name, told in claims.items() if name not in gone}
    return checked(path, "".join(kept), wanted)


def checked(path: Path, text: str, wanted: dict[str, Any]) -> str:
    """Return an edited text that holds just what is wanted, or raise a UserError."""
    found = tomllib.loads(text)
    if not wanted.get("claims", True):
        del wanted["claims"]
    if found != wanted:
        raise UserError(f"{path} is written in a way that cannot be edited. Do it by hand.")
    return text


HEADER = re.compile(r"^[ \t]*\[[^\[\],\n]+\][ \t]*(?:#.*)?$", re.MULTILINE)
COMMENTS = re.compile(r"(?:^[ \t]*#.*\n)+\Z", re.MULTILINE)


def blocks(text: str) -> Iterator[Block]:
    """Split a text of TOML before each table, or the comment right above it."""
    start, keys = 0, Keys()
    for header in HEADER.finditer(text):
        above = COMMENTS.search(text, start, header.start())
        end = above.start() if above else header.start()
        yield keys, text[start:end]
        start, keys = end, _keys(header[0])
    yield keys, text[start:]


def _keys(header: str) -> Keys:
    table, keys = tomllib.loads(header), Keys()
    while table:
        ((key, table),) = table.items()
        keys += (key,)
    return keys


def _values(told: object) -> list[object]:
    """Return the values of a claim, those in lists too."""
    values = list(told.values()) if isinstance(told, dict) else []
    return [each for value in values for each in (value if isinstance(value, list) else [value])]
