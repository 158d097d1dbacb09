"""``python -m bench rename``: what is stored of a case goes by its new name."""

from __future__ import annotations

import argparse
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from fitting_room.cli import COMMANDS
from fitting_room.cli.remove import NOT_YET, Keys, blocks, check_gone, checked, edits, traces
from fitting_room.cli.session import add_options
from fitting_room.errors import UserError
from fitting_room.record import Record
from fitting_room.report.model import card
from fitting_room.spec import Case, TrialSpec, folder_of
from fitting_room.store.key import quality_key
from fitting_room.store.reading import read_json, read_toml
from fitting_room.store.records import (
    SPEED_AGAIN,
    SPEED_SCHEMA,
    Models,
    Speed,
    Store,
    read_record,
    write_speed,
    write_whole,
)


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("rename", help=COMMANDS["rename"])
    parser.add_argument("old", help="its name until now; it is in no list of cases any more")
    parser.add_argument("new", help="its name in the list of cases")
    parser.add_argument("--apply", action="store_true", help="rename what is shown")
    add_options(parser, "--results")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Show what goes by the old name: files, bounds and claims; with ``--apply`` rename it."""
    old, results = arguments.old, arguments.results
    new: Case = arguments.project.case(arguments.new)
    check_gone(old, arguments.project)
    if taken := traces(results, new.name):
        raise UserError(f"{taken[0]} is there already. Remove it, or give the case another name.")
    files = edits(arguments.project, lambda path: renamed_in(path, old, new.name))
    paths = traces(results, old)
    if not files and not paths:
        raise UserError(f"Nothing goes by the name of {old!r} under {results}.")
    for path in paths:
        print(f"rename {path}")
    records = {path: [renamed(read_record(p), new) for p in sorted(path.glob("seed-*.json"))]
               for path in paths if path.is_dir()}  # fmt: skip
    if not arguments.apply:
        print(NOT_YET)
        return 0
    for path in paths:
        _rename(path, records.get(path, []), new, results)
    for path, text in files.items():
        write_whole(path, text.encode())
    print("Renamed.")
    return 0


def _rename(path: Path, records: list[Record], new: Case, results: Path) -> None:
    room = path.relative_to(results).parts[0]
    if room in ("reference", "exercises", "trials"):
        for record in records:
            Store(results / room).put(record)
    elif room == "models":
        models = Models(results / room, card)
        for record in records:
            models.file(record.spec).parent.mkdir(parents=True, exist_ok=True)
            models.put(record, path / models.file(record.spec).name)
    elif room == "speed":
        speed = read_json(path, Speed, what="times", schema=SPEED_SCHEMA, mend=SPEED_AGAIN)
        write_speed(path.parent, replace(speed, spec=_under(speed.spec, new)))
    elif room == "noise":
        document = msgspec.json.decode(path.read_bytes()) | {"case": new.name}
        end = "-times" if path.stem.endswith("-times") else ""
        text = msgspec.json.format(msgspec.json.encode(document)) + b"\n"
        write_whole(path.with_name(f"{new.name}{end}.json"), text)
    else:  # pictures, whose titles say the name
        path.rename(path.with_name(folder_of(new.name) + "-sample" * path.stem.endswith("-sample")))
        return
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _under(spec: TrialSpec, new: Case) -> TrialSpec:
    then = spec.case
    if then.task != new.task:
        raise UserError(f"{then.name} is of another task than {new.name}: it is no new name of it.")
    case = replace(then, architecture=new.architecture, builder=new.builder, variant=new.variant)
    return replace(spec, case=case)


def renamed(record: Record, new: Case) -> Record:
    """Return a record under the new name of its case, with the key that the name is part of."""
    spec = _under(record.spec, new)
    return replace(record, spec=spec, key=quality_key(spec, record.provenance))


def renamed_in(path: Path, old: str, new: str) -> str:
    """Return the text of a file of bounds or claims in which a case has its new name."""
    toml = read_toml(path, mend="It holds bounds or claims.", infinite=True)
    wanted = {new if key == old else key: value for key, value in toml.document.items()}
    if "claims" in wanted:
        wanted["claims"] = _replaced(wanted["claims"], old, new)
    if new in toml.document and old in toml.document:
        raise UserError(f"{path} has both [{old}] and [{new}]. Remove one of them by hand.")
    return checked(path, "".join(_block(*each, old, new) for each in blocks(toml.text)), wanted)


def _block(keys: Keys, text: str, old: str, new: str) -> str:
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
