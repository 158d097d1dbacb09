"""Keys: what must be equal for a stored number to stand for a new one, and why one is stale."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from fitting_room.errors import UserError
from fitting_room.machine import settings, versions
from fitting_room.metrics import sources
from fitting_room.record import Machine, Provenance, Record
from fitting_room.spec import Case, TrialSpec
from fitting_room.store.digest import Sources, stamp
from fitting_room.store.git import Checkout, checkout, exported

TRAINING_PATH = (
    "fitting_room.trial.measure:training_images",
    "fitting_room.trial.fit:build",
    "fitting_room.trial.fit:train",
    "fitting_room.trial.fit:StopAtAccuracy",
    "fitting_room.trial.measure:score",
)
"""All that can change what a trial learns or how it is scored."""

TUNED_PATH = "fitting_room.trial.fit:build_tuned"
"""What a tuned recipe goes through besides, with the pieces that it names."""

WATCHED_PATH = ("fitting_room.trial.measure:split", "fitting_room.trial.fit:watch")
"""What a recipe with callbacks goes through besides."""

OWN_PATH = (
    "fitting_room.trial.measure:training_images",
    "fitting_room.trial.measure:score_probabilities",
)
"""What an own trainer's images come from and what scores its predictions."""


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
    # What is as usual is left out, so that the keys of older records stand.
    if not spec.inference:
        content["inference"] = False
    if spec.order_seed is not None:
        content["order_seed"] = spec.order_seed
    if spec.stop_after:
        content["stop_after"] = spec.stop_after
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
        UserError: The architecture's builder, or the trainer, cannot be found or read.
    """
    path = training_path(spec.case)
    here = settings(os.environ)
    known = (root, spec.backend, spec.case.builder, path, *here.items())
    files, found = _ORIGINS.get(known, ({}, None))
    if found is None or any(not file.is_file() or stamp(file) != files[file] for file in files):
        code = Sources(root)
        architecture = _code_digest(spec.case, [spec.case.builder], code)
        training = _code_digest(spec.case, path, code)
        commit, dirty = _committed([*path, spec.case.builder], root)
        found = Provenance(
            commit=commit,
            dirty=dirty,
            architecture_digest=architecture,
            training_digest=training,
            versions=_versions(spec, code),
            settings=here,
        )
        _ORIGINS[known] = code.read, found
    return found


_ORIGINS: dict[tuple[Any, ...], tuple[Mapping[Path, tuple[int, int]], Provenance]] = {}
"""What was asked → the files that were read, by their stamps, and what they say. A run asks for
each of its trials, and hardly ever is one written meanwhile."""


def training_path(case: Case) -> tuple[str, ...]:
    """Return the code that trains and scores a case, with the project's own metrics."""
    recipe = case.recipe
    if case.trainer:
        return (*OWN_PATH, case.trainer, *sources().values())
    tuned = (TUNED_PATH, *recipe.pieces) if recipe.tuned else ()
    watched = WATCHED_PATH if recipe.watched else ()
    return (*TRAINING_PATH, *tuned, *watched, *sources().values())


def renamed(spec: TrialSpec, new: Case) -> TrialSpec:
    """Return the same trial of a case that has a new name; of another task is a UserError."""
    then = spec.case
    if then.task != new.task:
        raise UserError(
            f"{then.name} is of another task than {new.name}. Name a case of the same task."
        )
    case = replace(then, architecture=new.architecture, builder=new.builder, variant=new.variant)
    return replace(spec, case=case)


def why_stale(
    records: Iterable[Record], cases: Mapping[str, Case], *, root: Path
) -> dict[str, str]:
    """Return case → why its records are not those that the code under ``root`` would make.

    Raises:
        UserError: The builder of a case cannot be found or read.
    """
    found: dict[str, str] = {}
    code = Sources(root)
    digests: dict[tuple[str, ...], str] = {}

    def digest(case: Case, *names: str) -> str:
        if names not in digests:
            digests[names] = _code_digest(case, names, code)
        return digests[names]

    for record in records:
        case, origin = cases.get(record.spec.case.name), record.provenance
        if case is None:
            continue
        if record.spec.case.content != case.content:
            found[case.name] = "its arguments or its recipe changed since"
        elif origin.architecture_digest != digest(case, case.builder):
            module, _, function = case.builder.partition(":")
            place = f"{module.replace('.', '/')}.py: {function}"
            found[case.name] = f"the code of its architecture, {place}, changed since"
        elif origin.training_digest != digest(case, *training_path(case)):
            found[case.name] = "the code of the training path changed since"
    return found


def _code_digest(case: Case, names: Iterable[str], sources: Sources) -> str:
    """Return the digest of some code that belongs to a case, or raise a UserError that names it."""
    wanted = [*names]
    try:
        return sources.digest(wanted)
    except (LookupError, OSError, SyntaxError, ValueError) as error:
        own = case.trainer if case.trainer in wanted else case.builder
        what = "trainer" if case.trainer in wanted else "builder"
        raise UserError(
            f"The {what} of {case.name}, {own!r}, cannot be read: {error}. "
            f"Expected module:function, with its source under {sources.root}."
        ) from error


def _versions(spec: TrialSpec, sources: Sources) -> dict[str, str]:
    """Return the versions of what trains: of Keras and its backend, or what a trainer imports."""
    if spec.case.trainer is None:
        return versions(spec.backend)
    modules = {name.split(":")[0] for name in sources.reached([spec.case.trainer])}
    paths = {path for module in modules for path in sources.imports(module).values()}
    tops = {path.split(".")[0] for path in paths if ":" not in path} - sys.stdlib_module_names
    owners = metadata.packages_distributions()
    names = sorted({name for top in tops for name in owners.get(top, ())})
    return {"python": platform.python_version(), **{n: metadata.version(n) for n in names}}


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
        plain = (msgspec.to_builtins(each) for each in (record.spec.case, case))
        then, now = ({**each.pop("recipe"), **each} for each in plain)
        names = [name for name in now if then.get(name) != now[name]]
        changed = ", ".join(f"{name} {then.get(name)} → {now[name]}" for name in names)
    else:
        path = (case.builder, *training_path(case))
        changed = what_changed(path, commit=record.provenance.commit, root=root)
    return f": {changed}" if changed else ""


def what_changed(names: Iterable[str], *, commit: str | None, root: Path) -> str:
    """Return in words what differs between a commit and the checkout, of all that ``names`` reach.

    An example is ``train in bench/fitting_room/trial/fit.py``. It is empty where nothing can be
    told: the commit is None or unknown here, or had changes beside it that nobody committed.
    """
    if commit is None:
        return ""
    wanted = list(names)
    tops = (*_tops(_files(wanted, root)), "pyproject.toml")
    only = [name for name in tops if (root / name).exists()]
    try:
        with exported(commit, root=root, only=only) as before:
            old, new = Sources(before).reached(wanted), Sources(root).reached(wanted)
    except (UserError, LookupError, OSError, SyntaxError, ValueError):
        return ""
    differing = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    pairs = (name.split(":") for name in differing[:SHOWN])
    told = [f"{definition} in {module.replace('.', '/')}.py" for module, definition in pairs]
    more = len(differing) - len(told)
    return ", ".join(told) + (f" and {more} more" if more else "")
