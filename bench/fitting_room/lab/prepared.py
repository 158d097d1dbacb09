"""Prepared processes, from the parent's side: they spare trials the import of a framework.

``fitting_room.trial.prepared`` is the other half, and says how the two speak. Each prepared process
has one fork at a time. It ends with this process, however that ends: nobody can ask it any more.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import IO

from fitting_room.machine import usable_cores
from fitting_room.trial.prepared import NUMBER

MOST_IDLE = max(2, usable_cores())
"""The most idle ones: for trials side by side, or one for each side of a comparison."""

KILLED = -int(signal.SIGKILL)

_idle: list[Prepared] = []
_changing = threading.Lock()


class Prepared:
    """A process that forks a trial whenever it is asked to."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.command, self.environment, self.folder = [*command], dict(environment), Path.cwd()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # its forks report what went wrong
                stderr=subprocess.DEVNULL,
                env=environment,
                pass_fds=(theirs.fileno(),),
            )

    def fork(self, errors: IO[bytes]) -> tuple[Fork, IO[bytes]] | None:
        """Return a fork, and the pipe of its answers; None if this process has ended."""
        theirs, asking = os.pipe()
        answers, answering = os.pipe()
        try:
            socket.send_fds(self._control, [b"f"], [theirs, answering, errors.fileno()])
            pid = self.told()
        except OSError:
            pid = None
        finally:
            os.close(theirs)
            os.close(answering)
        if pid is None:
            os.close(asking)
            os.close(answers)
            return None
        return Fork(self, pid, os.fdopen(asking, "wb")), os.fdopen(answers, "rb")

    def told(self) -> int | None:
        """Wait for the next number that it sends; None if it has ended."""
        said = self._control.recv(NUMBER.size)
        return int(NUMBER.unpack(said)[0]) if said else None

    def tells(self, timeout: float | None) -> bool:
        """Wait until it has sent a number, or has ended."""
        return bool(wait([self._control], timeout))

    def close(self) -> None:
        """Let it end."""
        self._control.close()
        self._process.wait()


class Fork:
    """A fork of a prepared process, as ``subprocess.Popen`` is a process that was started."""

    def __init__(self, prepared: Prepared, pid: int, stdin: IO[bytes]) -> None:
        self.pid = pid
        self.stdin: IO[bytes] | None = stdin
        self.returncode: int | None = None
        self._prepared = prepared
        self._reading = threading.Lock()

    def poll(self) -> int | None:
        """Return its exit status; None while it lives."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit status once it has ended."""
        if self.returncode is None and not self._prepared.tells(timeout):
            raise subprocess.TimeoutExpired("a fork", timeout or 0)
        with self._reading:
            if self.returncode is None:
                status = self._prepared.told()
                self.returncode = KILLED if status is None else status
            return self.returncode

    def send_signal(self, sig: int) -> None:
        """Send it a signal, unless it has ended."""
        self.poll()
        with self._reading:  # until its status is read, no other process can get its number
            if self.returncode is None:
                with suppress(ProcessLookupError):
                    os.kill(self.pid, sig)

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def release(self) -> None:
        """Keep the process that it is a fork of for the next trial."""
        with _changing:
            _idle.append(self._prepared)
            surplus = [_idle.pop(0) for _ in range(len(_idle) - MOST_IDLE)]
        for each in surplus:
            each.close()


def fork(
    command: Sequence[str], environment: Mapping[str, str], errors: IO[bytes]
) -> tuple[Fork, IO[bytes]] | None:
    """Return a fork of a process that this command started in this environment, and its answers.

    It uses an idle process that was started alike, or else starts one. The fork prints into the
    file ``errors``. The result is None if the command cannot be prepared.
    """
    while idle := _alike(command, environment):
        if found := idle.fork(errors):
            return found
        idle.close()  # somebody ended it meanwhile
    new = Prepared(command, environment)
    found = new.fork(errors)
    if found is None:
        new.close()
    return found


def end_idle() -> None:
    """End the processes that wait for a trial."""
    with _changing:
        idle = [_idle.pop() for _ in [*_idle]]
    for each in idle:
        each.close()


atexit.register(end_idle)  # of those who use no scheduler


def _alike(command: Sequence[str], environment: Mapping[str, str]) -> Prepared | None:
    """Take an idle process that was started as this command would be now, if there is one."""
    wanted = [*command], dict(environment), Path.cwd()
    with _changing:
        alike = (e for e in _idle if (e.command, e.environment, e.folder) == wanted)
        if found := next(alike, None):
            _idle.remove(found)
        return found
