"""Records: their own figures, how they are written, whole or not at all, and who finds them."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from records import MACHINE, disturbed, make_failed_record, make_record

from fitting_room.errors import UserError
from fitting_room.record import SCHEMA, Outcome, Record, pack_classes, unpack_classes
from fitting_room.store.records import Store, read_record, write_whole

RECORD = make_record()
CASE, KEY = RECORD.spec.case.name, RECORD.key
OTHER = replace(MACHINE, cores=64)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty store."""
    return Store(tmp_path / "trials")


def files(folder: Path) -> list[str]:
    """Return the names of all files below a folder."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("record", [RECORD, make_failed_record(), make_record(test_loss=None)])
def test_record_comes_back_as_it_was(store: Store, record: Record) -> None:
    """Nothing is lost between a record and its file, nor where much of it is unknown."""
    assert read_record(store.put(record)) == record


def test_record_is_json_that_ends_with_a_line(store: Store) -> None:
    """Any JSON reader reads it, and ``diff`` shows it line by line."""
    text = store.put(RECORD).read_text(encoding="utf-8")
    assert json.loads(text)["spec"]["case"]["recipe"]["epochs"] == RECORD.spec.epochs
    assert text.endswith("}\n")
    assert len(text.splitlines()) > 100


def test_file_is_named_after_seed_key_and_outcome(store: Store) -> None:
    """A listing of the folder tells cases, seeds and what failed apart."""
    good, bad = store.put(RECORD), store.put(replace(make_failed_record(), outcome="timed out"))
    assert good.parent == bad.parent == store.root / CASE
    assert good.name.startswith(f"seed-000-{KEY[:16]}-")
    assert bad.name == f"seed-000-{KEY[:16]}-unknown0-timed_out.json"


def test_record_is_found_by_its_key(store: Store) -> None:
    """Only the whole key finds it, even where another agrees in the part that the name shows."""
    store.put(RECORD)
    assert store.find(CASE, KEY) == RECORD
    assert store.find(CASE, KEY[:16] + "0" * 48) is None
    assert store.find("mnist-dense_128", KEY) is None


@pytest.mark.parametrize("outcome", [o for o in get_args(Outcome) if o != "completed"])
def test_failed_trial_is_no_result(store: Store, outcome: Outcome) -> None:
    """A trial that did not complete is stored and told, and never found as a result."""
    failed = make_record(outcome=outcome)
    assert not failed.completed
    store.put(failed)
    assert store.find(CASE, KEY) is None
    assert store.find(CASE, KEY, machine=MACHINE) is None
    assert store.find(CASE, KEY, outcome=outcome) == failed
    assert list(store.all()) == [failed]


def test_times_are_those_of_this_machine_alone(store: Store) -> None:
    """A result of another machine, or of a shared one, serves as a result and not for times."""
    shared = replace(RECORD, spec=replace(RECORD.spec, alone=False))
    store.put(replace(RECORD, machine=OTHER))
    store.put(shared)
    assert store.find(CASE, KEY) is not None
    assert store.find(CASE, KEY, machine=MACHINE) is None
    store.put(RECORD)
    assert store.find(CASE, KEY, machine=MACHINE) == RECORD


def test_times_of_a_disturbed_trial_do_not_serve(store: Store) -> None:
    """Its record is a result all the same."""
    store.put(disturbed(RECORD))
    assert store.find(CASE, KEY) == disturbed(RECORD)
    assert store.find(CASE, KEY, machine=MACHINE) is None


@pytest.mark.parametrize("newest", [MACHINE, OTHER])
def test_last_started_of_several_answers(store: Store, newest: object) -> None:
    """The newer of two records of a key counts, whatever their files are called."""
    for machine in (MACHINE, OTHER):
        day = 2 if machine == newest else 1
        store.put(replace(RECORD, machine=machine, started=f"2026-01-0{day}T00:00:00+00:00"))
    found = store.find(CASE, KEY)
    assert found is not None
    assert found.machine == newest


@pytest.mark.parametrize("content", [b"", b'{"schema": 1', b"\xff\xfe", b"[1]", b'{"schema": 1}'])
def test_damaged_record_is_moved_aside_and_told(
    store: Store, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    """It counts as absent, is kept under another name, and does not end the run."""
    path = store.put(RECORD)
    path.write_bytes(content)
    assert store.find(CASE, KEY) is None
    assert files(store.root) == [f"{path.name}.unreadable"]
    told = capsys.readouterr().err
    assert str(path) in told
    assert f"moved to {path.name}.unreadable" in told


def test_damaged_record_that_cannot_be_moved_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A read-only folder, or another run that was faster, is no error."""

    def refuse(*_: Path) -> Path:
        raise PermissionError(errno.EACCES, "Permission denied")

    store.put(RECORD).write_bytes(b"{")
    monkeypatch.setattr(Path, "replace", refuse)
    assert store.find(CASE, KEY) is None
    assert "It is counted as absent." in capsys.readouterr().err


def test_unknown_schema_is_refused_with_both_numbers(store: Store) -> None:
    """A record of a later version is not read by guessing."""
    path = store.put(replace(RECORD, schema=SCHEMA + 41))
    expected = f"has record schema {SCHEMA + 41}; this version reads {SCHEMA}"
    with pytest.raises(UserError, match=expected):
        read_record(path)


def test_unreadable_record_stops_a_listing_only_where_it_matters(store: Store) -> None:
    """``all`` refuses a damaged file, ``readable`` leaves it out."""
    store.put(RECORD)
    store.put(make_record(seed=1)).write_bytes(b"{")
    assert store.readable() == [RECORD]
    with pytest.raises(UserError, match=r"seed-001-.* is no readable record"):
        list(store.all())


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


@pytest.mark.parametrize("count", [0, 1, 10_000])
def test_predictions_come_back_as_they_were(count: int) -> None:
    """Packed classes unpack to the same bytes, as text that JSON holds."""
    classes = np.random.default_rng(0).integers(0, 10, count)
    packed = pack_classes(classes)
    assert packed.isascii()
    assert unpack_classes(packed).tolist() == classes.tolist()


def test_packed_predictions_are_compact() -> None:
    """Ten thousand classes take less than one byte each, even where they are random."""
    classes = np.random.default_rng(0).integers(0, 10, 10_000)
    assert len(pack_classes(classes)) < 8_000
