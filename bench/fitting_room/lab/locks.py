"""Locks between processes: that of the machine, and the leases of its GPUs.

The machine's lock lies in the user's cache, or in its temporary folder where that cache is shared
with other machines by a network: it is of one node. Every trial of that user takes it, from
whatever checkout: a timed one exclusively, the others beside each other. Trials of other users, of
containers with a cache of their own, and other work are not kept out: ``fitting_room.machine``
tells afterwards that they were there.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from itertools import count, product, takewhile
from pathlib import Path
from typing import IO, TypeVar

from fitting_room.errors import UserError, ending
from fitting_room.machine import cache_folder, spare_folder

T = TypeVar("T")

LOOK_UP_S = 0.1
"""How often one that waits for a lock looks whether it is free."""

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""Names the GPUs that a process may use."""

DRIVER = Path("/dev")
"""Holds a file ``nvidia0``, ``nvidia1``, … for each GPU of this node, or of this container."""

SHARED_MEMORY = 0.9
"""Part of a GPU's memory that trials side by side share out; the rest is the driver's."""

NETWORKS = ("9p", "afs", "beegfs", "ceph", "cifs", "gpfs", "lustre", "nfs", "panfs", "smb", "weka")
"""What the types of file systems begin with that several machines share; some begin with fuse."""

MOUNTS = Path("/proc/self/mounts")


def node_folder(folder: Path, mounts: Path = MOUNTS) -> Path:
    """Return a folder for locks of this node: the given one, unless other nodes share it."""
    try:
        rows = [line.split() for line in mounts.read_text("utf-8", "replace").splitlines()]
    except OSError:  # no Linux: nothing tells
        return folder
    where = folder.resolve()
    above = [(len(row[1]), row[2]) for row in rows if where.is_relative_to(row[1])]
    kind = max(above, default=(0, ""))[1].removeprefix("fuse.").removeprefix("gluster")
    shared = kind.startswith((*NETWORKS, "fs", "sshfs"))
    return spare_folder() / "locks" if shared else folder


def why_wait(*, exclusive: bool) -> str:
    """Return what a trial waits for while the machine is locked."""
    others = "the other trials" if exclusive else "a timed trial"
    return f"waiting for {others} on this machine to end"


@contextmanager
def machine_lock(waiting: Callable[[], None] = lambda: None, *, exclusive: bool) -> Iterator[None]:
    """Lock this machine; ``waiting`` is called once if another lock is in the way.

    A trial queues before it locks the machine, so that nothing overtakes a timed trial that waits.
    If no lock can be written, an untimed trial runs without.

    Raises:
        CancelledError: The trials of this process are ended meanwhile.
        UserError: The lock is to be exclusive, and cannot be written.
    """
    folder, once = node_folder(cache_folder()), cache(waiting)
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with file_lock(folder / "turn.lock", once):
                lock = file_lock(folder / "machine.lock", once, exclusive=exclusive)
                stack.enter_context(lock)
        except OSError as error:
            if exclusive:
                raise UserError(f"Nothing can be timed, as {_unlockable(folder, error)}") from error
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

    By ``flock``, which the end of a process releases and which ``filelock`` uses as well: that
    library has shared locks only in its latest versions, in a database.

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
    """Return what an attempt gives at last; ``waiting`` is called once if that takes a while."""
    looks = count()
    while (found := attempt()) is None:
        if next(looks) == 1:  # most are released within a moment, which is not worth a word
            waiting()
        ending.wait(LOOK_UP_S)
        check_not_ending()
    return found


def check_not_ending() -> None:
    """Raise CancelledError if the trials of this process are being ended."""
    if ending.is_set():
        raise CancelledError("this run was ended")


def visible_gpus(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the GPUs that this process may use, as CUDA names them; none where nothing tells."""
    if VISIBLE not in environment:
        return [str(number) for number in range(len([*DRIVER.glob("nvidia[0-9]*")]))]
    named = [name.strip() for name in environment[VISIBLE].split(",")]
    return [*takewhile(lambda name: name and not name.startswith("-"), named)]  # as CUDA reads it


@contextmanager
def gpu_lease(sharing: int, waiting: Callable[[], None]) -> Iterator[dict[str, str]]:
    """Lease one of the GPUs; yield the variables that keep a process on it, and in its part of it.

    Args:
        sharing: Trials that may share a GPU: one that asks for 1 has it alone.
        waiting: Called once if none is free.

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
        gpu, lease = _patiently(attempt, waiting)
    except OSError as error:
        raise UserError(f"No GPU can be leased, as {_unlockable(folder, error)}") from error
    with lease:
        yield ({VISIBLE: gpu} if gpu else {}) | (_parts(sharing) if sharing > 1 else {})


def _parts(sharing: int) -> dict[str, str]:
    """Return what keeps JAX within its part of a GPU, and TensorFlow from taking all of it."""
    return {
        "XLA_PYTHON_CLIENT_MEM_FRACTION": f"{SHARED_MEMORY / sharing:.3f}",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
