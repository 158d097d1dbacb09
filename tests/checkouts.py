"""Folders of files for tests, and git in them as somebody without settings."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

NOBODY = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


def write_files(folder: Path, files: Mapping[str, str]) -> Path:
    """Write path → text below a folder, and return it."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder as somebody, without settings of the user's."""
    settings = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *settings, *arguments]
    env = os.environ | NOBODY
    return subprocess.check_output(command, env=env, stderr=subprocess.PIPE, text=True).strip()


def commit_all(folder: Path, *arguments: str) -> str:
    """Commit every file, or what the arguments of ``git add`` name; return the commit."""
    git(folder, "add", "--all", *arguments)
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "all")
    return git(folder, "rev-parse", "HEAD")
