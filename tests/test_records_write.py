"""Writing records: whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import errno
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from records import make_record

from fitting_room.errors import UserError
from fitting_room.store.records import Store, write_whole

RECORD = make_record()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty store."""
    return Store(tmp_path / "trials")


def files(folder: Path) -> list[str]:
    """Return the names of all files below a folder."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_results_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """The error names the file, the reason and the option."""
    (tmp_path / "results").write_text("a file, no folder")
    store = Store(tmp_path / "results" / "trials")
    with pytest.raises(UserError, match=r"Cannot write .*: Not a directory.*--results"):
        store.put(RECORD)
    with pytest.raises(UserError, match=r"Cannot write"):
        store.check_writable()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_read_only_folder_is_told_before_training(store: Store) -> None:
    """A folder that refuses a record is found out by the first check."""
    store.root.mkdir()
    store.root.chmod(0o500)
    with pytest.raises(UserError, match="Permission denied"):
        store.check_writable()


def test_check_leaves_nothing_behind(store: Store) -> None:
    """Asking whether a folder can be written leaves no file in it."""
    store.check_writable()
    assert files(store.root) == []


@pytest.mark.parametrize(
    ("fault", "shown"),
    [(OSError(errno.ENOSPC, "No space left on device"), UserError), (KeyboardInterrupt(), None)],
)
def test_write_cut_short_leaves_the_old_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: BaseException,
    shown: type[Exception] | None,
) -> None:
    """Neither a full disk nor Ctrl-C leaves part of a file, or loses the one before."""

    def write_half(self: Path, content: bytes) -> int:
        with self.open("wb") as stream:
            stream.write(content[: len(content) // 2])
        raise fault

    path = tmp_path / "record.json"
    path.write_text("old")
    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(shown or KeyboardInterrupt):
        write_whole(path, b"new content")
    assert (path.read_text(), files(tmp_path)) == ("old", ["record.json"])


def put_often(root: Path) -> None:
    """Put the same record again and again; run by another process."""
    for _ in range(50):
        Store(root).put(RECORD)


def test_two_processes_leave_one_whole_file(store: Store) -> None:
    """However writes overlap, every reader sees a whole record, and no temporary file stays."""
    store.put(RECORD)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        writers = [pool.submit(put_often, store.root) for _ in range(2)]
        while not all(writer.done() for writer in writers):
            assert store.find(RECORD.spec.case.name, RECORD.key) == RECORD
    assert [writer.exception() for writer in writers] == [None, None]
    assert len(files(store.root)) == 1
