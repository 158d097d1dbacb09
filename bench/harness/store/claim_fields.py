"""The fields of a claims file: how they are read, and how their mistakes are told."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.harness.errors import UserError, nearest
from bench.harness.judge.claims import OUTCOMES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

INTEGERS = ("epoch", "image", "label")
TEXTS = ("note", "described", "watches", "better", "expected")
KEYS = ("published", "value", "low", "high", "source", *INTEGERS, *TEXTS)


def parse(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Name a claims file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # Its message ends with "(at line 3, column 7)".
        raise UserError(f"{path} is no valid TOML: {error}. Mend that line.") from error


def table(path: Path, name: str, value: object, content: str) -> dict[str, Any]:
    """Return a value that has to be a table."""
    if not isinstance(value, dict):
        raise UserError(f"{path}: {name} must be a table of {content}.")
    return value


def interval(path: Path, name: str, fields: Mapping[str, Any]) -> tuple[float, float]:
    """Return the ends of a figure: ``value`` twice, or ``low`` and ``high``."""
    given = [key for key in ("value", "low", "high") if key in fields]
    must(
        given in (["value"], ["low", "high"]), path, f"{name} needs either value, or low and high."
    )
    for key in given:
        number = isinstance(fields[key], int | float) and not isinstance(fields[key], bool)
        must(number, path, f"{key} in {name} must be a number, not {fields[key]!r}.")
    low, high = float(fields[given[0]]), float(fields[given[-1]])
    must(low <= high, path, f"low in {name} must not be above high.")
    return low, high


def known(path: Path, kind: str, name: str, names: Iterable[str]) -> None:
    """Refuse a name that is none of the known, and suggest the nearest."""
    listed = list(names)
    must(name in listed, path, f"there is no {kind} {name!r}. {nearest(name, listed)}")


def must(condition: bool, path: Path, message: str) -> None:
    """Refuse the file, with a message that begins with its name."""
    if not condition:
        raise UserError(f"{path}: {message}")


@contextmanager
def ruled(path: Path, place: str) -> Iterator[None]:
    """Tell a ValueError with the file and the claim that is wrong."""
    try:
        yield
    except ValueError as error:
        raise UserError(f"{path}: {place} {error}") from error


def options(path: Path, place: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that a figure may leave out, of the right type and with known names."""
    for key, kind in (*dict.fromkeys(INTEGERS, int).items(), *dict.fromkeys(TEXTS, str).items()):
        value = fields.get(key, kind())
        fits = isinstance(value, kind) and not isinstance(value, bool)
        must(fits, path, f"{key} in {place} must be {kind.__name__}, not {value!r}.")
    names = {"expected": OUTCOMES, "better": ("higher", "lower")}
    for key in names.keys() & fields.keys():
        known(path, f"{key} in {place}", fields[key], names[key])
    return {key: fields[key] for key in (*INTEGERS, *TEXTS) if key in fields}
