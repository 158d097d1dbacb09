"""The official downloads, by the standard library alone, as sources."""

from __future__ import annotations

import http.client
import io
import urllib.error
import urllib.request
import zipfile
import zlib
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from bench.harness.data.arrays import FILES, Arrays
from bench.harness.data.failures import RejectedError, UnavailableError
from bench.harness.data.folder import decode, unpack
from bench.harness.data.progress import Progress

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
