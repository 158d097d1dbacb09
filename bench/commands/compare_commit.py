"""A commit as a side of ``compare``: its references, if they are its code's, and more seeds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bench.harness.errors import UserError
from bench.harness.record import Record
from bench.harness.store.records import Store
from bench.harness.trial import child

REFERENCE = Path("results") / "reference"
"""Where a commit keeps its reference records."""

QUESTION = """
import os, sys, msgspec
from pathlib import Path
from bench.cases import CASES
from bench.harness.store.key import why_stale
from bench.harness.store.records import Store
root = Path.cwd()
stale = why_stale(Store(root / "results" / "reference").readable(), CASES, root=root)
with os.fdopen(int(sys.argv[-1]), "wb") as answer:
    answer.write(msgspec.json.encode({"cases": CASES, "stale": stale}))
"""
"""Asked of the commit's own code, for only that knows its cases and how it digests itself."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the code of a commit says of itself."""

    cases: Mapping[str, Any]
    """Name → case in plain values."""
    stale: Mapping[str, str]
    """Case → why its reference is not of this code."""


def ask(folder: Path, commit: str) -> Told:
    """Ask the code in a folder for its cases, and which of its references are stale.

    Raises:
        UserError: It does not answer: it is older than references are, or broken.
    """
    answer, failed = child.ask(
        [sys.executable, "-c", QUESTION], environment=environment(folder), folder=folder
    )
    if failed:
        raise UserError(
            f"Commit {commit[:12]} does not tell its cases; {failed}. Name a commit "
            "that has a bench that runs, or a folder of records."
        )
    return msgspec.json.decode(answer, type=Told)


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
    return list(Store(into / "reference").all())


def environment(folder: Path) -> dict[str, str]:
    """Return the environment in which Python finds the packages of a folder first."""
    before = os.environ.get("PYTHONPATH", "")
    return os.environ | {"PYTHONPATH": os.pathsep.join(p for p in (str(folder), before) if p)}
