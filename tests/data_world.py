"""A small world for the tests of data: the shipped samples stand in for the whole data sets."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from fitting_room.data import arrays as idx
from fitting_room.data import catalogue
from fitting_room.data.arrays import FILES, Arrays
from fitting_room.data.catalogue import Known, Look, Source
from fitting_room.data.finding import SAMPLES
from fitting_room.data.progress import LogProgress, Progress, SourceError
from fitting_room.data.sources import Folder

TITLES = {"fashion_mnist": "Fashion MNIST", "mnist": "MNIST"}


def tiny(name: str) -> Arrays:
    """Return the sample of a data set, read from the project's own files."""
    return Folder(path=SAMPLES / name, label="sample").read(LogProgress())


def know(monkeypatch: pytest.MonkeyPatch, name: str, *sources: Source) -> Known:
    """Let the sample of ``name`` be the whole data set, to be had from ``sources``."""
    arrays = tiny(name)
    mean = round(float(arrays.train_images.mean()), 2)
    look = Look(train_counts=(100,) * 10, test_counts=(50,) * 10, pixel_mean=mean)
    checksums = arrays.checksums()
    known = Known(name=name, title=TITLES[name], checksums=checksums, look=look, sources=sources)
    monkeypatch.setitem(catalogue.KNOWN, name, known)
    return known


def write_idx(arrays: Arrays, folder: Path, *, packed: bool = False) -> Path:
    """Write the four IDX files to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in FILES.items():
        content = idx.encode(getattr(arrays, name))
        if packed:
            (folder / f"{file}.gz").write_bytes(gzip.compress(content, 1, mtime=0))
        else:
            (folder / file).write_bytes(content)
    return folder


@dataclass(frozen=True)
class FakeSource:
    """Gives ``outcome``, or raises it; counts how often it was asked."""

    outcome: Arrays | Exception
    label: str = "fake source"
    asked: list[None] = field(default_factory=list)
    network: ClassVar[bool] = True

    def read(self, progress: Progress) -> Arrays:
        """Give or raise."""
        progress.received(1, None)
        self.asked.append(None)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Notes(LogProgress):
    """Keeps what was told of sources that gave nothing."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def failed(self, source: str, error: SourceError) -> None:
        """Keep it."""
        self.lines.append(f"{source}: {error}")
