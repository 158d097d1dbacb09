"""How a process fails and ends: errors that a user can mend, odd streams, and signals."""

from __future__ import annotations

import argparse
import difflib
import errno
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

T = TypeVar("T")

FEW = 3
"""The most names that a suggestion lists."""


class UserError(Exception):
    """Says what happened, what was expected and what to do; shown without a traceback."""


class UnwritableError(UserError):
    """The folder of records cannot be written, so any further training would be lost."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the known names closest to ``name``, and all of them.

    A part of a few names, as ``cnn_64`` is of ``digits-cnn_64``, stands for those.

    >>> nearest("cnn64", ["cnn_64", "dense_128"])
    "Did you mean 'cnn_64'? Known: cnn_64, dense_128."
    """
    names = list(known)
    meant: dict[str, list[str]] = {}
    for each in names:
        for part in {each, *each.split("-")}:
            meant.setdefault(part, []).append(each)
    close = [each for part in difflib.get_close_matches(name, meant, n=1) for each in meant[part]]
    hint = f"Did you mean {' or '.join(map(repr, close))}? " if 0 < len(close) <= FEW else ""
    return f"{hint}Known: {', '.join(names)}."


def named(kind: str, name: str, known: Mapping[str, T]) -> T:
    """Return what has that name, or raise a UserError that names the nearest."""
    if name not in known:
        raise UserError(f"There is no {kind} {name!r}. {nearest(name, known)}")
    return known[name]


def positive(text: str, *, least: int = 1) -> int:
    """Return a whole number from 1, or raise the error that argparse shows in one line."""
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"expected a whole number from {least}, not {text!r}")
    return int(text)


def natural(text: str) -> int:
    """Return a whole number from 0, or raise the error that argparse shows in one line."""
    return positive(text, least=0)


def seconds(text: str) -> float:
    """Return a number of seconds above 0, or raise the error that argparse shows in one line."""
    with suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise argparse.ArgumentTypeError(f"expected a number of seconds above 0, not {text!r}")


ending = threading.Event()
"""Set while this process ends the trials that it began; another signal then sets ``hurry``."""

hurry = threading.Event()
"""Set by a second signal: the trials that still run are killed at once."""

_lost: dict[int, OSError] = {}
"""Number of a standard stream → the error that ended its output."""


NO = frozenset({"", "0", "false", "no", "off"})
"""Values of a variable that mean no."""


def in_ci(environment: Mapping[str, str]) -> bool:
    """Return whether this runs in continuous integration, where nobody is watching."""
    return environment.get("CI", "").strip().lower() not in NO


def prepare_streams() -> None:
    """Let any text be written to the standard streams, and let none of them end the process.

    A closed stream is opened on the null device, so that no other file takes its number. Characters
    that an encoding lacks are escaped. After the first failure to write, all further output goes to
    the null device, and ``unwritten`` reports the failure.
    """
    _lost.clear()
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            stream = open(number, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        if stream is getattr(sys, f"__{name}__"):  # and not a test's capture
            tolerate(stream, number)


def tolerate(stream: Any, number: int) -> None:
    """Let a text stream escape what it cannot encode, and outlive a full disk."""
    if hasattr(stream, "fitting_room"):
        return
    stream.fitting_room = True
    if stream.errors in ("strict", "surrogateescape"):
        stream.reconfigure(errors="backslashreplace")
    for name in ("write", "flush"):
        setattr(stream, name, _guarded(getattr(stream, name), number))


def _guarded(call: Callable[..., Any], number: int) -> Callable[..., Any]:
    def guarded(*given: Any) -> Any:
        try:
            return call(*given)
        except OSError as error:
            _lost.setdefault(number, error)
            _lead_nowhere(number)
            return len(given[0]) if given else None

    return guarded


def _lead_nowhere(number: int) -> None:
    """Redirect a stream to the null device, so that its buffer can still be flushed."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, number)
    os.close(nothing)


def unwritten() -> str | None:
    """Return why standard output could not be written; None if it was, or if nobody reads it."""
    error = _lost.get(1)
    if error is None or error.errno in (errno.EPIPE, errno.EBADF):
        return None
    return f"Standard output cannot be written: {error.strerror}. The rest of it is lost."


@contextmanager
def signals_heard() -> Iterator[None]:
    """Let SIGTERM, and SIGHUP unless it is ignored, do what Ctrl-C does; a second one kills."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {each: signal.getsignal(each) for each in wanted}
    for each, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(each, _heard)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        ending.clear()
        hurry.clear()


def _heard(number: int, _frame: object) -> None:
    if number == signal.SIGHUP:  # the terminal is gone, and each attempt to write would fail
        for descriptor, stream in enumerate((sys.stdout, sys.stderr), start=1):
            if stream and stream.isatty():
                _lead_nowhere(descriptor)
    if ending.is_set():
        hurry.set()
    else:
        ending.set()  # at once: the next signal may come before anybody has caught this one
        raise KeyboardInterrupt
