"""Locks between processes: that of the machine, and the leases of its GPUs.

The machine's lock belongs to one node. It lies in the user's cache, or in the temporary folder if
other machines share that cache. Every trial of the user takes it, from any checkout: a timed one
exclusively, the others beside each other. It does not keep out trials of other users, trials of
containers with a cache of their own, or other work: ``fitting_room.machine`` detects them.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from itertools import count, product
from pathlib import Path
from typing import IO, TypeVar

from fitting_room.errors import UserError, ending
from fitting_room.machine import VISIBLE, cache_folder, node_folder, visible_gpus

T = TypeVar("T")
Waiting = Callable[[str], None]  # hears what is waited for
LOOK_UP_S = 0.1  # how often a wait for a lock checks whether it is free
SHARED_MEMORY = 0.9  # the share of a GPU's memory for trials side by side; the rest is the driver's


@contextmanager
def machine_lock(waiting: Waiting = lambda _: None, *, exclusive: bool) -> Iterator[None]:
    """Lock this machine; ``waiting`` is called once if another lock is in the way.

    A trial queues before it locks the machine, so that nothing overtakes a timed trial that waits.
    If no lock can be written, an untimed trial runs without.

    Raises:
        CancelledError: The trials of this process are ended meanwhile.
        UserError: An exclusive lock cannot be written.
    """
    others = "the other trials" if exclusive else "a timed trial"
    once = cache(lambda: waiting(f"waiting for {others} on this machine to end"))
    folder = node_folder(cache_folder())
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with file_lock(folder / "turn.lock", once):
                lock = file_lock(folder / "machine.lock", once, exclusive=exclusive)
                stack.enter_context(lock)
        except OSError as error:
            if exclusive:
                raise UserError(f"Nothing can be timed: {_unlockable(folder, error)}") from error
        yield


def _unlockable(folder: Path, error: OSError) -> str:
    return (
        f"{folder} cannot be locked: {error.strerror}. Let XDG_CACHE_HOME name a folder that can "
        "be written, on a disk of this machine."
    )


@contextmanager
def file_lock(
    path: Path, waiting: Callable[[], None] = lambda: None, *, exclusive: bool = True
) -> Iterator[None]:
    """Lock a file; ``waiting`` is called if another process or thread has locked it.

    It uses ``flock``, which the end of a process releases. ``filelock`` uses it as well, but has
    shared locks only in its latest versions, in a database.

    Raises CancelledError if the trials of this process are ended meanwhile.
    """
    with path.open("ab") as file:
        _patiently(lambda: _locked(file, exclusive=exclusive) or None, waiting)
        yield


def _locked(file: IO[bytes], *, exclusive: bool) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        return True
    return False


def _patiently(attempt: Callable[[], T | None], waiting: Callable[[], None]) -> T:
    """Repeat an attempt until it succeeds; ``waiting`` is called once if that takes a while."""
    looks = count()
    while (found := attempt()) is None:
        if next(looks) == 1:  # most locks are released within a moment
            waiting()
        ending.wait(LOOK_UP_S)
        check_not_ending()
    return found


def check_not_ending() -> None:
    """Raise CancelledError if the trials of this process are being ended."""
    if ending.is_set():
        raise CancelledError("this run was ended")


@contextmanager
def gpu_lease(sharing: int, waiting: Waiting) -> Iterator[dict[str, str]]:
    """Lease a GPU that at most so many share; yield the variables that keep a process to its part.

    ``waiting`` is called once if none is free.

    Raises:
        CancelledError: The trials of this process are ended meanwhile.
        UserError: No lock can be written.
    """
    gpus, folder = visible_gpus() or [""], node_folder(cache_folder())
    # Seats of all GPUs before a second seat of any.
    seats = [(gpu, str(seat)) for seat, gpu in product(range(sharing), gpus)]

    def attempt() -> tuple[str, ExitStack] | None:
        for gpu, seat in seats:
            name = f"gpu-{gpu.replace('/', '_')}"
            wanted = {f"{name}.lock": sharing == 1, f"{name}-{seat}.lock": True}
            with ExitStack() as stack:
                files = {stack.enter_context((folder / n).open("ab")): wanted[n] for n in wanted}
                if all(_locked(file, exclusive=alone) for file, alone in files.items()):
                    return gpu, stack.pop_all()
        return None

    try:
        folder.mkdir(parents=True, exist_ok=True)
        gpu, lease = _patiently(attempt, lambda: waiting("waiting for a GPU of this machine"))
    except OSError as error:
        raise UserError(f"No GPU can be leased: {_unlockable(folder, error)}") from error
    with lease:
        parts = {
            "XLA_PYTHON_CLIENT_MEM_FRACTION": f"{SHARED_MEMORY / sharing:.3f}",
            "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        }
        yield ({VISIBLE: gpu} if gpu else {}) | (parts if sharing > 1 else {})
