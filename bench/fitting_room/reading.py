"""Stored files: read whole and checked, or refused with a UserError that says how to mend them."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from fitting_room.errors import UserError, nearest
from fitting_room.format import is_accuracy
from fitting_room.metrics import is_own
from fitting_room.spec import NAME, VARIANT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MEBIBYTE = 2**20
MOST_MIB = 16
"""A file of JSON may have that many MiB; the largest that is committed has less than one."""

MOST_MIB_OF_TOML = 1

DEEPEST = 32
"""Tables and lists inside one another in a TOML file."""

LARGEST = 2**63
"""Integers of TOML have 64 bits."""

UNREADABLE = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)
"""All that decoding raises: text that is not UTF-8 and too many digits are ValueErrors."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

NAME_IN_WORDS = "of letters, digits and _ . = + ~ -, without two dots in a row"

Kind = TypeVar("Kind")


def read_bytes(path: Path, *, mend: str, most_mib: int = MOST_MIB) -> bytes:
    """Return the content of a file, of which no more than ``most_mib`` is ever read.

    ``mend`` is one sentence for a person: what to do about a file that is refused.

    Raises:
        UserError: It cannot be read, is too large, or begins with a byte-order mark.
    """
    most = most_mib * MEBIBYTE
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. {mend}") from None
    if len(content) > most:
        raise UserError(f"{path} has more than the {most_mib} MiB that are expected. {mend}")
    if content.startswith(BYTE_ORDER_MARK):
        raise UserError(
            f"{path}:1: it begins with a byte-order mark. Save it as UTF-8 without one."
        )
    return content


class _Head(msgspec.Struct):
    schema: int | None = None


def read_json(path: Path, kind: type[Kind], *, what: str, schema: int, mend: str) -> Kind:
    """Return what a file of JSON holds, every value of it checked against its type.

    Messages call it ``what``, such as ``record``, and end with ``mend``: see ``read_bytes``. This
    version reads the format with that schema number.

    Raises:
        UserError: It cannot be read, is damaged, of another schema, or a value is out of range.
    """
    content = read_bytes(path, mend=mend)
    try:
        found = msgspec.json.decode(content, type=_Head).schema
        if found == schema:
            return msgspec.json.decode(content, type=kind)
    except UNREADABLE as error:
        raise UserError(f"{path} is no readable {what}: {told(error, content)}. {mend}") from None
    raise UserError(f"{path} has {what} schema {found}; this version reads {schema}. {mend}")


def told(error: Exception, content: bytes = b"") -> str:
    """Say why something could not be decoded, with the line where that is known."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if isinstance(error, RecursionError):
        return "its values lie too deep inside one another"
    if found := re.search(r"\(byte (\d+)\)", str(error)):
        line = content.count(b"\n", 0, int(found[1])) + 1
        return f"{str(error)[: found.start()]}(line {line})"
    words = str(error)
    for pattern in (NAME, VARIANT):
        words = words.replace(f"matching regex {pattern!r}", NAME_IN_WORDS)
    return words


@dataclass(frozen=True, kw_only=True)
class Toml:
    """A TOML file, with its text to tell where in it something is wrong."""

    path: Path
    text: str
    document: dict[str, Any]

    def line(self, table: str, key: str = "") -> int:
        """Return the number of the line that holds a table's header, or a key below it."""
        lines = self.text.splitlines()
        start = _header(lines, table)
        while start < 0 and "." in table:  # written below the header of an outer table
            table, key = table.rsplit(".", 1)
            start = _header(lines, table)
        start = max(start, 0)
        wanted = rf'(.*[\[.{{,]\s*|\s*)"?{re.escape(key)}"?\s*[=.\]]'
        found = (i for i, line in enumerate(lines) if i >= start and re.match(wanted, line))
        return (next(found, start) if key else start) + 1

    def refuse(self, problem: str, table: str, key: str = "") -> UserError:
        """Return the error that names file, line, table and key."""
        where = f"[{table}] {key}".rstrip() if table else key
        return UserError(f"{self.path}:{self.line(table, key)}: {where}: {problem}")

    @contextmanager
    def place(self, table: str, key: str = "") -> Iterator[None]:
        """Let a ValueError in the block be one of a table, or of a key in it: see ``refuse``."""
        try:
            yield
        except ValueError as error:
            words = told(error)
            end = "" if words.endswith((".", "?")) else "."
            raise self.refuse(f"{words}{end}", table, key) from None


def _header(lines: list[str], table: str) -> int:
    """Return the index of the line with the header of a table; -1 where none has it."""
    if not table:
        return 0
    name = r'"?\s*\.\s*"?'.join(map(re.escape, table.split(".")))
    header = rf'\s*\[+\s*"?{name}"?\s*[\].]|\s*"?{name}"?\s*[.=]'
    return next((i for i, line in enumerate(lines) if re.match(header, line)), -1)


def read_toml(path: Path, *, mend: str, infinite: bool = False) -> Toml:
    """Return the content of a TOML file, whose numbers can all be meant; see ``read_bytes``.

    ``inf`` has a meaning in it only where it may be ``infinite``; ``nan`` never has one.

    Raises:
        UserError: It cannot be read, is not TOML, nests too deeply, or a number cannot be meant;
            the message has the line and the key.
    """
    endless = (math.inf, -math.inf) if infinite else ()
    content = read_bytes(path, mend=mend, most_mib=MOST_MIB_OF_TOML)
    try:
        text = content.decode("utf-8")
        found = Toml(path=path, text=text, document=tomllib.loads(text))
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text. Save it as UTF-8.") from None
    except (*UNREADABLE, AttributeError, TypeError) as error:  # some faults confuse the parser
        line = re.search(r"at line (\d+)", str(error))
        where = f"{path}:{line[1]}" if line else str(path)
        why = told(error) if isinstance(error, UNREADABLE) else "a key is given twice"
        raise UserError(f"{where}: this is not valid TOML: {why}. {mend}") from None
    for keys, value in _values(found):
        expected = ""
        if isinstance(value, int) and not -LARGEST <= value < LARGEST:
            expected = "whole number of at most 64 bits"
        elif isinstance(value, float) and not (math.isfinite(value) or value in endless):
            expected = "finite number"
        if expected:
            raise found.refuse(f"expected a {expected}, and found {brief(value)}.", *_place(keys))
    return found


Keys = tuple[str, ...]


def _values(toml: Toml) -> Iterator[tuple[Keys, Any]]:
    """Yield every single value of a file with its keys, without recursion: it may be hostile."""
    left: list[tuple[Keys, int, Any]] = [((), 0, toml.document)]
    while left:
        keys, depth, value = left.pop()
        if depth > DEEPEST:
            deep = f"tables and lists may lie {DEEPEST} deep inside one another, and these do more."
            raise toml.refuse(deep, *_place(keys[:2]))
        if isinstance(value, dict):
            left += [((*keys, key), depth + 1, each) for key, each in value.items()]
        elif isinstance(value, list):
            left += [(keys, depth + 1, each) for each in value]
        else:
            yield keys, value


def _place(keys: Keys) -> tuple[str, str]:
    return ".".join(keys[:-1]), keys[-1] if keys else ""


_UNKNOWN = re.compile(r"unknown field `(?P<key>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<key>[^`]*)`$")
_ONE_OF = re.compile(r"enum value '(?P<name>[^']*)' - at `\$\.(?P<key>\w+)`")
_PLACE = re.compile(r"at `\$\.(?P<key>\w+)")


def converted(fields: Mapping[str, Any], kind: type[Kind]) -> Kind:
    """Return a table of a TOML file as a value of ``kind``.

    Raises:
        ValueError: It lacks a key, has one too many, or one of a wrong type or out of range.
    """
    try:
        return msgspec.convert(fields, type=kind)
    except msgspec.ValidationError as error:
        raise ValueError(_mistake(str(error), fields, kind)) from None


def _mistake(message: str, fields: Mapping[str, Any], kind: type[Any]) -> str:
    known = kind.__struct_fields__
    if unknown := _UNKNOWN.search(message):
        return f"has an unknown key. {nearest(unknown['key'], known)}"
    if missing := _MISSING.search(message):
        return f"needs a line {missing['key']} = …"
    if one := _ONE_OF.search(message):
        hint = get_type_hints(kind)[one["key"]]
        names = [
            n for part in (hint, *get_args(hint)) for n in get_args(part) if isinstance(n, str)
        ]
        return f"has {one['key']} = {brief(fields[one['key']])}. {nearest(one['name'], names)}"
    what = message.split(" - at ")[0].replace("`", "").replace(" | null", "")
    place = _PLACE.search(message)
    has = f"has {place['key']} = {brief(fields[place['key']])}: " if place else ""
    return f"{has}{what[:1].lower()}{what[1:]}"


def as_table(value: object, content: str) -> dict[str, Any]:
    """Return a table, or raise a ValueError that says what it holds."""
    if not isinstance(value, dict):
        raise ValueError(f"expected a table of {content}, and found {brief(value)}")
    return value


def check_known(what: str, name: str, names: Iterable[str]) -> None:
    """Raise a ValueError that suggests the nearest where a name is none of the known."""
    if name not in (known := list(names)):
        verbs = f"fitting-room remove {name}, or rename {name} NEW"
        gone = f" If it was removed or renamed: {verbs}." if what == "case" else ""
        raise ValueError(f"{name!r} is no {what}. {nearest(name, known)}{gone}")


def check_amount(metric: str, key: str, number: float, *, signed: bool = False) -> None:
    """Raise a ValueError for per cents where fractions are meant, and for what is below nothing.

    A ``signed`` number is a difference, which may be open at an end.
    """
    fraction = metric == "probability" or is_accuracy(metric)
    if fraction and abs(number) > 1 and not (signed and math.isinf(number)):
        hint = f"; did you mean {number / 100:g}?" if abs(number) <= 100 else ""
        raise ValueError(f"has {key} = {number:g}, and {metric} is a fraction{hint}")
    if number < 0 and not signed and not is_own(metric):
        raise ValueError(f"has {key} = {number:g}, and {metric} is never negative")


def brief(value: object) -> str:
    """Return a value as messages show it: on one line, and not endless."""
    if isinstance(value, dict | list):
        return f"a {'table' if isinstance(value, dict) else 'list'} of {len(value)}"
    try:
        shown = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return shown if len(shown) <= 80 else f"{shown[:60]}… ({len(shown)} characters)"


def below(root: Path, *names: str) -> Path:
    """Return the path of ``names`` under a folder.

    Raises:
        UserError: It would lie outside: a name holds ``..``, or a link leads elsewhere.
    """
    path = root.joinpath(*names)
    if not path.resolve().is_relative_to(root.resolve()):
        raise UserError(
            f"{path} lies outside {root}. Remove the link or the name that leads there."
        )
    return path
