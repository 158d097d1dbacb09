"""``compare`` between commits of a checkout made for it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import commands
import pytest
from checkouts import commit_all, git
from comparisons import DENSE, call, of_code, printed, seeds
from imports import ROOT
from records import PROJECT, make_verdict, stored

from bench.cases import CASES
from fitting_room.analysis.comparison import in_turn
from fitting_room.cli import compare, sides
from fitting_room.errors import UserError
from fitting_room.record import Record

pytestmark = pytest.mark.usefixtures("plain_git")

BELOW = Path("work", "project")
"""The folder of the project, below the top of its repository."""


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with three commits of this project, which keep a reference of one case.

    The project is a folder of its repository, as in one of several projects.
    ``plain`` and ``again`` have the same code; ``renamed`` calls the architecture otherwise.
    """
    repository = tmp_path_factory.mktemp("checkout").resolve() / "repository"
    root = repository / BELOW
    for package in ("bench", "models"):
        ignored = shutil.ignore_patterns("__pycache__", "sample")
        shutil.copytree(ROOT / package, root / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", root)
    git(root, "init", "--quiet", str(repository))
    stored(root / "results" / "reference", of_code(seeds(), root))
    committed(root, "plain")
    committed(root, "again")
    shutil.rmtree(root / "results")
    models = root / "models" / "__init__.py"
    text = models.read_text("utf-8")
    models.write_text(text.replace('"dense_128": Arch', '"dense_a": Arch'), encoding="utf-8")
    renamed = replace(CASES[DENSE], architecture="dense_a")
    stored(root / "results" / "reference", of_code(seeds(case=renamed, first=8), root))
    committed(root, "renamed")
    return root


def committed(root: Path, tag: str) -> None:
    """Commit everything under a tag."""
    commit_all(root)
    git(root, "tag", tag)


def cloned(root: Path, folder: Path) -> Path:
    """Clone the repository of a project into a folder, and return where the project is in it."""
    git(root, "clone", "--quiet", git(root, "rev-parse", "--show-toplevel"), str(folder))
    return folder / BELOW


@pytest.fixture
def repository(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the command's commits be those of the checkout that was made up."""
    monkeypatch.setattr(commands, "PROJECT", replace(PROJECT, root=checkout))
    return checkout


def test_the_same_commit_twice_is_green(repository: Path) -> None:
    """Its references are read from git, and nothing in the checkout moves."""
    out = printed("plain", "plain", "--case", DENSE, "--undecided", "fail").out
    assert "**Green**: 10 unchanged." in out
    assert f"- base: commit {git(repository, 'rev-parse', 'plain')[:12]} (plain); 1 case" in out
    assert git(repository, "status", "--porcelain") == ""


@pytest.mark.usefixtures("repository")
def test_a_commit_without_a_reference_fails() -> None:
    """Every case that its code has and that is not recorded is missing."""
    out = printed("plain", "again", status=1).out
    assert "mnist-dense_128 is missing: base (commit" in out
    assert "no reference records of it" in out


def test_a_stale_reference_is_no_reference(repository: Path, tmp_path: Path) -> None:
    """A commit that changed the architecture and kept old records says nothing of its code."""
    root = cloned(repository, tmp_path / "changed")
    git(root, "checkout", "--quiet", "plain")
    dense = root / "models" / "dense.py"
    dense.write_text(dense.read_text("utf-8").replace('"relu"', '"tanh"'), encoding="utf-8")
    committed(root, "changed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "PROJECT", replace(PROJECT, root=root))
        out = printed("plain", "changed", "--case", DENSE, status=1).out
    assert "is stale: the code of its architecture, models/dense.py: dense, changed since" in out
    assert "`--train` trains what is missing, 5 seeds a case, about 35 s on the machine" in out


@pytest.mark.usefixtures("repository")
def test_a_renamed_architecture_is_recognised() -> None:
    """What vanished and what appeared are the same by builder and arguments, and compared."""
    out = printed("plain", "renamed", "--case", DENSE, "-v").out
    assert f"fashion_mnist-dense_a appeared and {DENSE} vanished, but builder and arg" in out
    assert re.search(r"\(digest [0-9a-f]{12}\): renamed", out)
    assert f"| {DENSE} → fashion_mnist-dense_a | test_accuracy" in out


def test_what_a_commit_lacks_is_trained_by_its_code(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--train`` hands the cases with too few seeds to a worktree of the commit, and no others."""
    trained: list[tuple[str, Sequence[str], Path]] = []

    def train(folder: Path, cases: Sequence[str], into: Path, **_: object) -> list[Record]:
        trained.append((git(folder, "rev-parse", "HEAD"), cases, into))
        return of_code(seeds(8, case="mnist-dense_128"), folder)

    monkeypatch.setattr(sides, "train", train)
    wanted = ("--case", DENSE, "--case", "mnist-dense_128")
    options = ("--train", "--seeds", 6, "--results", tmp_path)
    told = printed("plain", "again", *wanted, *options, "-v").out
    commits = [git(repository, "rev-parse", name) for name in ("plain", "again")]
    assert [commit for commit, _, _ in trained] == commits
    assert all(cases == ["mnist-dense_128"] for _, cases, _ in trained)
    assert trained[0][2] == tmp_path / "compare" / commits[0][:12]
    assert "mnist-dense_128" in told


def test_this_checkout_is_what_its_code_would_repeat(tmp_path: Path) -> None:
    """Records of other code, of variants and of the sample do not count."""
    base = stored(tmp_path / "base", seeds(8))
    stored(tmp_path / "results" / "reference", of_code(seeds(first=8)))
    others = [
        *seeds(off=-0.2, started="2026-05-01T12:00:00+00:00"),
        *of_code(seeds(off=-0.2, sample=True, started="2026-05-01T12:00:00+00:00")),
        *of_code(seeds(off=-0.2, case=replace(CASES[DENSE], variant="crippled"))),
    ]
    stored(tmp_path / "results" / "trials", others)
    told = printed(base, "--case", DENSE, "--results", tmp_path / "results").out
    assert "- head: this checkout; 1 case, 6 seeds each" in told


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(("outcome", "status"), [("pass", 0), ("fail", 1)])
def test_seconds_are_timed_where_that_is_asked_for(
    outcome: Any, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict of a race stands in the place of the stored seconds'."""
    verdict = make_verdict(outcome, metric="seconds_per_epoch", estimate=1.3, n=20)
    timed = {DENSE: in_turn(verdict, base=0.3, head=0.39)}
    monkeypatch.setattr(compare, "time_all", lambda *_, **__: timed)
    assert "×1.30" in printed("plain", "again", "--case", DENSE, "--time", status=status).out


def test_a_commit_that_cannot_tell_its_cases_is_refused(repository: Path, tmp_path: Path) -> None:
    """One from before the bench, or broken: no traceback, and what its code said."""
    root = cloned(repository, tmp_path / "broken")
    (root / "bench" / "cases.py").write_text("CASES = 1 / 0", encoding="utf-8")
    committed(root, "broken")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "PROJECT", replace(PROJECT, root=root))
        with pytest.raises(UserError, match=r"does not tell its cases; .*ZeroDivisionError"):
            call("broken", "plain")
