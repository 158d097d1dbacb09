"""A folder that holds the four IDX files, raw or compressed, as a source."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bench.harness.data import idx
from bench.harness.data.arrays import FILES, Arrays
from bench.harness.data.failures import RejectedError, SourceError, UnavailableError
from bench.harness.data.progress import Progress


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
        return idx.decode(content)
    except ValueError as error:
        raise RejectedError(f"{file} {error}") from error
