"""Locks between runs; the end of a process releases whatever it holds, however it ends.

The machine's lock lies in the user's cache. Every trial of that user takes it, from whatever
checkout: a timed one alone, the others beside each other. Trials of other users, of containers with
a cache of their own, and work that is no trial are not kept out: ``fitting_room.machine`` tells
afterwards that they were there.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

from fitting_room.errors import UserError
from fitting_room.machine import cache_folder
from fitting_room.surroundings import ending

LOOK_UP_S = 0.1
"""How often one that waits for a lock looks whether it is free."""


def check_not_ending() -> None:
    """Raise CancelledError if the trials of this process are being ended."""
    if ending.is_set():
        raise CancelledError("this run was ended")


def why_wait(*, alone: bool) -> str:
    """Return what a trial waits for where the machine is taken."""
    if alone:
        return "waiting for the other trials on this machine to end"
    return "waiting for a timed trial on this machine to end"


@contextmanager
def machine_held(waiting: Callable[[], None] = lambda: None, *, alone: bool) -> Iterator[None]:
    """Hold this machine, ``alone`` or beside others; ``waiting`` is called once if that must wait.

    A trial takes its turn before it takes the machine, and keeps the turn until it has it. So
    nothing overtakes a timed trial that waits, and untimed ones cannot keep it out for ever. Where
    no lock can be written an untimed trial goes without.

    Raises:
        CancelledError: The trials of this process are ended meanwhile.
        UserError: It is to be held alone, and no lock can be written.
    """
    folder = cache_folder()
    once = cache(waiting)
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with held(folder / "turn.lock", once):
                lock = stack.enter_context((folder / "machine.lock").open("ab"))
                _await(lambda: _taken(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH), once)
        except OSError as error:
            if alone:
                raise UserError(
                    f"Nothing can be timed, as {folder} cannot be locked: {error.strerror}. Let "
                    "XDG_CACHE_HOME name a folder that can be written, on a disk of this machine."
                ) from error
        yield


@contextmanager
def held(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock at ``path``; ``waiting`` is called if another process or thread holds it.

    Raises CancelledError if the trials of this process are ended meanwhile.
    """
    lock = FileLock(path)
    _await(lambda: _acquired(lock), waiting)
    try:
        yield
    finally:
        lock.release()


def _await(taken: Callable[[], bool], waiting: Callable[[], None]) -> None:
    for look in count():
        if taken():
            return
        if look == 1:  # another's turn lasts but a moment where nobody is timed: no word of that
            waiting()
        ending.wait(LOOK_UP_S)
        check_not_ending()


def _acquired(lock: FileLock) -> bool:
    with suppress(Timeout):
        lock.acquire(blocking=False)
    return lock.is_locked


def _taken(lock: IO[bytes], kind: int) -> bool:
    """Lock an open file if it is free; its own library locks one alone by the same call.

    ``filelock`` has shared locks only in its latest versions, in a database, which checkouts of
    before this file would not heed.
    """
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
