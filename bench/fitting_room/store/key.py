"""Keys: what must be equal for a stored number to stand for a new one, and why one is stale."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from fitting_room.errors import UserError
from fitting_room.machine import settings, versions
from fitting_room.record import Machine, Provenance, Record
from fitting_room.spec import Case, TrialSpec
from fitting_room.store.digest import Sources, code_digest, reached
from fitting_room.store.git import Checkout, checkout, exported

TRAINING_PATH = (
    "fitting_room.trial.fit:training_images",
    "fitting_room.trial.fit:build",
    "fitting_room.trial.fit:train",
    "fitting_room.trial.callbacks:StopAtAccuracy",
    "fitting_room.trial.score:score",
)
"""All that can change what a trial learns or how it is scored."""

TUNED_PATH = "fitting_room.trial.tuned:build"
"""What a tuned recipe goes through besides, with the pieces that it names."""

WATCHED_PATH = ("fitting_room.trial.watched:split", "fitting_room.trial.watched:watch")
"""What a recipe with callbacks goes through besides."""


def quality_key(spec: TrialSpec, provenance: Provenance) -> str:
    """Return the key of what a trial learns, 64 hexadecimal digits."""
    content = {
        "case": spec.case.content,
        "seed": spec.seed,
        "epochs": spec.epochs,
        "evaluate_each_epoch": spec.evaluate_each_epoch,
        "dataset": spec.dataset.checksum,
        "backend": spec.backend,
        "device": spec.device,
        "architecture": provenance.architecture_digest,
        "training": provenance.training_digest,
        # Python's own version changes no result; those of the libraries may.
        "versions": {k: v for k, v in provenance.versions.items() if k != "python"},
    }
    if not spec.inference:
        content["inference"] = False
    if spec.order_seed is not None:
        content["order_seed"] = spec.order_seed
    if provenance.settings:
        content["settings"] = dict(provenance.settings)
    return _digest(content)


def training_key(record: Record, *, versions: bool = True) -> str:
    """Return the key of a training whatever its seed: equal keys are samples of one distribution.

    A model that was only built counts as one of the recipe's epochs. Without ``versions`` those of
    the libraries do not matter.
    """
    spec = replace(
        record.spec,
        seed=0,
        order_seed=None,
        evaluate_each_epoch=True,
        epochs=record.spec.epochs or record.spec.case.recipe.epochs,
    )
    origin = record.provenance if versions else replace(record.provenance, versions={})
    return quality_key(spec, origin)


def machine_key(machine: Machine) -> str:
    """Return the key that timings add to the quality key, 64 hexadecimal digits."""
    return _digest(msgspec.to_builtins(machine))


def provenance(spec: TrialSpec, *, root: Path) -> Provenance:
    """Say which code under ``root`` would run ``spec``, and under which settings of this process.

    Raises:
        UserError: The architecture's builder cannot be found or read.
    """
    path = training_path(spec.case)
    architecture = _architecture_digest(spec.case, Sources(root))
    commit, dirty = _committed([*path, spec.case.builder], root)
    return Provenance(
        commit=commit,
        dirty=dirty,
        architecture_digest=architecture,
        training_digest=code_digest(path, root=root),
        versions=versions(spec.backend),
        settings=settings(os.environ),
    )


def training_path(case: Case) -> tuple[str, ...]:
    """Return the code that a case is trained by: more if its recipe is tuned, all that it uses."""
    recipe = case.recipe
    tuned = (TUNED_PATH, *recipe.pieces) if recipe.tuned else ()
    return (*TRAINING_PATH, *tuned, *(WATCHED_PATH if recipe.watched else ()))


def why_stale(
    records: Iterable[Record], cases: Mapping[str, Case], *, root: Path
) -> dict[str, str]:
    """Return case → why its records are not those that the code under ``root`` would make.

    Raises:
        UserError: The builder of a case cannot be found or read.
    """
    found: dict[str, str] = {}
    sources = Sources(root)
    training = lru_cache(sources.digest)
    architecture = lru_cache(lambda name: _architecture_digest(cases[name], sources))
    for record in records:
        case = cases.get(record.spec.case.name)
        if case is None:
            continue
        if record.spec.case.content != case.content:
            found[case.name] = "its arguments or its recipe changed since"
        elif record.provenance.architecture_digest != architecture(case.name):
            found[case.name] = (
                f"the code of its architecture, {_place(case.builder)}, changed since"
            )
        elif record.provenance.training_digest != training(training_path(case)):
            found[case.name] = "the code of the training path changed since"
    return found


def _place(builder: str) -> str:
    """Return ``models/dense.py: dense`` of ``models.dense:dense``."""
    module, _, function = builder.partition(":")
    return f"{module.replace('.', '/')}.py: {function}"


def _architecture_digest(case: Case, sources: Sources) -> str:
    try:
        return sources.digest([case.builder])
    except (LookupError, OSError, SyntaxError, ValueError) as error:
        raise UserError(
            f"The builder of {case.name}, {case.builder!r}, cannot be read: {error}. "
            f"Expected module:function, with its source under {sources.root}."
        ) from error


def _committed(names: Iterable[str], root: Path) -> tuple[str | None, bool | None]:
    """Return the commit that holds the modules of ``names``, and whether there are changes."""
    files = _files(names, root)
    found = _checkout(root, _tops(files))
    if found is None:
        return None, None
    if {file.as_posix() for file in files} <= found.tracked:
        return found.commit, found.dirty
    return None, True  # no commit has the code that runs


def _files(names: Iterable[str], root: Path) -> list[Path]:
    """Return the files under ``root`` that define ``names``, as seen from it."""
    files = map(Sources(root).path, {name.split(":")[0] for name in names})
    return [file.relative_to(root) for file in files if file and file.is_relative_to(root)]


def _tops(files: Iterable[Path]) -> tuple[str, ...]:
    """Return what the files lie in at the top: in this project ``bench`` and ``models``."""
    return tuple(sorted({file.parts[0] for file in files}))


@lru_cache
def _checkout(root: Path, folders: tuple[str, ...]) -> Checkout | None:
    """Ask git once a run, of the code alone: records that a run wrote are no change of it."""
    try:
        return checkout(root, folders) if folders else None
    except UserError as error:  # no reason not to train: the record says that it knows no commit
        print(f"Records will name no commit. {error}", file=sys.stderr)
        return None


def _digest(content: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


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
        Such as ``train in bench/fitting_room/trial/fit.py``, or ``""`` where it cannot
        be told, as for a record that was made with changes nobody committed.
    """
    if commit is None:
        return ""
    wanted = list(names)
    only = (*_tops(_files(wanted, root)), "pyproject.toml")
    try:
        with exported(commit, root=root, only=only) as before:
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
