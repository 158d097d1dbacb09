"""A prepared process: it has imported Keras and its backend, and is forked for each trial.

It computes nothing, so a fork begins as a fresh process does that has imported the same. It imports
nothing of the project either: each fork loads the code as it is then.

``fitting_room.lab.process`` sends three descriptors a trial: those of the fork's standard input, of
its answers, and of what it prints. It is told the number of the fork and, once that has ended, its
status. Until the next trial nobody else can have that number, for the fork is not yet reaped.
"""

from __future__ import annotations

import ctypes
import os
import re
import runpy
import signal
import socket
import struct
import sys
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

NEEDLESS = ("IPython", "matplotlib", "sklearn")
"""Keras does without these, and loads them for nothing that a trial uses: 1.5 s of a processor."""

NUMBER = struct.Struct("i")
PAGE = os.sysconf("SC_PAGE_SIZE")
CHUNK = 16
"""Pages of a file that Linux maps where a process reads in one of them."""
TRIAL = Path(__file__).with_name("__main__.py")


@contextmanager
def absent(*names: str) -> Iterator[None]:
    """Let imports fail as if the packages were not installed; afterwards they can be had."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is Python's own way
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def resident() -> list[int]:
    """Return addresses of the mapped files that this process has in its memory, one a chunk.

    A fork has no chunk of them before it reads there. Where it does at once, its peak memory is
    that of a process that imported by itself.
    """
    found = list[int]()
    try:
        maps = Path("/proc/self/maps").read_text(encoding="utf-8")
        with Path("/proc/self/pagemap").open("rb") as pages:
            for low, high in re.findall(r"^(\w+)-(\w+) r\S+ \S+ \S+ \S+ +/", maps, re.MULTILINE):
                first, last = int(low, 16) // PAGE, int(high, 16) // PAGE
                pages.seek(8 * first)
                told = array("Q", pages.read(8 * (last - first)))
                present = [first + n for n, page in enumerate(told) if page >> 63]
                found += {page // CHUNK: page * PAGE for page in present}.values()
    except OSError:  # a kernel that does not tell
        pass
    return found


def serve(control: socket.socket) -> tuple[list[int], bool]:
    """Fork for each trial that is asked for; return in the fork alone.

    Returns:
        The descriptors of the fork, and whether it is the first.
    """
    pid = 0
    for number in count():
        _, descriptors, *_ = socket.recv_fds(control, 1, 3)
        if pid:
            os.waitpid(pid, 0)
        if not descriptors:  # the parent is gone, or wants no more
            os._exit(0)
        pid = os.fork()
        if not pid:
            return descriptors, number == 0
        for descriptor in descriptors:
            os.close(descriptor)
        control.send(NUMBER.pack(pid))
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert ended  # it was waited for
        exited = ended.si_code == os.CLD_EXITED
        control.send(NUMBER.pack(ended.si_status if exited else -ended.si_status))
    raise AssertionError  # the count has no end


def main() -> None:
    """Import, and become a trial as often as one is asked for."""
    # Ctrl-C is for the forks, and one that comes before they can answer it must not be lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    control = socket.socket(fileno=int(sys.argv[-1]))
    control.set_inheritable(False)
    began = time.perf_counter()
    with absent(*NEEDLESS):
        import keras  # noqa: F401
    took, touched = time.perf_counter() - began, resident()
    (asked, answers, errors), first = serve(control)
    control.close()
    for address in touched:
        ctypes.string_at(address, 1)
    for descriptor, place in ((asked, 0), (errors, 1), (errors, 2)):
        os.dup2(descriptor, place)
    os.close(asked)
    os.close(errors)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job's is ignored
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    sys.argv[1:] = [*([] if first else [str(took)]), str(answers)]
    runpy.run_path(str(TRIAL), run_name="__main__")


if __name__ == "__main__":
    main()
