"""A study: a TOML file of candidates, architectures with recipes that are to be compared.

::

    title = "Small networks"         # of its table, as are the next two
    base = "small"                   # the candidate that the others are compared with

    [defaults]                       # what candidates share, and may replace key by key
    builder = "models.minimal:minimal"
    recipe = { epochs = 9, batch_size = 128, optimizer = "sgd" }

    [candidates.small]
    arguments = { body = "8 8 p 12 p 12" }
    about = "the smallest that might do"

    [candidates.rate]                # one candidate for each value, or for each combination
    vary = { learning_rate = [0.05, 0.1], body = ["8 8 p 12 p 12", "8 12 p 12 p 16"] }
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from itertools import product
from pathlib import Path
from typing import Any

import msgspec

from bench.harness.errors import UserError, nearest
from bench.harness.spec import TASKS, Case
from models.recipe import Recipe

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

UNFIT = re.compile(r"[^\w.=+-]+")
"""What a name of a candidate may not hold, since a folder has it."""


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """A table of the file."""

    builder: str = ""
    arguments: Mapping[str, int | float | str] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)
    vary: Mapping[str, list[Any]] = field(default_factory=dict)
    about: str = ""


@dataclass(frozen=True, kw_only=True)
class Study:
    """All of a file."""

    title: str
    base: str | None
    cases: Mapping[str, Case]
    """By candidate, in the order of the file."""
    about: Mapping[str, str]
    """Candidate → what it is, in words; its name where the file has none."""


SETTINGS = tuple(f.name for f in fields(Recipe))


KEYS = ("title", "base", "defaults", "candidates")


def read_study(path: Path, task: str) -> Study:
    """Read and check a file, as cases of ``task``.

    Raises:
        UserError: There is no such task, or the file cannot be read or be meant; the message names
            the candidate and the nearest known key.
    """
    if task not in TASKS:
        raise UserError(f"There is no task {task!r}. {nearest(task, TASKS)}")
    document = _document(path)
    for name in document.keys() - set(KEYS):
        raise UserError(f"{path}: there is no key {name!r}. {nearest(name, KEYS)}")
    shared = _entry(document.get("defaults", {}), f"{path}: [defaults]")
    found: dict[str, Case] = {}
    about: dict[str, str] = {}
    tables = document.get("candidates", {})
    if not isinstance(tables, dict):
        raise UserError(f"{path}: candidates must be tables such as [candidates.small].")
    for name, table in tables.items():
        where = f"{path}: [candidates.{name}]"
        entry = _entry(table, where)
        for full, recipe, arguments in _combinations(name, shared, entry):
            if full in found:
                raise UserError(f"{where}: there are two candidates {full!r}. Rename one.")
            builder = entry.builder or shared.builder
            found[full] = _case(task, full, builder, arguments, recipe, where)
            about[full] = full.replace(name, entry.about, 1) if entry.about else full
    if not found:
        raise UserError(f"{path} names no candidates. Add a table such as [candidates.small].")
    base = document.get("base")
    if base is not None and base not in found:
        raise UserError(f"{path}: base: there is no candidate {base!r}. {nearest(base, found)}")
    title = str(document.get("title", path.stem))
    return Study(title=title, base=base, cases=found, about=about)


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{path} cannot be read as TOML: {error}. It holds candidates.") from None


def _entry(table: Any, where: str) -> _Entry:
    known = [f.name for f in fields(_Entry)]
    for name in table if isinstance(table, dict) else ():
        if name not in known:
            raise UserError(f"{where}: there is no key {name!r}. {nearest(name, known)}")
    try:
        return msgspec.convert(table, _Entry)
    except msgspec.ValidationError as error:
        raise UserError(f"{where}: {error}.") from None


def _combinations(
    name: str, shared: _Entry, entry: _Entry
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield the name, recipe and arguments of every combination that an entry stands for."""
    vary = {**shared.vary, **entry.vary}
    for values in product(*vary.values()):
        chosen = dict(zip(vary, values, strict=True))
        parts = [name, *(f"{key}={value}" for key, value in chosen.items())]
        recipe = {**shared.recipe, **entry.recipe}
        recipe |= {key: value for key, value in chosen.items() if key in SETTINGS}
        arguments = {**shared.arguments, **entry.arguments}
        arguments |= {key: value for key, value in chosen.items() if key not in SETTINGS}
        yield UNFIT.sub("_", "-".join(parts)), recipe, arguments


def _case(
    task: str,
    name: str,
    builder: str,
    arguments: Mapping[str, Any],
    recipe: Mapping[str, Any],
    where: str,
) -> Case:
    for key in recipe:
        if key not in SETTINGS:
            raise UserError(f"{where}: a recipe has no {key!r}. {nearest(key, SETTINGS)}")
    if not builder.startswith("models."):  # what is there reads no data, and tests hold it to that
        found = f"not {builder!r}" if builder else "and there is none"
        raise UserError(f"{where}: its builder must be as models.minimal:minimal, {found}.")
    told = {"task": task, "architecture": name, "builder": builder, "arguments": dict(arguments)}
    try:
        return msgspec.convert({**told, "recipe": dict(recipe)}, Case)
    except msgspec.ValidationError as error:
        raise UserError(f"{where}: {error}.") from None
