"""Sources that may hold a data set, and ready loaders of files and addresses, each of which is one.

A task's ``load`` may also be a function of its own, which returns the four arrays. Paths are best
written from the file that names them, as ``Path(__file__).parent / "digits.npz"``.
"""

from __future__ import annotations

import gzip
import http.client
import io
import logging
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from fitting_room.data import arrays
from fitting_room.data.arrays import FILES, RejectedError, SourceError, UnavailableError

_LOG = logging.getLogger(__name__)


class Progress(Protocol):
    """Is told what happens while a data set is looked for."""

    def trying(self, source: str) -> None:
        """Take note that ``source``, in words, is tried now."""
        _LOG.debug("trying %s", source)

    def received(self, done: int, total: int | None) -> None:
        """Take note of ``done`` bytes of the file that is being read, ``total`` where known."""
        return

    def failed(self, source: str, error: SourceError) -> None:
        """Take note that ``source`` gave nothing, and why; another one may stand in for it."""
        level = logging.WARNING if isinstance(error, RejectedError) else logging.INFO
        _LOG.log(level, "%s: %s", source, error)


class LogProgress(Progress):
    """Writes to the log: a damaged or wrong source as a warning, an absent one as information."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a ready loader returns: it reads a data set when it is asked to, and not before."""

    label: str
    """The source, in words."""
    read: Callable[[Progress], Any]
    """Returns what ``arrays.collected`` takes; raises UnavailableError or RejectedError."""
    network: bool = False
    """Whether reading it leaves this machine."""


def sources_of(load: Any) -> tuple[Source, ...]:
    """Return what a task's ``load`` stands for: a source, a plain function, or a tuple of both."""
    if isinstance(load, tuple):
        return tuple(source for each in load for source in sources_of(each))
    if hasattr(load, "read"):
        return (load,)
    name = getattr(load, "__qualname__", repr(load))
    return (Source(label=f"{getattr(load, '__module__', '')}:{name}", read=lambda _: load()),)


Found = list[NDArray[Any]]
"""Four arrays, in the order of ``FILES``."""

MEMBERS = ("x_train", "y_train", "x_test", "y_test")
"""Names of the four arrays in an ``.npz``, as Keras has them."""


def idx(folder: Path, *, label: str = "", files: Sequence[str] = tuple(FILES.values())) -> Source:
    """Return the source of four IDX files in a folder, each raw or as ``.gz``."""
    return Source(
        label=label or f"folder {folder}", read=lambda _: read_idx(folder, files, UnavailableError)
    )


def read_idx(folder: Path, files: Sequence[str], absent: type[SourceError]) -> Found:
    """Return the arrays of four IDX files; raises ``absent`` where one is not there."""
    if not folder.is_dir():
        raise absent("there is no such folder")
    found = []
    for file in files:
        path = next(filter(Path.is_file, (folder / file, folder / f"{file}.gz")), None)
        if path is None:
            raise absent(f"it holds no {file}, neither raw nor as .gz")
        found.append(decode(path.read_bytes(), path.name))
    return found


def decode(content: bytes, file: str) -> NDArray[Any]:
    """Return the array of an IDX file, packed if it is called ``.gz``; raises RejectedError."""
    try:
        return arrays.decode(gzip.decompress(content) if file.endswith(".gz") else content)
    except (OSError, EOFError, zlib.error) as error:
        raise RejectedError(f"{file} is damaged or cut short ({error})") from error
    except ValueError as error:
        raise RejectedError(f"{file} {error}") from error


def named_by_user(folder: Path, name: str) -> Source:
    """Return the source of a data set in a folder that a user named: ``NAME.npz``, or IDX files.

    They may lie in a folder within, called after the data set. Its absence is worth a warning.
    """

    def read(_: Progress) -> Found:
        packed = folder / f"{name}.npz"
        if packed.is_file():
            return read_npz(packed.read_bytes(), packed.name)
        below = (folder / each for each in (name, name.replace("_", "-")))
        within = next((path for path in below if path.is_dir()), folder)
        return read_idx(within, tuple(FILES.values()), RejectedError)

    return Source(label=f"folder {folder}", read=read)


def npz(path: Path, members: Sequence[str] = MEMBERS) -> Source:
    """Return the source of one ``.npz`` that holds the four arrays by these names."""
    return Source(label=f"file {path}", read=lambda _: read_npz(_content(path), path.name, members))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnavailableError(f"{path} cannot be read: {error.strerror or error}") from error


def read_npz(content: bytes, told: str, members: Sequence[str] = MEMBERS) -> Found:
    """Return four arrays of an ``.npz``; unlike ``numpy.load``, with no fallback to a pickle."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return [_npy(archive.read(f"{name}.npy"), name) for name in members]
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, RejectedError) as error:
        raise RejectedError(f"{told} is no whole .npz of plain arrays ({error})") from error


def _npy(content: bytes, told: str) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # a damaged header fails in numpy, ast and tokenize in many ways
        raise RejectedError(f"{told} is no plain array ({error})") from error
    return array


def npy(*, train_images: Path, train_labels: Path, test_images: Path, test_labels: Path) -> Source:
    """Return the source of four ``.npy`` files."""
    paths = (train_images, train_labels, test_images, test_labels)
    return Source(
        label=f"files beside {train_images}",
        read=lambda _: [_npy(_content(path), path.name) for path in paths],
    )


PICTURES = (".png", ".jpg", ".jpeg")


def class_folders(folder: Path, classes: Sequence[str], *, colour: bool = True) -> Source:
    """Return the source of ``train/CLASS/*.png`` and ``test/CLASS/*.jpg`` in a folder.

    Args:
        folder: Holds ``train`` and ``test``, each with one folder per class.
        classes: Names of those folders, in the order of the labels.
        colour: Whether images become (height, width, 3), or grey ones (height, width), uint8.
    """
    parts = (folder / "train", folder / "test")
    return Source(
        label=f"folder {folder}",
        read=lambda _: [array for part in parts for array in _part(part, classes, colour)],
    )


def _part(folder: Path, classes: Sequence[str], colour: bool) -> Found:
    if not folder.is_dir():
        raise UnavailableError(f"there is no folder {folder}")
    there = {path.name for path in folder.iterdir() if path.is_dir()}
    if there != set(classes):
        raise RejectedError(
            f"{folder} holds folders {', '.join(sorted(there)) or 'of no class'}, not "
            f"{', '.join(classes)}"
        )
    images: list[NDArray[Any]] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        paths = (path for path in (folder / name).iterdir() if path.suffix.lower() in PICTURES)
        for path in sorted(paths):
            images.append(_picture(path, colour, images[0].shape if images else None))
            labels.append(label)
    return [np.asarray(images), np.asarray(labels, np.int64)]


def _picture(path: Path, colour: bool, shape: tuple[int, ...] | None) -> NDArray[Any]:
    from PIL import Image  # a task is named by every command, and few read pictures

    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            pixels = np.asarray(image.convert("RGB" if colour else "L"))
    except Exception as error:  # what Pillow raises of a damaged file depends on the byte
        raise RejectedError(f"{path} is no whole PNG or JPEG ({error})") from error
    if shape and pixels.shape != shape:
        height, width = pixels.shape[:2]
        raise RejectedError(f"{path} has {width} × {height} pixels, not {shape[1]} × {shape[0]}")
    return pixels


def idx_download(base: str, files: Sequence[str] = tuple(FILES.values())) -> Source:
    """Return the source of four gzip-compressed IDX files below the address ``base``."""
    packed = [f"{file}.gz" for file in files]
    return Source(
        label=_official(base),
        read=lambda progress: [decode(fetch(f"{base}{x}", progress), x) for x in packed],
        network=True,
    )


def npz_download(url: str, members: Sequence[str] = MEMBERS) -> Source:
    """Return the source of one ``.npz`` at an address."""
    return Source(
        label=_official(url),
        read=lambda progress: read_npz(fetch(url, progress), url, members),
        network=True,
    )


def _official(url: str) -> str:
    return f"official download from {urlsplit(url).hostname}"


_SILENCE_S = 10.0
"""How long a server may say nothing, at connecting or between two chunks."""
_CHUNK_BYTES = 1 << 16


def fetch(url: str, progress: Progress) -> bytes:
    """Return all bytes at ``url``; raises UnavailableError, or RejectedError if cut short twice."""
    try:
        return _fetch_once(url, progress)
    except RejectedError:
        return _fetch_once(url, progress)


def _fetch_once(url: str, progress: Progress) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_SILENCE_S) as response:
            length = response.headers.get("Content-Length")
            total = int(length) if length else None
            content = bytearray()
            while chunk := response.read(_CHUNK_BYTES):
                content += chunk
                progress.received(len(content), total)
    except urllib.error.HTTPError as error:
        raise UnavailableError(f"{url} answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise UnavailableError(f"no connection: {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise RejectedError(f"{url} was interrupted ({error})") from error
    if total is not None and len(content) != total:
        raise RejectedError(f"{url} was interrupted after {len(content):,} of {total:,} bytes")
    return bytes(content)
