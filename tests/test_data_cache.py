"""The local cache: whole or not there, for one process or two."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bench_runs import PATIENCE_S
from data_world import FakeSource, Notes, know, tiny
from filelock import FileLock
from filelock import Timeout as LockTimeout

from fitting_room.data import cache_root, find, load
from fitting_room.data.arrays import combined
from fitting_room.errors import UserError

pytestmark = pytest.mark.usefixtures("empty_cache")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _flip(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def _break_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:10] + b"(" * 118)


def _pickle(path: Path) -> None:
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)


@pytest.mark.parametrize("damage", [_cut, _flip, _break_header, _pickle, Path.unlink])
def test_a_damaged_cache_is_told_and_repaired(
    monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    """However a cached array is damaged, it is fetched again, and told."""
    source = FakeSource(tiny("mnist"))
    know(monkeypatch, "mnist", source)
    folder = Path(find("mnist").folder)
    damage(folder / "train_images.npy")
    notes = Notes()

    repaired = find("mnist", progress=notes)

    assert notes.lines[0].startswith(f"local cache {folder}: ")
    assert np.array_equal(load(repaired).train_images, tiny("mnist").train_images)
    assert len(source.asked) == 2


def test_a_cache_without_its_note_of_origin_still_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The content is what is verified; where it came from is only told."""
    know(monkeypatch, "mnist", FakeSource(tiny("mnist")))
    (Path(find("mnist").folder) / "source.txt").unlink()

    assert find("mnist").source == "local cache, first from an unknown source"


def test_a_data_set_damaged_after_it_was_found_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading a folder that was cut since gives an error with the cure, and no traceback."""
    know(monkeypatch, "mnist", FakeSource(tiny("mnist")))
    dataset = find("mnist")
    _cut(Path(dataset.folder) / "test_images.npy")

    with pytest.raises(
        UserError, match=r"test_images\.npy is damaged.*\n.*fitting-room data mnist"
    ):
        load(dataset)


def test_an_unwritable_cache_folder_is_named_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The error names a cache folder that cannot be made, and how to choose another."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    know(monkeypatch, "mnist", FakeSource(tiny("mnist")))

    with pytest.raises(UserError, match=r"file/fitting-room/data cannot be written.*\n.*XDG_CACHE"):
        find("mnist")


def test_a_filled_cache_serves_where_nothing_can_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A read-only cache folder that holds the data set is enough."""
    know(monkeypatch, "mnist", FakeSource(tiny("mnist")))
    first = find("mnist")

    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(FileLock, "acquire", read_only)

    assert find("mnist").folder == first.folder


def test_a_full_disk_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fills while a copy is written, that is told and no half of it stays."""
    know(monkeypatch, "mnist", FakeSource(tiny("mnist")))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)

    with pytest.raises(UserError, match="No space left on device"):
        find("mnist")
    assert [path for path in cache_root().iterdir() if path.is_dir()] == []


def test_what_a_killed_process_left_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next write clears the unfinished folders of its own entry, and no other's."""
    know(monkeypatch, "mnist", FakeSource(tiny("mnist")))
    mine = cache_root() / f"mnist-{combined(tiny('mnist').checksums())[:12]}.partial-dead"
    other = cache_root() / "fashion_mnist-0.partial-alive"
    for folder in (mine, other):
        folder.mkdir(parents=True)

    find("mnist")

    assert (mine.exists(), other.exists()) == (False, True)


def test_a_lock_held_for_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that never lets go is named by its lock, with what to do."""
    know(monkeypatch, "mnist", FakeSource(tiny("mnist")))

    def held(lock: FileLock, **_: object) -> None:
        raise LockTimeout(lock.lock_file)

    monkeypatch.setattr(FileLock, "acquire", held)

    with pytest.raises(UserError, match=r"Another process has held .*\.lock"):
        find("mnist")


def _environment() -> dict[str, str]:
    here = Path(__file__).parent
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (here.parent / "bench", here.parent, here))),
    }


RACE = """
import sys, time
from pathlib import Path
import pytest
from data_world import FakeSource, know, tiny
from fitting_room.data import find

class Slow(FakeSource):
    def read(self, progress):
        with Path(sys.argv[1]).open("a") as log:
            log.write("asked\\n")
        time.sleep(0.5)
        return super().read(progress)

know(pytest.MonkeyPatch(), "mnist", Slow(tiny("mnist")))
print(find("mnist").folder)
"""


def test_two_processes_at_once_ask_a_source_once(tmp_path: Path) -> None:
    """The slower of two processes waits for the faster one's copy and uses it."""
    log = tmp_path / "log"
    command = [sys.executable, "-c", RACE, str(log)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment())
        for _ in range(2)
    ]

    folders = {process.communicate(timeout=PATIENCE_S)[0] for process in both}

    assert [process.returncode for process in both] == [0, 0]
    assert len(folders) == 1
    assert log.read_text() == "asked\n"
