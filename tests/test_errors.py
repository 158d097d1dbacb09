"""Errors that a user can mend, and what a process finds around it: streams, signals, folders."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from imports import ROOT

from fitting_room import errors, machine
from fitting_room.data import chosen_data_dir
from fitting_room.errors import UnwritableError, UserError, in_ci, nearest
from fitting_room.lab.scheduler import Scheduler
from fitting_room.spec import folder_of
from fitting_room.store.records import Store, sweep, write_whole

KNOWN = ("dense_128", "cnn_64")
CASES = ("fashion_mnist-cnn_64", "mnist-cnn_64", "mnist-dense_128")
MANY = tuple(f"a-{number}" for number in range(4))


@pytest.mark.parametrize(
    ("wrong", "known", "meant"),
    [
        *((slip, KNOWN, "Did you mean 'cnn_64'? ") for slip in ("cnn64", "cnn_46", "cn_64")),
        ("cnn_64", CASES, "Did you mean 'fashion_mnist-cnn_64' or 'mnist-cnn_64'? "),
        ("cnn64", CASES, "Did you mean 'fashion_mnist-cnn_64' or 'mnist-cnn_64'? "),
        ("a", MANY, ""),
        ("transformer", KNOWN, ""),
    ],
)
def test_the_nearest_names_are_suggested(wrong: str, known: tuple[str, ...], meant: str) -> None:
    """A slip, or a part that at most three names have, is met with them, and with all there are."""
    assert nearest(wrong, iter(known)) == f"{meant}Known: {', '.join(known)}."


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("handler", ["strict", "surrogateescape"])
def test_what_an_encoding_lacks_is_escaped(encoding: str, handler: str) -> None:
    """No sign of a table ends a run where the locale does not know it."""
    written = BytesIO()
    stream = TextIOWrapper(written, encoding=encoding, errors=handler)
    errors.tolerate(stream, 1)
    stream.write("n ≥ 3")
    stream.flush()
    assert written.getvalue() == b"n \\u2265 3"


def test_a_full_disk_takes_the_output_and_not_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was to be shown is lost, which is said; whoever writes goes on."""
    monkeypatch.setattr(errors, "_lost", {})
    with Path("/dev/full").open("wb", buffering=0) as full:
        led: list[int] = []
        monkeypatch.setattr(errors, "_lead_nowhere", led.append)
        stream = TextIOWrapper(full, write_through=True)  # type: ignore[arg-type]
        errors.tolerate(stream, 1)
        stream.write("a verdict")
        stream.detach()
    assert led == [1]
    assert "No space left on device" in str(errors.unwritten())


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EBADF])
def test_output_that_nobody_reads_is_not_missed(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``head`` has seen enough, and who closes standard output wants none."""
    monkeypatch.setattr(errors, "_lost", {1: OSError(number, "gone")})
    assert errors.unwritten() is None


@pytest.mark.parametrize(
    ("redirection", "status"), [(">/dev/full", 2), (">&-", 0), ("2>&- >/dev/null", 0), ("<&-", 0)]
)
def test_commands_meet_odd_streams_without_a_traceback(redirection: str, status: int) -> None:
    """A disk that is full is a mistake that can be mended; a closed stream is a wish."""
    shell = f'"{sys.executable}" -m bench show {redirection}'
    done = subprocess.run(["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_and_the_next_one_hurries(number: signal.Signals) -> None:
    """The first is a Ctrl-C, whichever it is; while all is being ended no other is an error."""
    before = signal.getsignal(number)
    signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may have had it ignored
    with errors.signals_heard():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        errors.ending.set()
        os.kill(os.getpid(), number)
        assert errors.hurry.is_set()
    assert not errors.ending.is_set()
    assert signal.getsignal(number) == signal.SIG_DFL
    signal.signal(number, before)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, False), ("", False), ("false", False), ("False", False), ("0", False), ("true", True)],
)
def test_one_function_knows_continuous_integration(value: str | None, expected: bool) -> None:
    """``CI=false`` says that it is none."""
    assert in_ci({} if value is None else {"CI": value}) is expected


def test_a_user_without_name_or_home_has_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container, of a uid that nobody knows; no folder called ``~`` is made."""
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(machine, "user_cache_path", lambda *_, **__: Path("~/.cache/fitting-room"))
    assert machine.cache_folder() == machine.spare_folder()
    assert machine.spare_folder().name == f"fitting-room-{os.getuid()}"


def test_a_home_that_is_none_is_named() -> None:
    """The error names the home of a user that this machine does not know."""
    with pytest.raises(UserError, match="Write the folder in full"):
        chosen_data_dir("~nobody-of-that-name/data", {})


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it leads to is written, be it a README in another folder."""
    (tmp_path / "there").mkdir()
    link = tmp_path / "README.md"
    link.symlink_to(tmp_path / "there" / "README.md")
    write_whole(link, b"new")
    assert (link.is_symlink(), (tmp_path / "there" / "README.md").read_bytes()) == (True, b"new")


def test_a_long_name_makes_a_folder_of_its_own() -> None:
    """Two names that differ at their ends alone do not share it, and a short one is itself."""
    long = [f"mnist-{'é' * 200}-{end}" for end in "ab"]
    folders = {folder_of(name) for name in long}
    assert (len(folders), folder_of("mnist-dense_128")) == (2, "mnist-dense_128")
    assert all(len(folder.encode()) <= 140 for folder in folders)


def test_a_full_disk_is_noticed_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes an empty file: the probe has bytes, and they cannot be packed."""
    wanted: list[int] = []

    def full(_: Path, content: bytes) -> int:
        wanted.append(len(set(content)))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UnwritableError, match="No space left on device"):
        Store(tmp_path).check_writable()
    assert wanted == [256]


def test_what_is_queued_is_not_begun_once_nothing_can_be_kept(tmp_path: Path) -> None:
    """The trial that found the disk full is the last one."""
    scheduler = Scheduler(store=Store(tmp_path), executor=None)  # type: ignore[arg-type]
    queued: Future[Any] = Future()
    scheduler._futures["a", False] = queued
    found: Future[Any] = Future()
    found.set_exception(UnwritableError("No space left"))
    scheduler._check_writable(found)
    assert (queued.cancelled(), str(scheduler.unwritable)) == (True, "No space left")


def test_leftovers_of_kills_go_after_a_day(tmp_path: Path) -> None:
    """Parts, locks and folders that stayed empty; never a record, nor what is written now."""
    case = tmp_path / "mnist-dense_128"
    names = ("empty", ".locks/a.lock", "mnist-dense_128/.seed-1.json.ab.part", ".writable.part")
    kept = (case / "seed-000.json", case / ".seed-2.json.cd.part")
    for path in [*(tmp_path / name for name in names[1:]), *kept]:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / names[0]).mkdir()
    for path in [*(tmp_path / name for name in names), kept[0]]:
        os.utime(path, (time.time() - 2 * 86400,) * 2)
    sweep(tmp_path)
    assert [name for name in names if (tmp_path / name).exists()] == []
    assert all(path.exists() for path in kept)


def test_tox_takes_any_folder(tmp_path: Path) -> None:
    """Its settings hold no path that would be parted, or read as a pattern."""
    project = tmp_path / "it's [a] ünï"
    project.mkdir()
    for name in ("tox.ini", "pyproject.toml", "constraints.txt"):
        (project / name).write_bytes((ROOT / name).read_bytes())
    asked = ["config", "-e", "bench", "-k", "constraints"]
    command = [sys.executable, "-m", "tox", *asked]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["[testenv:bench]", "constraints = constraints.txt"]
    assert "{work_dir}" not in (ROOT / "tox.ini").read_text("utf-8").split("ignore_errors")[0]
