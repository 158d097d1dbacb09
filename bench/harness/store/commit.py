"""What a commit of this project holds, without touching the checkout."""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from bench.harness.errors import UserError, nearest


def resolve(name: str, *, root: Path) -> str | None:
    """Return the full hash of the commit that ``name`` stands for, or None."""
    # A leading dash would be taken for an option.
    wanted = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    ran = _git(root, *wanted)
    return None if ran is None or ran.returncode else ran.stdout.decode().strip()


def suggestion(name: str, *, root: Path) -> str:
    """Return a sentence with the branch or tag closest to ``name``."""
    ran = _git(root, "for-each-ref", "--format=%(refname:short)")
    names = ran.stdout.decode().split() if ran else []
    return nearest(name, names) if names else f"There is no git checkout with commits in {root}."


@contextmanager
def exported(commit: str, *, root: Path) -> Iterator[Path]:
    """Write the files of a commit into a folder that is gone after the block.

    Raises:
        UserError: Git cannot do it.
    """
    ran = _git(root, "archive", "--format=tar", commit)
    if ran is None or ran.returncode:
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
    """Check a commit out into a folder of its own that is gone after the block.

    Unlike an export it is known to git, so that what is trained there knows its commit.

    Raises:
        UserError: Git cannot do it.
    """
    with tempfile.TemporaryDirectory(prefix="fitting-room-") as parent:
        folder = Path(parent).resolve() / commit[:12]
        ran = _git(root, "worktree", "add", "--detach", "--quiet", str(folder), commit)
        if ran is None or ran.returncode:
            raise UserError(f"Commit {commit[:12]} cannot be checked out: {_said(ran)}.")
        try:
            yield folder
        finally:
            _git(root, "worktree", "remove", "--force", str(folder))


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    """Return how git ended, or None where there is none."""
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False)
    except OSError:
        return None


def _said(ran: subprocess.CompletedProcess[bytes] | None) -> str:
    return ran.stderr.decode(errors="replace").strip() if ran else "there is no git here"
