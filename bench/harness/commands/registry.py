"""The cases that commands speak of; the harness itself knows none."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence

from bench.harness.errors import UserError, nearest
from bench.harness.spec import Case

CASES = "bench.cases:CASES"


def load_cases(where: str = CASES) -> Mapping[str, Case]:
    """Import a mapping of name → case, given as ``module:name``."""
    module, name = where.split(":")
    cases: Mapping[str, Case] = getattr(importlib.import_module(module), name)
    return cases


def cases_named(names: Sequence[str]) -> list[Case]:
    """Return the cases of those names, all where none is given.

    Raises:
        UserError: There is no such case; the message names the nearest.
    """
    cases = load_cases()
    for name in names:
        if name not in cases:
            raise UserError(f"There is no case {name!r}. {nearest(name, cases)}")
    return [cases[name] for name in names or cases]
