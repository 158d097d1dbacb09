"""Commits, read without touching the checkout, and what git knows of it in spite of settings."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from checkouts import commit_all, git, write_files

from fitting_room.errors import UserError
from fitting_room.store.git import checkout, exported, resolve, suggestion, worktree

pytestmark = pytest.mark.usefixtures("plain_git")

CODE = ("bench", "models")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with two commits, of which the first is tagged; no test changes it."""
    root = tmp_path_factory.mktemp("checkout")
    git(root, "init", "--quiet", "--initial-branch=main")
    for text in ("one", "two"):
        commit_all(write_files(root, {"results/a.txt": text}))
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


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A project with two files of code, two folders below the top of its repository."""
    root = tmp_path / "repository" / "sub" / "project"
    write_files(root, dict.fromkeys(("bench/fit.py", "models/net.py"), "A = 1\n"))
    git(tmp_path, "init", "--quiet", str(tmp_path / "repository"))
    commit_all(root)
    return root


def test_a_project_below_the_top_is_given_from_its_own_folder(code: Path) -> None:
    """A worktree and an export begin where the project does, not where the repository does."""
    commit = git(code, "rev-parse", "HEAD")
    with worktree(commit, root=code) as folder, exported(commit, root=code) as export:
        assert folder.parts[-2:] == ("sub", "project")
        assert (folder / "bench/fit.py").is_file() and (export / "bench/fit.py").is_file()
    assert git(code, "worktree", "list").count("\n") == 0


def test_a_commit_from_before_the_folder_is_told(code: Path) -> None:
    """The top of a repository is not taken for a project that was elsewhere."""
    first = git(code, "rev-parse", "HEAD")
    git(code, "mv", "bench", "models", "..")
    git(code, "commit", "--quiet", "-m", "moved")
    moved = code.parents[1] / "other"
    moved.mkdir()
    for reading in (exported, worktree):
        with pytest.raises(UserError, match="has no folder other"), reading(first, root=moved):
            pass
    assert git(code, "worktree", "list").count("\n") == 0


@pytest.mark.parametrize("way", ["subfolder", "worktree", "submodule"])
def test_a_checkout_knows_its_commit_however_it_was_made(
    way: str, code: Path, tmp_path: Path
) -> None:
    """The commit, its files by their paths from the root, and no changes."""
    top = code.parents[1]
    found = top if way == "subfolder" else tmp_path / "other"
    if way == "worktree":
        git(code, "worktree", "add", "--quiet", str(found))
    elif way == "submodule":
        git(tmp_path, "init", "--quiet", str(found))
        git(found, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(top))
        found /= "repository"
    known = checkout(found / "sub" / "project", CODE)
    assert known and known.commit == git(code, "rev-parse", "HEAD")
    assert (known.tracked, known.dirty) == ({"bench/fit.py", "models/net.py"}, False)


def test_files_that_another_repository_does_not_track_have_no_commit(code: Path) -> None:
    """A tarball unpacked below somebody's repository is none of its commits."""
    copy = shutil.copytree(code, code.parent / "tarball")
    assert checkout(copy, CODE) is None


def test_the_folder_decides_and_not_the_environment(
    code: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a hook of another repository the commit is still the project's."""
    commit = git(code, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(root / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", "none")
    known = checkout(code, CODE)
    assert known and (known.commit, known.dirty) == (commit, False)
    assert resolve("HEAD", root=code) == commit


@pytest.mark.parametrize(
    "command",
    [
        ("config", "status.showUntrackedFiles", "no"),
        ("config", "core.excludesFile", "{top}/ignored"),
        ("update-index", "--assume-unchanged", "bench/fit.py"),
        ("update-index", "--skip-worktree", "bench/fit.py"),
    ],
)
def test_no_setting_hides_a_change(command: tuple[str, ...], code: Path) -> None:
    """Untracked code counts as a change, and so does code that git was told not to look at."""
    top = code.parents[1]
    (top / "ignored").write_text("*.py\n", encoding="utf-8")
    git(code, *(word.format(top=top) for word in command))
    new = "bench/fit.py" if "update-index" in command else "models/new.py"
    (code / new).write_text("A = 2\n", encoding="utf-8")
    known = checkout(code, CODE)
    assert known and known.dirty


def test_what_python_and_runs_write_is_no_change(code: Path) -> None:
    """Compiled files, also where nothing ignores them, and records beside the packages."""
    (code / "bench/fit.cpython-311.pyc").touch()
    (code / "record.json").touch()
    known = checkout(code, CODE)
    assert known and not known.dirty


def distrust(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let git believe, by a program in a folder, that every checkout is another user's."""
    shim = folder / "bin" / "git"
    shim.parent.mkdir()
    owner = "GIT_TEST_ASSUME_DIFFERENT_OWNER=1"
    shim.write_text(f'#!/bin/sh\n{owner} exec {shutil.which("git")} "$@"\n', encoding="utf-8")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}{os.pathsep}{os.environ['PATH']}")


def test_a_checkout_of_another_user_is_told_as_such(
    code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that mends it, and never as if there were no checkout."""
    distrust(tmp_path, monkeypatch)
    said = rf"another user owns it.* git config --global --add safe.directory {code.parents[1]}$"
    for ask in (lambda: resolve("HEAD", root=code), lambda: checkout(code, CODE)):
        with pytest.raises(UserError, match=said):
            ask()
