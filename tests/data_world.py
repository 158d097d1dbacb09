"""A small world for the tests of data: the shipped samples stand in for the whole data sets."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from imports import ROOT

from bench import tasks
from fitting_room.data.arrays import FILES, Arrays, SourceError, collected, encode, look_of
from fitting_room.data.loaders import LogProgress, Progress, Source
from fitting_room.project import current
from fitting_room.spec import TASKS, Pin, Task


def tiny(name: str) -> Arrays:
    """Return the sample of a data set, read from the project's own files."""
    task = tasks.TASKS[name]
    return collected(task.sample.read(LogProgress()), len(task.classes))


def know(monkeypatch: pytest.MonkeyPatch, name: str, *sources: Any, pinned: bool = True) -> Task:
    """Let the sample of ``name`` be the whole data set, to be had from ``sources``."""
    arrays, original = tiny(name), tasks.TASKS[name]
    sums = arrays.checksums()
    pin = Pin(checksums=sums, look=look_of(arrays, 10), sample=sums) if pinned else None
    known = replace(original, load=sources, pin=pin)
    for kept in (TASKS, current(ROOT).tasks):  # a command in this process uses the project anew
        monkeypatch.setitem(kept, name, known)  # type: ignore[arg-type]
    return known


def write_idx(arrays: Arrays, folder: Path, *, packed: bool = False) -> Path:
    """Write the four IDX files to ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in FILES.items():
        content = encode(getattr(arrays, name))
        if packed:
            (folder / f"{file}.gz").write_bytes(gzip.compress(content, 1, mtime=0))
        else:
            (folder / file).write_bytes(content)
    return folder


@dataclass(frozen=True)
class FakeSource:
    """Gives ``outcome``, or raises it; counts how often it was asked."""

    outcome: Any
    label: str = "fake source"
    asked: list[None] = field(default_factory=list)
    network: ClassVar[bool] = True

    def read(self, progress: Progress) -> Any:
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


def read(source: Source) -> Arrays:
    """Return the arrays of a source of ten classes."""
    return collected(source.read(LogProgress()), 10)
