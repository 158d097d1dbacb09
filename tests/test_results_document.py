"""The record format's document and the dataclasses say the same."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from records import make_record

from fitting_room.record import SCHEMA, Outcome, Record

DOCUMENT = (Path(__file__).parents[1] / "results" / "README.md").read_text(encoding="utf-8")
CELL = r" *([^|]*?) *\|"
ROW = re.compile(rf"^\| `([^`]+)` *\|{CELL}{CELL}{CELL}$", re.MULTILINE)
"""Key, type, unit and meaning; tables of fewer columns are about something else."""

WORDS = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "null"}


def documented() -> dict[str, str]:
    """Return key → type, as the document's tables have them."""
    return {key: kind for key, kind, _, _ in ROW.findall(DOCUMENT)}


def keys_of(cls: type, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the dotted key and the type, in the words of JSON, of every field below ``cls``."""
    for name, hint in typing.get_type_hints(cls).items():
        key = prefix + name
        yield key, word(hint)
        for inner in typing.get_args(hint) or (hint,):
            if dataclasses.is_dataclass(inner):
                dots = f"{key}[]." if typing.get_origin(hint) is tuple else f"{key}."
                yield from keys_of(typing.cast(type, inner), dots)


def word(hint: object) -> str:
    """Return what a type is called in JSON."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(word(each) for each in arguments if each is not msgspec.UnsetType)
    if origin is typing.Literal:
        return "string"
    if origin is tuple:
        inner = word(arguments[0])
        return f"list of {inner.replace('list', 'lists', 1) if 'list' in inner else f'{inner}s'}"
    if origin is Mapping:
        return f"object of {word(arguments[1]).replace(' or ', 's or ')}s"
    return "object" if dataclasses.is_dataclass(hint) else WORDS[typing.cast(type, hint)]


def keys_in(value: object, prefix: str = "") -> Iterator[str]:
    """Yield the dotted key of everything in a JSON value, lists by their first element."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield prefix + name
            yield from keys_in(inner, f"{prefix}{name}.")
    elif isinstance(value, list) and value:
        yield from keys_in(value[0], f"{prefix[:-1]}[].")


def test_every_field_is_documented_with_its_type() -> None:
    """The tables have the fields of ``Record``, all the way down, and no others."""
    assert documented() == dict(keys_of(Record))


def test_the_fields_are_those_of_a_written_record() -> None:
    """What JSON has beyond the documented keys are the entries of open mappings."""
    written = set(keys_in(msgspec.to_builtins(make_record())))
    mappings = ("spec.case.arguments.", "provenance.versions.", "provenance.settings.", "seconds.")
    assert {key for key in written - set(documented()) if not key.startswith(mappings)} == set()


def test_every_row_has_a_unit_and_a_meaning() -> None:
    """No cell of a table of keys is empty."""
    empty = [key for key, _, unit, meaning in ROW.findall(DOCUMENT) if not (unit and meaning)]
    assert empty == []


def test_every_outcome_is_explained() -> None:
    """The list of outcomes is that of the code."""
    section = DOCUMENT.split("## Outcomes")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)) == set(typing.get_args(Outcome))


def test_the_schema_number_is_the_current_one() -> None:
    """A new schema needs a new document."""
    assert f"schema {SCHEMA}" in DOCUMENT
