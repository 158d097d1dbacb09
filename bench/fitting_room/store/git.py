"""What git knows of this project: the commit of a checkout, and what a commit holds."""

from __future__ import annotations

import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from fitting_room.errors import UserError, nearest

KEPT = ("GIT_CONFIG_", "GIT_EXEC_PATH")
"""Variables that say how git is set up; the others of GIT_* name a repository, maybe another."""

REFUSALS = ("dubious ownership", "unsafe repository")
"""What git says, from 2.35.3 and before, of a repository that is another user's."""


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """What git knows of folders of a checkout."""

    commit: str | None
    """Full hash; None before the first."""
    tracked: frozenset[str]
    """Files, with paths from the root that was asked for."""
    dirty: bool
    """Whether the folders differ from the commit."""


def checkout(root: Path, folders: Iterable[str]) -> Checkout | None:
    """Return what git knows of folders under ``root``; None where it tracks nothing in them.

    Raises:
        UserError: The checkout is another user's, so that git refuses to read it.
    """
    known = _lines(git(root, "ls-files", "-v", "-z", "--", *folders))
    if not known:
        return None
    head = git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    shown = ("--porcelain", "-z", "--untracked-files=all", "--ignored=traditional")
    changes = git(root, "status", *shown, "--", *folders)
    return Checkout(
        commit=None if head.returncode else head.stdout.decode().strip(),
        tracked=frozenset(line[2:] for line in known),
        dirty=changes.returncode != 0
        or any(map(_is_change, _lines(changes)))
        # Git does not look at files that it was told to assume unchanged: their tag is no H.
        or any(not line.startswith("H ") for line in known),
    )


def _is_change(line: str) -> bool:
    """Whether a line of ``git status`` tells of a change: code is one, also where it is ignored."""
    return not line.endswith(".pyc") and (not line.startswith("!! ") or line.endswith(".py"))


def _lines(ran: subprocess.CompletedProcess[bytes]) -> list[str]:
    return [] if ran.returncode else os.fsdecode(ran.stdout).split("\0")[:-1]


def resolve(name: str, *, root: Path) -> str | None:
    """Return the full hash of the commit that ``name`` stands for, or None.

    Raises:
        UserError: The checkout is another user's, so that git refuses to read it.
    """
    # A leading dash would be taken for an option.
    wanted = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    ran = git(root, *wanted)
    return None if ran.returncode else ran.stdout.decode().strip()


def suggestion(name: str, *, root: Path) -> str:
    """Return a sentence with the branch or tag closest to ``name``."""
    names = git(root, "for-each-ref", "--format=%(refname:short)").stdout.decode().split()
    return nearest(name, names) if names else f"There is no git checkout with commits in {root}."


@contextmanager
def exported(commit: str, *, root: Path, only: Iterable[str] = ()) -> Iterator[Path]:
    """Write the files that a commit has below ``root`` into a folder that is gone after the block.

    The root, the project's folder, lies at the top of its repository or below. ``only`` names
    folders in it; all are written, if none is named.

    Raises:
        UserError: Git cannot do it.
    """
    ran = git(root, "archive", "--format=tar", commit, "--", *only)
    if b"directory is untracked" in ran.stderr:
        raise _elsewhere(commit, _prefix(root))
    if ran.returncode:
        raise UserError(f"The files of commit {commit[:12]} cannot be read: {_said(ran)}.")
    with tempfile.TemporaryDirectory(prefix="fitting-room-") as parent:
        folder = Path(parent).resolve() / commit[:12]
        with tarfile.open(fileobj=BytesIO(ran.stdout)) as tar:
            for member in tar:
                if content := tar.extractfile(member):
                    path = folder / member.name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content.read())
        yield folder


@contextmanager
def worktree(commit: str, *, root: Path) -> Iterator[Path]:
    """Check a commit out into a folder of its own, and give the project's in it, for one block.

    Unlike an export it is known to git, so that what is trained there knows its commit.

    Raises:
        UserError: Git cannot do it.
    """
    with tempfile.TemporaryDirectory(prefix="fitting-room-") as parent:
        folder = Path(parent).resolve() / commit[:12]
        ran = git(root, "worktree", "add", "--detach", "--quiet", str(folder), commit)
        if ran.returncode:
            raise UserError(f"Commit {commit[:12]} cannot be checked out: {_said(ran)}.")
        # As far below the top of the worktree as ``root`` is in its own.
        project = folder / _prefix(root)
        try:
            if not project.is_dir():
                raise _elsewhere(commit, _prefix(root))
            yield project
        finally:
            git(root, "worktree", "remove", "--force", str(folder))


def _prefix(root: Path) -> str:
    return os.fsdecode(git(root, "rev-parse", "--show-prefix").stdout).rstrip("\n")


def _elsewhere(commit: str, prefix: str) -> UserError:
    return UserError(
        f"Commit {commit[:12]} has no folder {prefix}, where this project is in its repository. "
        "Name a commit that has it; a copy that was never committed there has none."
    )


def git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Return how git ended in a folder; it fails where there is none.

    The folder alone decides which repository it is, whatever the environment names.

    Raises:
        UserError: The repository is another user's, so that git refuses to read it.
    """
    command = ["git", "-C", str(root), *arguments]
    environment = {**without_git(), "LC_ALL": "C"}  # what it says is read
    try:
        ran = subprocess.run(command, env=environment, capture_output=True, check=False)
    except OSError:
        return subprocess.CompletedProcess(command, 127, b"", b"there is no git here")
    if ran.returncode and any(words in _said(ran) for words in REFUSALS):
        # The command that git names has the path as git wants it.
        lines = map(str.strip, _said(ran).splitlines())
        known = f"git config --global --add safe.directory {root}"
        mending = next((line for line in lines if line.startswith("git config")), known)
        raise UserError(
            f"Git does not read the checkout in {root}, for another user owns it. "
            f"If you trust it, say so with: {mending}"
        )
    return ran


def without_git() -> dict[str, str]:
    """Return the environment without what names a repository, as within a hook of git's."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(KEPT)
    }


def _said(ran: subprocess.CompletedProcess[bytes]) -> str:
    return ran.stderr.decode(errors="replace").strip()
