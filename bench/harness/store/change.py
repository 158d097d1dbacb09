"""Which change made a reference stale: its commit's code beside that of the checkout."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from bench.harness.errors import UserError
from bench.harness.record import Record
from bench.harness.spec import Case
from bench.harness.store.commit import exported
from bench.harness.store.digest import PACKAGES, reached
from bench.harness.store.key import training_path, why_stale

SHOWN = 3
"""Definitions that are named before the rest is counted."""


def explain(records: Iterable[Record], cases: Mapping[str, Case], *, root: Path) -> dict[str, str]:
    """Return case → why its records are stale, and by which change as far as git can tell.

    For a person at a terminal: what git can tell depends on how much of its history is there.
    """
    kept = list(records)
    found = why_stale(kept, cases, root=root)
    last = {record.spec.case.name: record for record in kept}
    return {name: f"{why}{_by(last[name], cases[name], root)}" for name, why in found.items()}


def _by(record: Record, case: Case, root: Path) -> str:
    if record.spec.case.content != case.content:
        then, now = (msgspec.to_builtins(each) for each in (record.spec.case, case))
        changed = _differing({**then, **then["recipe"]}, {**now, **now["recipe"]})
    else:
        names = (case.builder, *training_path(case))
        changed = what_changed(names, commit=record.provenance.commit, root=root)
    return f": {changed}" if changed else ""


def _differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    names = [name for name in now if name != "recipe" and then.get(name) != now[name]]
    return ", ".join(f"{name} {then.get(name)} → {now[name]}" for name in names)


def what_changed(names: Iterable[str], *, commit: str | None, root: Path) -> str:
    """Return in words what differs between a commit and the checkout, of all that ``names`` reach.

    Args:
        names: As ``module:function``.
        commit: Of a record; None, or unknown here, tells nothing.
        root: The checkout.

    Returns:
        Such as ``train in bench/harness/trial/fit.py``, or ``""`` where it cannot be told, as for
        a record that was made with changes nobody committed.
    """
    if commit is None:
        return ""
    wanted = list(names)
    try:
        with exported(commit, root=root, only=PACKAGES) as before:
            old, new = reached(wanted, root=before), reached(wanted, root=root)
    except (UserError, LookupError, OSError, SyntaxError, ValueError):
        return ""
    differing = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    told = [_words(name) for name in differing[:SHOWN]]
    more = len(differing) - len(told)
    return ", ".join(told) + (f" and {more} more" if more else "")


def _words(name: str) -> str:
    module, definition = name.split(":")
    return f"{definition} in {module.replace('.', '/')}.py"
