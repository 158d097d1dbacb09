"""``remove`` and ``rename``: the stored files of a case that the project no longer has."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from fitting_room.cli import Subparsers, add_command
from fitting_room.cli.session import add_options
from fitting_room.errors import UserError
from fitting_room.format import difference
from fitting_room.project import Project, shown
from fitting_room.reading import read_json, read_toml
from fitting_room.record import Record
from fitting_room.report.bounds import HEADER, keys_of
from fitting_room.report.model import card
from fitting_room.spec import Case, TrialSpec, folder_of
from fitting_room.store.bounds import reference_folders
from fitting_room.store.key import quality_key
from fitting_room.store.records import (
    SPEED_AGAIN,
    SPEED_SCHEMA,
    Models,
    Speed,
    Store,
    encoded,
    read_record,
    write_speed,
    write_whole,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RECORDS = ("reference", "exercises", "trials")
FOLDERS = ("exercises", "trials", "models", "inspect")
"""Folders of the results that have one for each case, beside those of references."""

NOT_YET = "Nothing is changed yet. Review the above, then repeat the command with --apply."

Keys = tuple[str, ...]


def register(subparsers: Subparsers) -> None:
    """Add both commands."""
    parser = add_command(subparsers, "remove", remove)
    parser.add_argument("case", help="its name, which the list of cases no longer has")
    parser.add_argument("--apply", action="store_true", help="remove what is shown")
    add_options(parser, "--results")
    parser = add_command(subparsers, "rename", rename)
    parser.add_argument("old", help="its name until now, which the list of cases no longer has")
    parser.add_argument("new", help="its name in the list of cases")
    parser.add_argument("--apply", action="store_true", help="rename what is shown")
    add_options(parser, "--results")


def remove(arguments: argparse.Namespace) -> int:
    """Show what is left of a case: files, bounds and claims; with ``--apply`` remove it."""
    case, results = arguments.case, arguments.results
    _check_gone(case, arguments.project)
    files = _edits(arguments.project, lambda path: _without(path, case))
    paths = _traces(results, case)
    if not files and not paths:
        raise UserError(
            f"Nothing is left of {case!r}: no record under {results}, no bound, no claim."
        )
    for path in paths:
        print(f"remove {path}")
    if not arguments.apply:
        print(NOT_YET)
        return 0
    for path, text in files.items():
        write_whole(path, text.encode())
    for path in paths:
        _delete(path)
    print("Removed.")
    return 0


def rename(arguments: argparse.Namespace) -> int:
    """Show what has the old name: files, bounds and claims; with ``--apply`` rename it."""
    old, results = arguments.old, arguments.results
    new: Case = arguments.project.case(arguments.new)
    _check_gone(old, arguments.project)
    if taken := _traces(results, new.name):
        raise UserError(f"{taken[0]} is there already. Remove it, or give the case another name.")
    files = _edits(arguments.project, lambda path: _renamed_in(path, old, new.name))
    paths = _traces(results, old)
    if not files and not paths:
        raise UserError(f"Nothing under {results} has the name {old!r}.")
    for path in paths:
        print(f"rename {path}")
    # Before anything is written: it refuses what is of another task.
    records = {path: _renamed(path, new) for path in paths}
    if not arguments.apply:
        print(NOT_YET)
        return 0
    for path in paths:
        _rename(path, records[path], new, results)
    for path, text in files.items():
        write_whole(path, text.encode())
    print("Renamed.")
    return 0


def _check_gone(case: str, project: Project) -> None:
    if case in project.known:
        raise UserError(f"{case} is a case of this project. Take it out of its code first.")


def _traces(results: Path, case: str) -> list[Path]:
    """Return the files and folders of a case that there are under the results."""
    folder = folder_of(case)
    wanted = [each / folder for each in reference_folders(results)]
    wanted += [results / name / folder for name in FOLDERS]
    wanted += [results / "inspect" / f"{folder}-sample"]
    wanted += [results / room / f"{case}.json" for room in ("speed", "peers")]
    wanted += [results / "noise" / f"{case}{end}.json" for end in ("", "-times")]
    return [path for path in wanted if path.exists()]


def _delete(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _renamed(path: Path, new: Case) -> list[Record]:
    """Return a folder's records under the new name, with the keys that the name is part of."""
    found = []
    for record in map(read_record, sorted(path.glob("seed-*.json"))):
        spec = _under(record.spec, new)
        found.append(replace(record, spec=spec, key=quality_key(spec, record.provenance)))
    return found


def _under(spec: TrialSpec, new: Case) -> TrialSpec:
    then = spec.case
    if then.task != new.task:
        raise UserError(
            f"{then.name} is of another task than {new.name}. Name a case of the same task."
        )
    case = replace(then, architecture=new.architecture, builder=new.builder, variant=new.variant)
    return replace(spec, case=case)


def _rename(path: Path, records: list[Record], new: Case, results: Path) -> None:
    room = path.relative_to(results).parts[0]
    if room in RECORDS:
        for record in records:
            Store(path.parent).put(record)
    elif room == "models":
        models = Models(results / room, card)
        for record in records:
            models.file(record.spec).parent.mkdir(parents=True, exist_ok=True)
            models.put(record, path / models.file(record.spec).name)
    elif room == "speed":
        speed = read_json(path, Speed, what="times", schema=SPEED_SCHEMA, mend=SPEED_AGAIN)
        write_speed(path.parent, replace(speed, spec=_under(speed.spec, new)))
    elif room in ("noise", "peers"):
        document = msgspec.json.decode(path.read_bytes()) | {"case": new.name}
        end = "-times" if path.stem.endswith("-times") else ""
        write_whole(path.with_name(f"{new.name}{end}.json"), encoded(document))
    else:  # pictures, whose titles say the name
        path.rename(path.with_name(folder_of(new.name) + "-sample" * path.stem.endswith("-sample")))
        return
    _delete(path)


def _edits(project: Project, edit: Callable[[Path], str]) -> dict[Path, str]:
    """Return the files of bounds and claims that an edit changes; print the changes."""
    changed: dict[Path, str] = {}
    for path in (project.bounds, project.claims):
        if path and path.exists():
            before, after = path.read_text("utf-8"), edit(path)
            print(difference(before, after, file=shown(path, project.root)), end="")
            if after != before:
                changed[path] = after
    return changed


def _without(path: Path, case: str) -> str:
    """Return the text of a file of bounds or claims without a case, and the claims about it."""
    toml = read_toml(path, mend="It holds bounds or claims.", infinite=True)
    claims = toml.document.get("claims", {})
    gone = {name for name, told in claims.items() if case in _values(told)}
    kept = [
        text
        for keys, text in _blocks(toml.text)
        if keys[:1] != (case,) and not (keys[:1] == ("claims",) and gone & {*keys[1:2]})
    ]
    wanted = {key: value for key, value in toml.document.items() if key != case}
    if gone:
        wanted["claims"] = {name: told for name, told in claims.items() if name not in gone}
    return _checked(path, "".join(kept), wanted)


def _renamed_in(path: Path, old: str, new: str) -> str:
    """Return the text of a file of bounds or claims in which a case has its new name."""
    toml = read_toml(path, mend="It holds bounds or claims.", infinite=True)
    wanted = {new if key == old else key: value for key, value in toml.document.items()}
    if "claims" in wanted:
        wanted["claims"] = _replaced(wanted["claims"], old, new)
    if new in toml.document and old in toml.document:
        raise UserError(f"{path} has both [{old}] and [{new}]. Remove one of them by hand.")
    text = "".join(_in_block(*each, old, new) for each in _blocks(toml.text))
    return _checked(path, text, wanted)


def _checked(path: Path, text: str, wanted: dict[str, Any]) -> str:
    """Return an edited text that holds just what is wanted, or raise a UserError."""
    if not wanted.get("claims", True):
        del wanted["claims"]
    if tomllib.loads(text) != wanted:
        raise UserError(f"{path} is written in a way that this cannot edit. Edit it by hand.")
    return text


COMMENTS = re.compile(r"(?:^[ \t]*#.*\n)+\Z", re.MULTILINE)


def _blocks(text: str) -> Iterator[tuple[Keys, str]]:
    """Yield the keys of each table of TOML, and its text with the comment right above it."""
    start, keys = 0, Keys()
    for header in HEADER.finditer(text):
        above = COMMENTS.search(text, start, header.start())
        end = above.start() if above else header.start()
        yield keys, text[start:end]
        start, keys = end, keys_of(header[0])
    yield keys, text[start:]


def _values(told: object) -> list[object]:
    """Return the values of a claim, those in lists too."""
    values = list(told.values()) if isinstance(told, dict) else []
    return [each for value in values for each in (value if isinstance(value, list) else [value])]


def _in_block(keys: Keys, text: str, old: str, new: str) -> str:
    if keys[:1] == ("claims",):
        return re.sub(rf"""(["']){re.escape(old)}\1""", json.dumps(new), text)
    if keys[:1] != (old,):
        return text
    bare = new if re.fullmatch(r"[\w-]+", new, re.ASCII) else json.dumps(new)
    header = rf"""(?m)^([ \t]*\[[ \t]*)(["']?){re.escape(old)}\2"""
    return re.sub(header, lambda found: f"{found[1]}{bare}", text, count=1)


def _replaced(value: Any, old: str, new: str) -> Any:
    """Return values with one text in the place of another, however deep they lie."""
    if isinstance(value, dict):
        return {key: _replaced(each, old, new) for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, old, new) for each in value]
    return new if value == old else value
