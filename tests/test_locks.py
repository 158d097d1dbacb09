"""The machine's lock: shared by trials, alone for timed ones, and gone with its process."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from filelock import FileLock, Timeout
from imports import ROOT

from fitting_room.errors import UserError
from fitting_room.lab.locks import machine_held


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let the lock be this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "fitting-room"


@contextmanager
def waiter(*, alone: bool) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Start what wants the machine; yield when it was told to wait, and when it has the machine."""
    waits, has = threading.Event(), threading.Event()

    def want() -> None:
        with machine_held(waits.set, alone=alone):
            has.set()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(want)
        yield waits, has
        future.result(10)


def test_untimed_trials_share_the_machine() -> None:
    """The second has it at once, and is told nothing."""
    with machine_held(alone=False), waiter(alone=False) as (waits, has):
        assert has.wait(10)
    assert not waits.is_set()


def test_nothing_overtakes_a_timed_trial_that_waits() -> None:
    """An untimed one that comes later waits too, though only untimed ones have the machine."""
    with ExitStack() as first:
        first.enter_context(machine_held(alone=False))
        with waiter(alone=True) as (timed_waits, timed_has):
            assert timed_waits.wait(10)
            with waiter(alone=False) as (later_waits, later_has):
                assert later_waits.wait(10)
                assert not timed_has.is_set()
                assert not later_has.is_set()
                first.close()


@pytest.mark.parametrize("alone", [True, False])
def test_death_releases_the_machine(alone: bool) -> None:
    """A killed process holds nothing, be it alone or beside others."""
    program = (
        "from fitting_room.lab.locks import machine_held\n"
        f"with machine_held(alone={alone}): print('held', flush=True); input()"
    )
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe) as other:
        assert other.stdout and other.stdout.readline() == b"held\n"
        with waiter(alone=True) as (waits, has):
            assert waits.wait(10)
            assert not has.is_set()
            other.kill()
            assert has.wait(10)


@pytest.mark.parametrize("alone", [True, False])
def test_an_older_checkout_keeps_out_and_is_kept_out(cache: Path, alone: bool) -> None:
    """One from before trials shared the machine locks the same file, alone, by its library."""
    with machine_held(alone=alone), pytest.raises(Timeout):
        FileLock(cache / "machine.lock").acquire(blocking=False)
    with ExitStack() as older:
        older.enter_context(FileLock(cache / "machine.lock"))
        with waiter(alone=alone) as (waits, has):
            assert waits.wait(10)
            assert not has.is_set()
            older.close()


def test_where_no_lock_can_be_written_nothing_is_timed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An untimed trial goes without; a timed one says what to do."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with machine_held(alone=False):
        pass
    with pytest.raises(UserError, match="XDG_CACHE_HOME"), machine_held(alone=True):
        pass
