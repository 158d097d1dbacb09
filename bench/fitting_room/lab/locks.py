"""Locks between processes, and that of the machine.

The machine's lock lies in the user's cache, or in its temporary folder where that cache is shared
with other machines by a network: it is of one node. Every trial of that user takes it, from
whatever checkout: a timed one exclusively, the others beside each other. Trials of other users, of
containers with a cache of their own, and other work are not kept out: ``fitting_room.machine``
tells afterwards that they were there.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path

from fitting_room.errors import UserError, ending
from fitting_room.machine import cache_folder, spare_folder

LOOK_UP_S = 0.1
"""How often one that waits for a lock looks whether it is free."""


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
                raise UserError(
                    f"Nothing can be timed, as {folder} cannot be locked: {error.strerror}. Let "
                    "XDG_CACHE_HOME name a folder that can be written, on a disk of this machine."
                ) from error
        yield


@contextmanager
def file_lock(
    path: Path, waiting: Callable[[], None] = lambda: None, *, exclusive: bool = True
) -> Iterator[None]:
    """Lock a file; ``waiting`` is called if another process or thread has locked it.

    By ``flock``, which the end of a process releases and which ``filelock`` uses as well: that
    library has shared locks only in its latest versions, in a database.

    Raises CancelledError if the trials of this process are ended meanwhile.
    """
    kind = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB
    with path.open("ab") as file:
        for look in count():
            with suppress(BlockingIOError):
                fcntl.flock(file, kind)
                break
            if look == 1:  # most are released within a moment, which is not worth a word
                waiting()
            ending.wait(LOOK_UP_S)
            check_not_ending()
        yield


def check_not_ending() -> None:
    """Raise CancelledError if the trials of this process are being ended."""
    if ending.is_set():
        raise CancelledError("this run was ended")
