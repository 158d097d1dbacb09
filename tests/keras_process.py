"""What runs in the process that holds Keras, by its file: ``bench`` has modules of like names."""

from __future__ import annotations

import os
import sys
import warnings
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
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


def call(file: Path, name: str, arguments: dict[str, Any]) -> None:
    """Call a function of a test module, with its warnings as errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        getattr(_module(file), name)(**arguments)


@cache
def _module(file: Path) -> ModuleType:
    spec = spec_from_file_location(f"tests_{file.stem}", file)
    assert spec and spec.loader
    sys.modules[spec.name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
