"""What pytest loads wherever the bench is installed: it does nothing where nobody asked for it."""

from __future__ import annotations

import sys
from collections.abc import Generator
from importlib.machinery import PathFinder
from pathlib import Path

import pytest


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Load the plugin for a project with ``[tool.fitting-room]``, or after ``-p fitting_room``.

    It comes behind plugins and conftests, so that an option which one of them has stays theirs.
    """
    yield
    plugins = early_config.pluginmanager
    if plugins.has_plugin("fitting_room") or _has_table(early_config.rootpath):
        _forget_another_copy()
        plugins.import_plugin("fitting_room.plugin")


def _has_table(root: Path) -> bool:
    for folder in (root, *root.parents):
        file = folder / "pyproject.toml"
        if file.is_file() and b"fitting-room" in file.read_bytes():
            from fitting_room.errors import UserError
            from fitting_room.project import read_project

            try:
                if read_project(folder):
                    return True
            except UserError as error:
                raise pytest.UsageError(str(error)) from error
    return False


def _forget_another_copy() -> None:
    """Let a checkout's own engine be imported, which its ``pythonpath`` puts before this one."""
    found = PathFinder.find_spec("fitting_room")
    if found and found.origin != sys.modules["fitting_room"].__file__:
        for name in [name for name in sys.modules if name.partition(".")[0] == "fitting_room"]:
            del sys.modules[name]
