"""The local cache: one folder per content, written once, whole or not at all.

A folder holds the arrays as ``.npy`` and where they came from. Its name ends in the checksum of
its content, which is verified whenever it is used, so that no list of what it should be is kept.
``validation_split`` writes a data set for searching, without an image of the test set.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from filelock import FileLock, Timeout

from fitting_room.data.arrays import (
    FILES,
    Arrays,
    RejectedError,
    SourceError,
    UnavailableError,
    combined,
    read_array,
    read_folder,
    verify,
)
from fitting_room.errors import UserError
from fitting_room.machine import cache_folder
from fitting_room.spec import Dataset

_LOCK_TIMEOUT_S = 900.0
"""Longer than another process may need to try every source."""
_ORIGIN = "source.txt"


def root() -> Path:
    """Return the folder of all cached data sets."""
    return cache_folder() / "data"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """The place of one content in the cache, whether it is there or not."""

    folder: Path
    verify: Callable[[Arrays], None]
    """Raises RejectedError unless the arrays are what the entry should hold."""

    def check(self) -> None:
        """Raise UnavailableError or RejectedError unless the content is there and whole."""
        if not self.folder.is_dir():
            raise UnavailableError("it is not there yet")
        try:
            arrays = read_folder(self.folder)
        except (OSError, ValueError) as error:
            raise RejectedError(f"the copy is damaged: {error}") from error
        self.verify(arrays)

    def holds(self) -> bool:
        """Return whether the content is there and whole."""
        try:
            self.check()
        except SourceError:
            return False
        return True

    def keep(
        self,
        get: Callable[[], tuple[Arrays, str]],
        absent: Callable[[SourceError], None] = lambda _: None,
    ) -> str:
        """Write what ``get`` gives unless it is there already, and return where that is from.

        ``absent`` is told why the cache does not do. Raises UserError if it cannot be written.
        """
        try:
            self.check()
        except SourceError as error:
            absent(error)
            with self.lock():
                if not self.holds():  # or another process was faster
                    arrays, origin = get()
                    self.write(arrays, origin)
                    return origin
        return f"local cache, first from {self.origin()}"

    def origin(self) -> str:
        """Return where the content came from, in words."""
        try:
            return (self.folder / _ORIGIN).read_text("utf-8")
        except (OSError, ValueError):
            return "an unknown source"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold off other processes that would fetch the same; raises UserError if none can."""
        lock = FileLock(f"{self.folder}.lock")
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            held = lock.acquire(timeout=_LOCK_TIMEOUT_S)
        except Timeout as error:  # is an OSError too
            raise UserError(
                f"Another process has held {lock.lock_file} for {_LOCK_TIMEOUT_S:.0f} s.\n"
                "See whether it still fetches data, end it if not, and start again."
            ) from error
        except OSError as error:
            raise _unwritable(self.folder.parent, error) from error
        with held:
            yield

    def write(self, arrays: Arrays, origin: str) -> None:
        """Put ``arrays`` in place of whatever is there; call it with the lock held.

        Raises UserError where the folder cannot be written or the disk is full.
        """
        prefix, parent = f"{self.folder.name}.partial-", self.folder.parent
        try:
            for leftover in parent.glob(f"{prefix}*"):  # of a process that was killed
                shutil.rmtree(leftover, ignore_errors=True)
            with TemporaryDirectory(prefix=prefix, dir=parent, ignore_cleanup_errors=True) as name:
                new = Path(name, "new")
                new.mkdir()
                for array in FILES:
                    np.save(new / f"{array}.npy", getattr(arrays, array), allow_pickle=False)
                (new / _ORIGIN).write_text(origin, "utf-8")
                if self.folder.exists():
                    self.folder.replace(Path(name, "old"))
                new.replace(self.folder)
        except OSError as error:
            raise _unwritable(parent, error) from error


def _unwritable(folder: Path, error: OSError) -> UserError:
    return UserError(
        f"The cache folder {folder} cannot be written: {error.strerror or error}.\n"
        "Make room or make it writable, or set the variable XDG_CACHE_HOME to another folder."
    )


HELD_OUT = 5_000
"""Training images that take the place of the test set, unless another number is asked for."""


def validation_split(dataset: Dataset, held_out: int = HELD_OUT) -> Dataset:
    """Return the data set whose test images are the last ``held_out`` training images.

    What is trained on it can choose nothing by the test set: no file of that is opened, and the
    folder, in the cache like any other, holds no image of it. Raises UserError where the training
    images cannot be read or are too few.
    """
    arrays = _split(Path(dataset.folder), held_out)
    sums = arrays.checksums()
    checksum = combined(sums)
    folder = root() / f"validation-{dataset.name}-{held_out}-{checksum[:12]}"
    source = f"validation split of the training images (last {held_out:,})"
    entry = Entry(folder=folder, verify=partial(verify, source, sums))
    entry.keep(lambda: (arrays, f"{source} of {dataset.name}, {dataset.checksum}"))
    return Dataset(
        name=dataset.name, folder=str(folder), source=source, checksum=checksum, validation=True
    )


def _split(folder: Path, held_out: int) -> Arrays:
    try:
        images, labels = (read_array(folder / f"train_{part}.npy") for part in ("images", "labels"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"The training images in {folder} cannot be read: {error}. "
            "Run `fitting-room data` to mend them."
        ) from error
    kept = len(images) - held_out
    if not 0 < held_out < len(images):
        raise UserError(
            f"{held_out:,} of {len(images):,} training images cannot be held out. "
            f"Name a number from 1 to {len(images) - 1:,}."
        )
    return Arrays(
        train_images=images[:kept],
        train_labels=labels[:kept],
        test_images=images[kept:],
        test_labels=labels[kept:],
    )
