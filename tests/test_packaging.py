"""What the project asks of a machine: Pythons, packages, and two commands to copy."""

from __future__ import annotations

import configparser
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import pytest
from imports import ROOT, imports_of, module_of, sources
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from setuptools import find_packages

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PYTHONS = ("3.10", "3.11", "3.12", "3.13")

NEVER_IMPORTED = {
    "check-jsonschema": "a command: test_workflow.py runs it",
    "coverage": "a command, in tox",
    "distributed": "an engine loads it where one is named; test_cluster.py is skipped without",
    "ipykernel": "the kernel in which test_notebook.py runs the notebook",
    "mypy": "a command, in tox",
    "nbclient": "test_notebook.py asks for it by name, to be skipped where it is not there",
    "playwright": "test_page_browser.py asks for it by name, to be skipped where it is not there",
    "pytest-benchmark": "a pytest plugin: the timing suites ask for its fixture",
    "pytest-xdist": "a pytest plugin: `pytest -n 2` spreads the tests over the cores",
    "ruff": "a command, in tox",
    "tensorflow": "Keras loads its backend by name",
    "tox": "a command, which the README installs",
}
"""Why a dependency that no file imports is one. ``types-…`` packages are mypy's to read."""


def project() -> dict[str, Any]:
    """Return the ``project`` table of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return table


def requirements(*extras: str) -> list[Requirement]:
    """Return the core requirements and those of the extras."""
    table = project()
    chosen = [line for extra in extras for line in table["optional-dependencies"][extra]]
    return [Requirement(line) for line in [*table["dependencies"], *chosen]]


def pins() -> list[Requirement]:
    """Return the lines of constraints.txt, each a ``name==version`` with or without a marker."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    return [Requirement(line) for line in lines if not line.lstrip().startswith("#")]


def applies(requirement: Requirement, python: str) -> bool:
    """Whether the requirement's marker holds on that Python."""
    versions = {"python_version": python, "python_full_version": f"{python}.0"}
    return requirement.marker is None or requirement.marker.evaluate(versions)


def imported_packages(*folders: str) -> set[str]:
    """Return the canonical names of the installed packages that files of the folders import."""
    providers = metadata.packages_distributions()
    tops = {found.module.split(".")[0] for path in sources(*folders) for found in imports_of(path)}
    return {str(canonicalize_name(name)) for top in tops for name in providers.get(top, [])} - {
        "fitting-room"
    }


def names(found: list[Requirement]) -> set[str]:
    """Return the canonical names of requirements."""
    return {str(canonicalize_name(requirement.name)) for requirement in found}


def readme_command(name: str) -> str:
    """Return the fenced block that README.md marks with ``<!-- command: name -->``."""
    readme = (ROOT / "README.md").read_text("utf-8")
    found = re.search(rf"<!-- command: {name} -->\s+```bash\n(.+?)\n```", readme, re.DOTALL)
    assert found, f"README.md has no command marked {name!r}"
    return found[1]


def tox_environments() -> Iterator[str]:
    """Yield the names of the environments that tox.ini defines."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "tox.ini", encoding="utf-8")
    yield from (name.split(":")[1] for name in config.sections() if name.startswith("testenv:"))


@pytest.mark.parametrize(("python", "welcome"), [*((p, True) for p in PYTHONS), ("3.9", False)])
def test_supported_pythons(python: str, welcome: bool) -> None:
    """Exactly Python 3.10 to 3.13 may install the project."""
    assert SpecifierSet(project()["requires-python"]).contains(f"{python}.0") is welcome


def test_every_import_is_a_declared_dependency() -> None:
    """What the bench imports is a dependency, core or of a backend, whatever is installed."""
    declared = names(requirements("tensorflow", "jax", "torch", "cluster"))
    example = {"scikit-learn"}  # of `bench/docs`, for users who have it
    assert imported_packages("bench", "models") - declared - example == set()


def test_every_import_of_the_tests_is_declared() -> None:
    """What the tests import is a core or a dev dependency."""
    assert imported_packages("tests") - names(requirements("tensorflow", "dev")) == set()


def test_every_dependency_is_used() -> None:
    """A declared dependency is imported, or its use is told here."""
    declared = {
        name for name in names(requirements("tensorflow", "dev")) if not name.startswith("types-")
    }
    used = imported_packages("bench", "models", "tests") | set(NEVER_IMPORTED)
    assert declared - used - {"tomli"} == set()  # tomli: only on Python 3.10


@pytest.mark.parametrize("python", PYTHONS)
def test_lock_pins_every_dependency(python: str) -> None:
    """On each Python, one pin of constraints.txt answers each dependency, within its bound."""
    found = {canonicalize_name(pin.name): pin for pin in pins() if applies(pin, python)}
    wanted = [each for each in requirements("tensorflow", "dev", "jax") if applies(each, python)]
    missing = names(wanted) - set(found)
    versions = {name: str(pin.specifier).removeprefix("==") for name, pin in found.items()}
    wrong = [
        str(each)
        for each in wanted
        if not each.specifier.contains(versions[canonicalize_name(each.name)])
    ]
    assert (missing, wrong) == (set(), [])


@pytest.mark.parametrize("python", PYTHONS)
def test_lock_pins_a_package_once(python: str) -> None:
    """No package has two versions on one Python, and every line pins exactly one."""
    found = [pin for pin in pins() if applies(pin, python)]
    assert len(found) == len(names(found))
    assert [str(pin) for pin in found if not re.fullmatch(r"==[\w.!+]+", str(pin.specifier))] == []


def test_lock_names_no_place_to_download_from() -> None:
    """The lock works with any index: it holds no address, no option and no hash."""
    text = (ROOT / "constraints.txt").read_text("utf-8")
    assert [word for word in ("://", "--", " @ ") if word in text] == []


@pytest.mark.parametrize(("name", "environment"), [("bench", "bench"), ("test", "check")])
def test_readme_commands_start_from_nothing(name: str, environment: str) -> None:
    """Each marked command makes its own environment, obeys the lock and ends in tox."""
    command = readme_command(name)
    tox = {"bench": ".venv/bin/tox -e bench", "check": ".venv/bin/tox"}[environment]
    setup = "python3 -m venv .venv && .venv/bin/pip install --quiet tox -c constraints.txt"
    assert command == f"{setup} && {tox}"
    assert environment in set(tox_environments())


def test_the_wheel_holds_the_engine_and_nothing_else() -> None:
    """Neither ``bench`` nor ``models`` is anybody else's package."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    found = find_packages(str(ROOT / "bench"), include=settings["packages"]["find"]["include"])
    assert {name.partition(".")[0] for name in found} == {"fitting_room"}
    folders = {module_of(path).rpartition(".")[0] for path in sources("bench/fitting_room")}
    assert folders - {""} <= set(found)
    assert "py.typed" in settings["package-data"]["fitting_room"]


@pytest.mark.parametrize("extra", ["tensorflow", "jax", "torch", "cluster"])
def test_each_framework_is_an_extra(extra: str) -> None:
    """Without one the bench still shows, compares, audits and renders records."""
    core = names([Requirement(line) for line in project()["dependencies"]])
    extras = project()["optional-dependencies"]
    added = names([Requirement(line) for line in extras[extra]])
    assert added and not added & core


def test_the_entry_point_has_the_name_of_its_module() -> None:
    """So that ``-p fitting_room``, which asks for that module, does not have it twice."""
    points = project()["entry-points"]["pytest11"]
    assert points == {"fitting_room.entry": "fitting_room.entry"}
    assert project()["scripts"] == {"fitting-room": "fitting_room.__main__:main"}
