"""The script that offers references: a patch makes of another checkout what it made of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

from test_ci_scripts import PYTHON, calls, run

BENCH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$CALLS"
case $3 in
calibrate)
    rm results/reference/old.json
    echo new | tee results/reference/new.json >>bench/bounds.toml
    ;;
readme)
    echo new | tee -a README.md results/gate.md results/pictures/new.svg >>results/pictures/old.svg
    ;;
esac
"""


def git(folder: Path, *words: str) -> str:
    """Run git in a folder, as somebody."""
    who = ["-c", "user.name=x", "-c", "user.email=x@y.example"]
    command = ["git", "-C", str(folder), *who, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def committed(folder: Path, *names: str) -> None:
    """Make a repository whose one commit has these files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("as it was\n", encoding="utf-8")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "start"]):
        git(folder, *words)


def contents(folder: Path) -> dict[str, str]:
    """Return what a reader of the repository sees of references, by path."""
    parts = [folder / "README.md", *folder.glob("bench/*"), *folder.glob("results/**/*")]
    return {
        str(path.relative_to(folder)): path.read_text("utf-8") for path in parts if path.is_file()
    }


def test_references_become_a_patch_and_nothing_else(tmp_path: Path) -> None:
    """Another checkout becomes this one by it, old records gone; nothing is committed."""
    here, there = tmp_path / "here", tmp_path / "there"
    pages = ("README.md", "results/gate.md", "results/pictures/old.svg")
    committed(here, "bench/bounds.toml", "results/reference/old.json", *pages)
    git(tmp_path, "clone", "-q", str(here), str(there))
    programs = {"python3": PYTHON}
    done = run("references", "a", "b", folder=here, programs=programs, BENCH=BENCH, BENCH_SEEDS="3")
    assert done.returncode == 0, done.stderr
    first = "-m bench calibrate a b --seeds 3 --shared --apply"
    assert calls(here) == [first, "-m bench readme"]
    git(there, "apply", str(here / "references.patch"))
    assert contents(there) == contents(here)
    assert {"results/reference/new.json", "results/pictures/new.svg"} <= set(contents(there))
    assert git(here, "rev-list", "--count", "HEAD") == "1\n"
