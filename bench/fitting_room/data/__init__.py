"""Data sets, found, verified and cached. Importing reads no file.

``find`` gives the whole data of a task, ``sample`` a small part of it, and ``validation_split`` one
for searching, without an image of the test set; each as a verified folder, which a trial takes
along and ``load`` maps into memory.

The cache has one folder per content, written once, whole or not at all. It holds the arrays as
``.npy`` and where they came from. Its name ends in the checksum of its content, which is verified
whenever it is used, so that no list of what it should be is kept.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
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
    collected,
    combined,
    load,
    read_array,
    read_folder,
    reduced,
    shared_images,
    verify,
)
from fitting_room.data.loaders import LogProgress, Progress, Source, named_by_user, sources_of
from fitting_room.errors import UserError, named
from fitting_room.machine import cache_folder, spare_folder
from fitting_room.spec import TASKS, Dataset, Look, Task

__all__ = ["Arrays", "LogProgress", "Progress", "Source", "find", "load", "sample"]

DATA_DIR_VARIABLE = "FITTING_ROOM_DATA"

_LOG = logging.getLogger(__name__)
_LOCK_TIMEOUT_S = 900.0
"""Longer than another process may need to try every source."""
_ORIGIN = "source.txt"


def cache_root() -> Path:
    """Return the folder of all cached data sets."""
    return cache_folder() / "data"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """The place of one content in the cache, whether it is there or not."""

    name: str
    """The beginning of the name of its folder."""
    title: str
    """The name of what it holds, for messages."""
    checksums: Mapping[str, str]
    """Array → SHA-256 of what it should be."""
    look: Look | None = None
    root: Path = field(default_factory=cache_root)

    @property
    def checksum(self) -> str:
        """The one SHA-256 of all arrays."""
        return combined(self.checksums)

    @property
    def folder(self) -> Path:
        """The folder of its files."""
        return self.root / f"{self.name}-{self.checksum[:12]}"

    def fault(self) -> SourceError | None:
        """Return why the content cannot be had from here; None where it is there and whole."""
        if not self.folder.is_dir():
            return UnavailableError("it is not there yet")
        try:
            verify(self.title, self.checksums, read_folder(self.folder), self.look)
        except SourceError as error:
            return error
        except (OSError, ValueError) as error:
            return RejectedError(f"the copy is damaged: {error}")
        return None

    def keep(
        self,
        get: Callable[[], tuple[Arrays, str]],
        absent: Callable[[SourceError], None] = lambda _: None,
    ) -> str:
        """Write what ``get`` gives unless it is there already, and return where that is from.

        ``absent`` is told why the cache does not do. Raises UserError if it cannot be written.
        """
        if fault := self.fault():
            absent(fault)
            with self._lock():
                if self.fault():  # and no other process was faster
                    arrays, origin = get()
                    self._write(arrays, origin)
                    return origin
        try:
            origin = (self.folder / _ORIGIN).read_text("utf-8")
        except (OSError, ValueError):
            origin = "an unknown source"
        return f"local cache, first from {origin}"

    @contextmanager
    def _lock(self) -> Iterator[None]:
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

    def _write(self, arrays: Arrays, origin: str) -> None:
        """Put ``arrays`` in place of whatever is there; raises UserError if that cannot be."""
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


def chosen_data_dir(option: str | Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the folder a user named: by the option, else by the variable, else None."""
    value = option or environment.get(DATA_DIR_VARIABLE)
    try:
        return Path(value).expanduser().absolute() if value else None
    except RuntimeError as error:  # of a user that this machine does not know
        raise UserError(f"{value} cannot be found: {error} Write the folder in full.") from error


def find(
    name: str,
    *,
    data_dir: Path | None = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> Dataset:
    """Return a verified copy of the data of the task ``name``, in the cache form.

    Sources are tried in order: the local cache where the task is pinned, then those of the task,
    without the ones that need the network if ``offline``. Where a user named the folder
    ``data_dir``, it alone counts.
    Raises UserError that tells each one tried, why it failed and what to do.
    """
    task = named("data set", name, TASKS)
    search = _Search(task=task, offline=offline, progress=progress or LogProgress())
    if data_dir is not None:
        folder = named_by_user(data_dir, name)
        if (found := search.read(folder)) is None:
            raise search.failure(
                "is not in the folder that was named",
                f"Name one that holds {search.files}, or leave out --data-dir and "
                f"{DATA_DIR_VARIABLE}: then the local cache and the known sources are tried.",
            )
        return _kept(task, found, folder.label)
    if task.pin is None:
        return _kept(task, *search.first())
    entry = _entry(task, task.pin.checksums)
    absent = partial(search.note, f"local cache {entry.folder}")
    return _dataset(name, entry, entry.keep(search.first, absent))


def _entry(task: Task, checksums: Mapping[str, str]) -> Entry:
    look = task.pin.look if task.pin else None
    return Entry(name=task.name, title=task.title, checksums=checksums, look=look)


def _dataset(name: str, entry: Entry, source: str) -> Dataset:
    return Dataset(name=name, folder=str(entry.folder), source=source, checksum=entry.checksum)


def _kept(task: Task, arrays: Arrays, source: str) -> Dataset:
    if task.pin is None:
        _LOG.warning(
            "%s is not pinned, so nothing tells when it changes: run `fitting-room data %s --pin`",
            task.title,
            task.name,
        )
        if shared := shared_images(arrays):
            _LOG.warning("%s: %d test images are training images too", task.title, shared)
    entry = _entry(task, arrays.checksums())
    entry.keep(lambda: (arrays, source))
    return _dataset(task.name, entry, source)


@dataclass(frozen=True, kw_only=True)
class _Search:
    """What was tried so far, in order."""

    task: Task
    offline: bool
    progress: Progress
    tried: list[str] = field(default_factory=list)

    def read(self, source: Source) -> Arrays | None:
        """Return the verified arrays of a source, or None and note why not."""
        pin = self.task.pin
        try:
            if source.network and self.offline:
                raise UnavailableError("not tried, because offline was asked for")
            self.progress.trying(source.label)
            arrays = collected(source.read(self.progress), len(self.task.classes))
            if pin:
                verify(self.task.title, pin.checksums, arrays, pin.look)
        except SourceError as error:
            self.note(source.label, error)
        except OSError as error:  # a folder without rights, a full disk for temporary files
            self.note(source.label, UnavailableError(str(error)))
        else:
            return arrays
        return None

    def first(self) -> tuple[Arrays, str]:
        """Return the arrays of the task's first source that gives them, and its label."""
        for source in sources_of(self.task.load):
            if (arrays := self.read(source)) is not None:
                return arrays, source.label
        again = "without --offline " if self.offline else ""
        raise self.failure(
            "cannot be had. Tried, in this order",
            f"Mend what its task loads, run `fitting-room data {self.task.name}` {again}where there"
            f" is a network,\nor name a folder that holds {self.files}, with --data-dir or "
            f"{DATA_DIR_VARIABLE}.",
        )

    def note(self, label: str, error: SourceError) -> None:
        """Keep why a source gave nothing, and tell it."""
        self.tried.append(f"  - {label}: {error}")
        self.progress.failed(label, error)

    def failure(self, happened: str, mend: str) -> UserError:
        """Return the error: what was tried, why it failed, what to do."""
        return UserError("\n".join((f"{self.task.title} {happened}:", *self.tried, mend)))

    @property
    def files(self) -> str:
        """What a folder that a user names must hold."""
        return f"{self.task.name}.npz or its four IDX files, raw or .gz"


def sample(name: str) -> Dataset:
    """Return the small stratified sample of the task ``name``, in the cache form.

    It is the one that the task ships, which needs no network, or else taken from the whole. Where
    the cache cannot be written, it lies in a temporary folder. Raises UserError where there is no
    such task, or its sample is damaged.
    """
    task = named("data set", name, TASKS)
    title = f"the sample of {task.title}"
    if task.sample is None:
        arrays, source = reduced(load(find(name))), "sample of the whole data set"
        sums: Mapping[str, str] = arrays.checksums()
    else:
        (shipped,) = sources_of(task.sample)
        source = "sample shipped with the project"
        try:
            arrays = collected(shipped.read(LogProgress()), len(task.classes))
            sums = (task.pin.sample if task.pin else None) or arrays.checksums()
            verify(title, sums, arrays)
        except (SourceError, OSError) as error:
            raise UserError(
                f"{shipped.label}, {title}, is damaged: {error}.\nRestore its files."
            ) from error
    entry = Entry(name=f"sample-{name}", title=title, checksums=sums)
    try:
        entry.keep(lambda: (arrays, source))
    except UserError:
        entry = replace(entry, root=spare_folder() / "data")
        entry.keep(lambda: (arrays, source))
    return replace(_dataset(name, entry, source), sample=True)


HELD_OUT = 5_000
"""Training images that take the place of the test set, unless another number is asked for."""


def validation_split(dataset: Dataset, held_out: int = HELD_OUT) -> Dataset:
    """Return the data set whose test images are the last ``held_out`` training images.

    What is trained on it can choose nothing by the test set: no file of that is opened, and the
    folder, in the cache like any other, holds no image of it. Raises UserError where the training
    images cannot be read or are too few.
    """
    whole = Path(dataset.folder)
    try:
        images, labels = (read_array(whole / f"train_{part}.npy") for part in ("images", "labels"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"The training images in {whole} cannot be read: {error}. "
            "Run `fitting-room data` to mend them."
        ) from error
    if not 0 < held_out < len(images):
        raise UserError(
            f"{held_out:,} of {len(images):,} training images cannot be held out. "
            f"Name a number from 1 to {len(images) - 1:,}."
        )
    arrays = Arrays(
        train_images=images[:-held_out],
        train_labels=labels[:-held_out],
        test_images=images[-held_out:],
        test_labels=labels[-held_out:],
    )
    name, source = dataset.name, f"validation split of the training images (last {held_out:,})"
    folder = f"validation-{name}-{held_out}"
    entry = Entry(name=folder, title=source, checksums=arrays.checksums())
    entry.keep(lambda: (arrays, f"{source} of {name}, {dataset.checksum}"))
    return replace(_dataset(name, entry, source), validation=True)


def held(datasets: Iterable[Dataset]) -> dict[str, Arrays]:
    """Return those that are here and verified, by checksum; the network is not asked."""
    found: dict[str, Arrays] = {}
    for name, checksum in dict.fromkeys((each.name, each.checksum) for each in datasets):
        with suppress(UserError):  # a picture of it is missing then, and says so
            pin = named("data set", name, TASKS).pin
            whole = pin is None or checksum == combined(pin.checksums)
            dataset = find(name, offline=True) if whole else sample(name)
            if pin is None and dataset.checksum != checksum:
                dataset = sample(name)
            if dataset.checksum == checksum:
                found[checksum] = load(dataset)
    return found
