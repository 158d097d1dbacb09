"""Commits, read without touching the checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bench.harness.errors import UserError
from bench.harness.store.commit import exported, resolve, suggestion, worktree


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder as somebody."""
    settings = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *settings, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with two commits; the first one is tagged."""
    root = tmp_path / "checkout"
    (root / "results").mkdir(parents=True)
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(root))
    for text in ("one", "two"):
        (root / "results" / "a.txt").write_text(text, encoding="utf-8")
        git(root, "add", ".")
        git(root, "commit", "--quiet", "-m", text)
    git(root, "tag", "v1", "HEAD~1")
    return root


def test_names_stand_for_commits(root: Path) -> None:
    """Tags, branches and short hashes do; what is no commit does not, nor does an option."""
    first = git(root, "rev-parse", "HEAD~1")
    assert [resolve(name, root=root) for name in ("v1", "HEAD~1", first[:8])] == [first] * 3
    assert [resolve(name, root=root) for name in ("v2", "HEAD~5", "--all", "")] == [None] * 4


def test_the_nearest_name_is_offered(root: Path, tmp_path: Path) -> None:
    """A slip of the finger costs no search; where there is no git that is said."""
    assert suggestion("mian", root=root) == "Did you mean 'main'? Known: main, v1."
    assert suggestion("main", root=tmp_path / "absent").startswith("There is no git checkout")


def test_a_commit_is_exported_as_it_was(root: Path) -> None:
    """Its files are there within the block, and gone after it."""
    with exported(git(root, "rev-parse", "v1"), root=root) as folder:
        assert (folder / "results" / "a.txt").read_text("utf-8") == "one"
    assert not folder.exists()


def test_a_worktree_knows_its_commit_and_leaves_nothing(root: Path) -> None:
    """Also where the block fails, git is left as it was, and so is the checkout."""
    commit = git(root, "rev-parse", "v1")
    with pytest.raises(ZeroDivisionError), worktree(commit, root=root) as folder:
        assert git(folder, "rev-parse", "HEAD") == commit
        (folder / "left.txt").write_text("behind", encoding="utf-8")
        raise ZeroDivisionError
    assert not folder.exists()
    assert git(root, "worktree", "list").count("\n") == 0
    assert git(root, "status", "--porcelain") == ""


def test_what_git_cannot_do_is_told(root: Path) -> None:
    """An unknown commit is no traceback."""
    with pytest.raises(UserError, match="cannot be read"), exported("0" * 40, root=root):
        pass
    with pytest.raises(UserError, match="cannot be checked out"), worktree("0" * 40, root=root):
        pass
