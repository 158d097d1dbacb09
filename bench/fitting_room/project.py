"""The project at hand: what it trains, and where its bounds, claims and results lie.

Its ``pyproject.toml`` tells both. Reading it imports nothing but the project's own metrics, if it
has any; what else ``module:name`` stands for is imported once, when it is first asked for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from fitting_room.errors import UserError, named, nearest
from fitting_room.metrics import COLUMNS, Metric, declare, targets
from fitting_room.reading import read_toml
from fitting_room.spec import TASKS, Case, Pin, Task

T = TypeVar("T")

FILE = "pyproject.toml"
TABLE = "[tool.fitting-room]"

OBJECT = "^[^:]+:[^:]+$"
Object = Annotated[str, msgspec.Meta(pattern=OBJECT)]
Share = Annotated[float, msgspec.Meta(gt=0, le=1)]

OBJECTS = ("tasks", "cases", "instead", "exercises", "variants", "slowdowns", "peers", "metrics")
"""Keys that hold ``module:name``: of a list, or of a mapping by name."""
KEYS: dict[str, Any] = {
    **dict.fromkeys(OBJECTS, Object),
    **dict.fromkeys(("bounds", "claims", "pins", "results", "badges"), str),
    **dict.fromkeys(("pages", "pictures", "columns"), list[str]),
    "noise": dict[str, Share],
}
"""Key of the table → type of its value; paths are relative to the file."""

EXAMPLE = f"""{TABLE}
tasks = "bench.tasks:TASKS"  # module:name of a list of fitting_room.spec.Task
cases = "bench.cases:CASES"  # module:name of a list of fitting_room.spec.Case
bounds = "bounds.toml"
results = "results"
"""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A case that is crippled on purpose, or as it is, and what was done to it."""

    case: Case
    words: str
    red: bool = True
    """Whether the gate must notice it; False for what it is known to miss."""


@dataclass(frozen=True, kw_only=True)
class Slowdown:
    """What is done to one side of an A/B timing of a checkout against itself."""

    case: Case
    checkout: Callable[[], AbstractContextManager[Path]]
    """Gives head's folder, for as long as the timing lasts."""
    words: str
    red: bool
    """Whether the judge of seconds must notice it."""


class _Named(cached_property[Mapping[str, T]]):
    """What a key of ``OBJECTS`` stands for, by name; imported when it is first asked for."""

    def __init__(self, key: str) -> None:
        super().__init__(lambda project: project._mapping(key))


@dataclass(frozen=True, kw_only=True)
class Project:
    """What a table ``[tool.fitting-room]`` says."""

    root: Path
    """The folder of the file, where modules are looked for."""
    objects: Mapping[str, str]
    """Key, of ``OBJECTS`` → ``module:name``; those that the table leaves out are empty."""
    bounds: Path
    claims: Path | None
    """None where nothing was published."""
    results: Path
    pins: Path
    """Checksums and looks of the tasks' data."""
    pages: tuple[Path, ...] = ()
    """Markdown files whose blocks ``readme`` fills, where it is given none."""
    pictures: tuple[str, ...] = ()
    """Plots that the pages show, by name: they are committed."""
    noise: Mapping[str, float] = field(default_factory=dict)
    """Cases that ``noise`` takes where it is given none → the share of the training images that a
    timed epoch has, so that it lasts about a second."""
    columns: tuple[str, ...] = ()
    """Metrics that tables show, in their order; none stands for the usual ones."""
    badges: Path | None = None
    """Folder of one file a case for a badge; None where none is wanted."""

    @cached_property
    def tasks(self) -> Mapping[str, Task]:
        """Name → task with what its data is known by, in the order of the tables.

        Raises:
            UserError: One has another name than its key or a target of no metric of an epoch, or
                the file of pins cannot be meant.
        """
        tasks = self._mapping("tasks")
        for name, task in tasks.items():
            if task.name != name:
                raise UserError(f"The task {name!r} is called {task.name!r}. Give both one name.")
            for metric in task.targets:
                if metric not in targets():
                    told = f"The task {name!r} has a target of {metric!r}, which no epoch has."
                    raise UserError(f"{told} {nearest(metric, targets())}")
        mend = "Take that table out, and let `fitting-room data --pin` write it."
        pins = _pins(self.pins, mend) if self.pins.exists() else {}
        titles = {name: name[:1].upper() + name[1:].replace("_", " ") for name in tasks}
        return {
            name: replace(task, pin=pins.get(name), title=task.title or titles[name])
            for name, task in tasks.items()
        }

    def use(self) -> None:
        """Make its tasks and its code those of this process."""
        tasks = dict(self.tasks)
        TASKS.clear()
        TASKS.update(tasks)
        _USED[:] = [self]

    cases = _Named[Case]("cases")
    """Name → case, in the order of the tables."""
    instead = _Named[str]("instead")
    """Case → the case that is trained where the precision of the first is emulated."""
    exercises = _Named[Any]("exercises")
    """Name → ``studies.exercises.Exercise``, in the order in which they are told."""
    variants = _Named[Variant]("variants")
    """Name → case that is crippled on purpose, to see that the gate notices."""
    slowdowns = _Named[Slowdown]("slowdowns")
    """Name → what is done to an A/B timing, to see that the judge of seconds notices."""
    peers = _Named[Mapping[str, str]]("peers")
    """Case → words → ``module:function`` of a plain loop that trains the same."""

    @cached_property
    def exercise_cases(self) -> Mapping[str, Case]:
        """Name → case of every point; those of the tables are among them."""
        return {
            case.name: case for each in self.exercises.values() for case in each.points.values()
        }

    @cached_property
    def known(self) -> Mapping[str, Case]:
        """Name → case of all that may have committed records."""
        return {**self.exercise_cases, **self.cases}

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """The project's own, beside those that every record has."""
        found, where = self._object("metrics", list | tuple, "list of fitting_room.metrics.Metric")
        wrong = [each for each in found if not isinstance(each, Metric)]
        if wrong:
            raise UserError(f"{where} {wrong[0]!r} in it is no fitting_room.metrics.Metric.")
        return tuple(found)

    def case(self, name: str) -> Case:
        """Return the case of that name, or raise a UserError that names the nearest."""
        return named("case", name, self.cases)

    def exercise(self, name: str) -> Any:
        """Return the exercise of that name, or raise a UserError that names the nearest."""
        return named("exercise", name, self.exercises)

    def _mapping(self, key: str) -> Mapping[str, Any]:
        found, where = self._object(key, Mapping | list | tuple, f"list or mapping of {key}")
        if isinstance(found, Mapping):
            return found
        named = {getattr(each, "name", ""): each for each in found}
        if len(named) < len(found) or "" in named:
            raise UserError(f"{where} one of them has no name of its own. Give it one.")
        return named

    def _object(self, key: str, kind: Any, words: str) -> tuple[Any, str]:
        """Return what a key stands for, and how a sentence on what is wrong with it begins."""
        if key not in self.objects:
            return {}, ""
        told = self.objects[key]
        module, _, name = told.partition(":")
        where = f'{self.root / FILE}: {TABLE} has {key} = "{told}", but'
        found = getattr(_imported(module, self.root, where), name, None)
        if not isinstance(found, kind):
            there = f"{name} there, which is no {words.split()[0]}"
            has = "no such name" if found is None else there
            raise UserError(f"{where} {module} has {has}. Name a {words}.")
        return found, where


_USED: list[Project] = []


def used() -> Project | None:
    """Return the project whose tasks are those of this process, if it is one's."""
    return _USED[0] if _USED else None


def _imported(module: str, root: Path, where: str) -> Any:
    """Import a module, which may lie in the root folder."""
    if str(root) not in sys.path:
        sys.path.append(str(root))
    try:
        return import_module(module)
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(
            f"{error.name}."
        )
        why = f"there is no module {error.name}" if missing else f"importing it failed: {error}"
        raise UserError(
            f"{where} {why}. Name a module that lies under {root}, or that is installed."
        ) from error


def current(*folders: Path) -> Project:
    """Return the project of the first folder that lies in one, and declare metrics and columns.

    Each folder is looked at with all folders above it, nearest first.

    Raises:
        UserError: None lies in a project, its table cannot be meant, or its metrics or columns
            cannot be used.
    """
    for folder in folders:
        for each in (folder, *folder.parents):
            if found := read_project(each):
                _declare(found)
                return found
    raise UserError(
        f"There is no {FILE} with a table {TABLE} in {folders[0]} or a folder above it. "
        f"Write one beside your code:\n\n{EXAMPLE}"
    )


def _declare(project: Project) -> None:
    known = (*COLUMNS, *(metric.name for metric in project.metrics))
    file = project.root / FILE
    for number, name in enumerate(project.columns):
        where = f"{file}: columns in {TABLE}"
        if name not in known:
            raise UserError(f"{where} has no column {name!r} to show. {nearest(name, known)}")
        if name in project.columns[:number]:
            raise UserError(f"{where} has {name!r} twice. Take one out.")
    try:
        declare(project.metrics, columns=project.columns)
    except ValueError as error:
        raise UserError(f"{file}: metrics in {TABLE} cannot be used: {error}.") from None


@cache
def read_project(folder: Path) -> Project | None:
    """Return the project of a folder, or None where its file is missing or has no table.

    Raises:
        UserError: The file is no TOML, or its table has an unknown key or a value that is no text.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    toml = read_toml(path, mend="It holds the project's settings.", infinite=True)
    tools = toml.document.get("tool", {})
    table = tools.get("fitting-room") if isinstance(tools, dict) else None
    if table is None:
        return None
    if not isinstance(table, dict) or "cases" not in table:
        raise UserError(f"{path}: {TABLE} needs a line cases, such as\n\n{EXAMPLE}")
    for key, value in table.items():
        if key not in KEYS:
            raise UserError(f"{path}: {TABLE} has no key {key!r}. {nearest(key, KEYS)}")
        try:
            msgspec.convert(value, KEYS[key])
        except msgspec.ValidationError as error:
            told = str(error).replace(f"`str` matching regex '{OBJECT}'", "module:name")
            raise UserError(f"{path}: {key} in {TABLE} cannot be {value!r}: {told}.") from error
    return Project(
        root=folder,
        objects={key: table[key] for key in OBJECTS if key in table},
        bounds=folder / table.get("bounds", "bounds.toml"),
        claims=folder / table["claims"] if "claims" in table else None,
        results=folder / table.get("results", "results"),
        pins=folder / table.get("pins", "data.toml"),
        pages=tuple(folder / page for page in table.get("pages", ["README.md"])),
        pictures=tuple(table.get("pictures", ())),
        noise=table.get("noise", {}),
        columns=tuple(table.get("columns", ())),
        badges=folder / table["badges"] if "badges" in table else None,
    )


def _pins(path: Path, mend: str) -> dict[str, Pin]:
    """Return the pins of a file, by task, or raise a UserError that says how to mend it."""
    try:
        return msgspec.convert(read_toml(path, mend=mend).document, dict[str, Pin])
    except msgspec.ValidationError as error:
        raise UserError(f"{path} cannot be read: {error}. {mend}") from error


def from_here(path: Path) -> Path:
    """Return a path as a person in the working directory writes it, if it lies below that."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def shown(path: Path, root: Path) -> str:
    """Return a path as seen from the root folder."""
    return os.path.relpath(path, root)
