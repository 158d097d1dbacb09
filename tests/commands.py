"""Commands as ``main`` calls them, but for this project and with their errors let through."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper
from typing import NamedTuple

from records import PROJECT

from bench.__main__ import main
from fitting_room.cli import register, settle


class Printed(NamedTuple):
    """What a command wrote to its two streams."""

    out: str
    err: str


def call(*arguments: object) -> int:
    """Parse and run a command; return its exit status."""
    name, *_ = told = [str(each) for each in arguments]
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers(), name)
    asked = parser.parse_args(told)
    settle(asked, PROJECT)
    return int(asked.run(asked))


def shell(*arguments: object) -> int:
    """Run a command as a person does, who is told of a mistake; return its exit status."""
    return main([str(each) for each in arguments])


def printed(*arguments: object, status: int = 0, by: Callable[..., int] = call) -> Printed:
    """Run a command, check how it ends, and return what it prints."""
    streams = [TextIOWrapper(BytesIO(), "utf-8", newline="", write_through=True) for _ in range(2)]
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        ended = by(*arguments)
    found = Printed(*(stream.buffer.getvalue().decode() for stream in streams))  # type: ignore[attr-defined]
    assert ended == status, found
    return found
