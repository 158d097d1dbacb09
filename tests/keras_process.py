"""What runs in the process that holds Keras: by a name that ``bench`` has no module of."""

from __future__ import annotations

import os
import warnings
from importlib import import_module
from typing import Any

from imports import ROOT

from fitting_room.project import current


def prepare() -> None:
    """Give the process that holds Keras the environment of a trial."""
    current(ROOT).use()
    from fitting_room.lab.process import child_environment

    environment = child_environment("tensorflow", "cpu")
    os.environ.clear()
    os.environ.update(environment)


def call(module: str, name: str, arguments: dict[str, Any]) -> None:
    """Call a function of a test module, with its warnings as errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        getattr(import_module(module), name)(**arguments)
