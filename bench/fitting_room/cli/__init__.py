"""The subcommands of ``python -m bench``, a module each: ``register`` and ``run``."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any

from fitting_room.project import Project, from_here

COMMANDS = {
    "data": "fetch, verify and describe the data sets",
    "calibrate": "train references, and suggest bounds",
    "exercises": "vary one thing at a time, and say what of it",
    "show": "list stored records, or the epochs of a case",
    "predict": "the class probabilities of one image",
    "inspect": "pictures of what a model sees and mistakes",
    "compare": "compare with a commit or with older results",
    "search": "compare candidates on a validation split",
    "claims": "judge published claims from the references",
    "speed": "time the training path against a plain fit",
    "gate": "measure how often the gate itself errs",
    "noise": "tell where scatter comes from",
    "remove": "remove what is left of a case",
    "rename": "let what is stored follow a case's new name",
    "plots": "draw pictures of stored records",
    "report": "write stored records as one HTML page",
    "readme": "rewrite the tables of Markdown files",
}
"""Module of ``fitting_room.cli`` → what it does, in the order in which they are used.

A run imports its own alone, and ``--help`` none: they load NumPy, Rich and SciPy.
"""


def load(name: str) -> Any:
    """Import the module of a command."""
    return import_module(f"fitting_room.cli.{name}")


def settle(asked: argparse.Namespace, project: Project) -> None:
    """Give a command its project, and that one's folders where the command line names none."""
    asked.project = project
    project.use()
    folders = {"results": project.results, "records": project.results / "reference"}
    for name, folder in folders.items():
        if getattr(asked, name, folder) is None:
            setattr(asked, name, from_here(folder))
