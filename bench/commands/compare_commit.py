"""A commit as a side of ``compare``: its references, if they are its code's, and more seeds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench.harness.errors import UserError
from bench.harness.record import Provenance, Record
from bench.harness.store.commit import without_git
from bench.harness.store.records import Store
from bench.harness.trial import child
from bench.harness.trial.child import python_path

REFERENCE = Path("results") / "reference"
"""Where a commit keeps its reference records."""

QUESTION = """
import json, os, sys
from pathlib import Path
from types import SimpleNamespace
*names, descriptor = sys.argv[1:]
with os.fdopen(int(descriptor), "wb") as answer:
    try:
        import msgspec
        from bench.cases import CASES
        from bench.harness.store.key import provenance, why_stale
        from bench.harness.store.records import Store
        root = Path.cwd()
        specs = {n: SimpleNamespace(case=CASES[n], backend="tensorflow") for n in names}
        told = {
            "cases": CASES,
            "stale": why_stale(Store(root / "results" / "reference").readable(), CASES, root=root),
            "origins": {name: provenance(spec, root=root) for name, spec in specs.items()},
        }
        answer.write(msgspec.json.encode(told) + b"\\n")
    finally:
        ours = [m for name, m in sys.modules.items() if name.split(".")[0] in ("bench", "models")]
        files = [m.__file__ for m in ours if getattr(m, "__file__", None)]
        answer.write(json.dumps(files).encode())
"""
"""Asked of the side's own code, for only that knows its cases and how it digests itself."""

MEND = "Take the other copy off Python's path (PYTHONPATH, an editable install), or uninstall it."


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the code of a side says of itself."""

    cases: Mapping[str, Any]
    """Name → case in plain values."""
    stale: Mapping[str, str]
    """Case → why its reference is not of this code."""
    origins: Mapping[str, Provenance]
    """Case, of those that were asked for → which code would train it."""


def ask(folder: Path, who: str, cases: Sequence[str] = ()) -> Told:
    """Ask the code in a folder for its cases, their origins, and which references are stale.

    Args:
        folder: Holds ``bench`` and ``models``.
        who: What is asked, to begin a sentence with.
        cases: Those whose origins are wanted.

    Raises:
        UserError: It does not answer, for it is older than references are, or broken; or it is
            not the folder's code that answers.
    """
    answer, failed = child.ask(
        [sys.executable, "-c", QUESTION, *cases], environment=environment(folder), folder=folder
    )
    *told, files = answer.splitlines() or [b"[]"]
    if found := child.strays(msgspec.json.decode(files, type=list[str]), folder):
        raise UserError(f"{who}: Python imported {found[0]}, not the code in {folder}. {MEND}")
    if failed:
        raise UserError(
            f"{who} does not tell its cases; {failed}. Name a commit "
            "that has a bench that runs, or a folder of records."
        )
    return msgspec.json.decode(told[-1], type=Told)


def called(commit: str | None) -> str:
    """Return what begins a sentence on the side of a commit, or on this checkout."""
    return f"Commit {commit[:12]}" if commit else "This checkout"


def references(folder: Path, commit: str) -> list[Record]:
    """Return the reference records among the files of a commit.

    Raises:
        UserError: One of them is no record that this version reads.
    """
    try:
        return list(Store(folder / REFERENCE).all())
    except UserError as error:
        # The path of a copy that will be gone helps nobody.
        raise UserError(str(error).replace(f"{folder}/", f"{commit[:12]}:")) from error


def train(
    folder: Path,
    cases: Sequence[str],
    into: Path,
    *,
    seeds: int,
    data_dir: Path | None,
    offline: bool,
    shared: bool,
) -> list[Record]:
    """Train cases with the code in a folder, in fresh processes, and return their records.

    What is under ``into`` already is not trained again; progress goes to standard error.

    Raises:
        UserError: It ended without all records.
        KeyboardInterrupt: It was interrupted; what was trained is kept.
    """
    command = [sys.executable, "-m", "bench", "calibrate", *cases, "--seeds", str(seeds)]
    command += ["--results", str(into.resolve())]
    command += ["--data-dir", str(data_dir.resolve())] if data_dir else []
    command += ["--offline"] * offline + ["--shared"] * shared
    training = subprocess.Popen(
        command, cwd=folder, env=environment(folder), stdout=subprocess.DEVNULL
    )
    try:
        status = training.wait()
    except KeyboardInterrupt:
        training.wait()  # Ctrl-C reached it too: it ends its trial with a record
        raise
    if status:
        raise UserError(
            f"Training {', '.join(cases)} ended with status {status}; what it said stands above. "
            f"Its records are kept in {into}: the same command goes on from there."
        )
    return [r for r in Store(into / "reference").all() if r.spec.case.name in cases]


def check_origin(record: Record, said: Provenance, commit: str | None) -> None:
    """Hold a record against what its side said of itself.

    Args:
        record: Came back from the side.
        said: Which code would train the record's case.
        commit: The side's, in full; None for a checkout, whose records may be of older commits.

    Raises:
        UserError: The record is of other code, or the code of another commit.
    """
    found = record.provenance
    pairs = {
        "commit": (found.commit, commit or found.commit),
        "architecture": (found.architecture_digest, said.architecture_digest),
        "training path": (found.training_digest, said.training_digest),
    }
    for what, (its, expected) in pairs.items():
        if its != expected:
            raise UserError(
                f"{called(commit)}: a record of {record.spec.case.name}, seed {record.spec.seed}, "
                f"names {what} {its}, where the code of this side has {expected}. "
                "Remove that record if an older run left it; else "
                f"{MEND[0].lower()}{MEND[1:]}"
            )


def environment(folder: Path) -> dict[str, str]:
    """Return the environment in which Python and git look at a folder first."""
    return {**without_git(), **python_path(folder)}
