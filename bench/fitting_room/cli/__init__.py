"""The subcommands of ``python -m bench``, a module each: ``register`` and ``run``."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any

from fitting_room.project import Project, from_here

COMMANDS = (
    "data",
    "calibrate",
    "exercises",
    "show",
    "predict",
    "inspect",
    "compare",
    "search",
    "claims",
    "speed",
    "gate",
    "noise",
    "plots",
    "report",
    "readme",
)
"""Modules of ``fitting_room.cli``, in the order in which they are used.

A run imports its own alone, so none waits for what others import, such as ``scipy.stats``.
"""


def load(name: str) -> Any:
    """Import the module of a command."""
    return import_module(f"fitting_room.cli.{name}")


def settle(asked: argparse.Namespace, project: Project) -> None:
    """Give a command its project, and that one's folders where the command line names none."""
    asked.project = project
    folders = {"results": project.results, "records": project.results / "reference"}
    for name, folder in folders.items():
        if getattr(asked, name, folder) is None:
            setattr(asked, name, from_here(folder))
