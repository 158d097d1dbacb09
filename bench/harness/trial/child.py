"""A trial's process, as its parent handles it: messages in, signals out, what its death says."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

import msgspec

from bench.harness.assignment import Assignment, Message

GRACE_S = 15.0
"""Time for a child to say its record after it was asked to end; then it is killed."""


def messages(child: subprocess.Popen[bytes], assignment: Assignment) -> Iterator[Message]:
    """Hand the child its assignment, and yield what it says until it ends or is killed."""
    assert child.stdin and child.stdout  # both are pipes
    try:
        child.stdin.write(msgspec.json.encode(assignment) + b"\n%f\n" % time.time())
        child.stdin.flush()
    except BrokenPipeError:
        return  # it died at once; its exit status tells
    for line in child.stdout:
        if not line.endswith(b"\n"):
            return  # it was killed in the middle of a message
        yield msgspec.json.decode(line, type=Message)


@contextmanager
def time_limit(child: subprocess.Popen[bytes], seconds: float | None) -> Iterator[threading.Event]:
    """Ask the child to end after so many seconds; the event tells whether that was so."""
    expired = threading.Event()
    if seconds is None:
        yield expired
        return

    def expire() -> None:
        expired.set()
        end(child, signal.SIGTERM)

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()


def end(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a child that lives a signal, and kill it if that does not end it in time."""
    if child.poll() is None:
        child.send_signal(number)
        killer = threading.Timer(GRACE_S, child.kill)
        killer.daemon = True
        killer.start()


def why(status: int, errors: IO[bytes]) -> str:
    """Say how a child died, from its exit status and the end of its standard error."""
    if status < 0:
        return f"its process was killed by {signal.Signals(-status).name}"
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    said = lines[-1].strip() if lines else "it said nothing"
    return f"its process ended with status {status}: {said}"


def close(pipe: IO[bytes]) -> None:
    """Close a pipe to a child that may be gone."""
    with suppress(BrokenPipeError):  # unsent input of a child that died
        pipe.close()
