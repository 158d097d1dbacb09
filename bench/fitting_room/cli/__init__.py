"""The subcommands of ``python -m bench``, a module each: ``register`` and ``run``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

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
