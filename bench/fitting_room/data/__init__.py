"""The sources of the arrays: loaders, checks, checksums, cache. Importing reads no file.

``find`` gives the whole data of a task and ``sample`` a small part of it; both as a verified
folder, which a trial takes along and ``load`` maps into memory.
"""

from __future__ import annotations

import gzip
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fitting_room.data import cache
from fitting_room.data.arrays import (
    FILES,
    Arrays,
    SourceError,
    UnavailableError,
    collected,
    combined,
    encode,
    load,
    shared_images,
    verify,
)
from fitting_room.data.loaders import LogProgress, Progress, Source, named_by_user, sources_of
from fitting_room.errors import UserError, nearest
from fitting_room.machine import spare_folder
from fitting_room.spec import TASKS, Dataset, Task

__all__ = ["Arrays", "LogProgress", "Progress", "Source", "find", "load", "sample"]

DATA_DIR_VARIABLE = "FITTING_ROOM_DATA"

_LOG = logging.getLogger(__name__)


def chosen_data_dir(option: str | Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the folder a user named: by the option, else by the variable, else None."""
    value = option or environment.get(DATA_DIR_VARIABLE)
    try:
        return Path(value).expanduser().absolute() if value else None
    except RuntimeError as error:  # of a user that this machine does not know
        raise UserError(f"{value} cannot be found: {error} Write the folder in full.") from error


def named(name: str) -> Task:
    """Return the task of that name, or raise a UserError that names the nearest."""
    if name not in TASKS:
        raise UserError(f"There is no data set {name!r}. {nearest(name, TASKS)}")
    return TASKS[name]


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
    task = named(name)
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
    return _dataset(task, task.pin.checksums, entry.keep(search.first, absent))


def _entry(task: Task, checksums: Mapping[str, str]) -> cache.Entry:
    folder = cache.root() / f"{task.name}-{combined(checksums)[:12]}"
    look = task.pin.look if task.pin else None
    return cache.Entry(folder=folder, verify=partial(verify, task.title, checksums, look=look))


def _dataset(task: Task, checksums: Mapping[str, str], source: str) -> Dataset:
    folder = str(_entry(task, checksums).folder)
    return Dataset(name=task.name, folder=folder, source=source, checksum=combined(checksums))


def _kept(task: Task, arrays: Arrays, source: str) -> Dataset:
    if task.pin is None:
        _LOG.warning(
            "%s is not pinned, so nothing tells when it changes: run `fitting-room data %s --pin`",
            task.title,
            task.name,
        )
        if shared := shared_images(arrays):
            _LOG.warning("%s: %d test images are training images too", task.title, shared)
    checksums = arrays.checksums()
    _entry(task, checksums).keep(lambda: (arrays, source))
    return _dataset(task, checksums, source)


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


TRAIN_PER_CLASS, TEST_PER_CLASS = 100, 50
"""Images of each class in a sample."""


def sample(name: str) -> Dataset:
    """Return the small stratified sample of the task ``name``, in the cache form.

    It is the one that the task ships, which needs no network, or else taken from the whole. Where
    the cache cannot be written, it lies in a temporary folder. Raises UserError where there is no
    such task, or its sample is damaged.
    """
    task = named(name)
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
    checksum = combined(sums)

    def keep(root: Path) -> Path:
        folder = root / f"sample-{name}-{checksum[:12]}"
        cache.Entry(folder=folder, verify=partial(verify, title, sums)).keep(
            lambda: (arrays, source)
        )
        return folder

    try:
        folder = keep(cache.root())
    except UserError:
        folder = keep(spare_folder() / "data")
    return Dataset(name=name, folder=str(folder), source=source, checksum=checksum, sample=True)


def chosen(labels: NDArray[np.uint8], *, per_class: int) -> NDArray[np.intp]:
    """Return ``per_class`` indices of each class of ``labels``, shape (n,), in rising order.

    They are spread evenly over the data set, whose last images may be of another origin than its
    first; without a random generator, whose stream may change.
    """
    parts = []
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        taken = min(per_class, len(places))
        parts.append(places[np.arange(taken) * len(places) // taken])
    return np.sort(np.concatenate(parts))


def reduced(arrays: Arrays) -> Arrays:
    """Return the sample of a whole data set."""
    train = chosen(arrays.train_labels, per_class=TRAIN_PER_CLASS)
    test = chosen(arrays.test_labels, per_class=TEST_PER_CLASS)
    return Arrays(
        train_images=arrays.train_images[train],
        train_labels=arrays.train_labels[train],
        test_images=arrays.test_images[test],
        test_labels=arrays.test_labels[test],
    )


def write_idx(arrays: Arrays, folder: Path) -> None:
    """Write ``arrays`` to ``folder`` as compressed IDX files, as a sample is shipped."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in FILES.items():
        packed = gzip.compress(encode(getattr(arrays, name)), 9, mtime=0)
        (folder / f"{file}.gz").write_bytes(packed)


def held(datasets: Iterable[Dataset]) -> dict[str, Arrays]:
    """Return those that are here and verified, by checksum; the network is not asked."""
    found: dict[str, Arrays] = {}
    for name, checksum in dict.fromkeys((each.name, each.checksum) for each in datasets):
        with suppress(UserError):  # a picture of it is missing then, and says so
            pin = named(name).pin
            whole = pin is None or checksum == combined(pin.checksums)
            dataset = find(name, offline=True) if whole else sample(name)
            if pin is None and dataset.checksum != checksum:
                dataset = sample(name)
            if dataset.checksum == checksum:
                found[checksum] = load(dataset)
    return found
