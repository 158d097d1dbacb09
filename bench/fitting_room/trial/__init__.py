"""The child process: one spec in, one record out. Here is how it and its parent speak.

The parent sends lines of JSON on standard input: one question, or more where the child takes
commands. The child answers in lines of JSON on a descriptor of its own, whose number is its last
argument. So nothing that a library or the starting interpreter prints can be taken for an answer. A
line without its end is no answer. POSIX only: Windows hands no descriptor on.

``fitting_room.lab.process`` is the parent's half. A child that runs the code of another checkout
speaks it by hand, for that checkout may have no such module.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import IO, Any, TypeVar

import msgspec

from fitting_room.store.digest import PACKAGES

Question = TypeVar("Question")


def answer_once(kind: Any, answer: Callable[[Any], object]) -> None:
    """Answer one question of the parent's and end, without the frameworks' slow tear-down."""
    output = answering()
    say(output, answer(question(kind)))
    os._exit(0)


def answering() -> IO[bytes]:
    """Open what this process answers on, and keep it from processes that it starts."""
    descriptor = int(sys.argv[-1])
    os.set_inheritable(descriptor, False)
    return os.fdopen(descriptor, "wb")


def question(kind: type[Question]) -> Question:
    """Return the next thing that the parent asks."""
    return msgspec.json.decode(sys.stdin.buffer.readline(), type=kind)


def say(output: IO[bytes], answer: object) -> None:
    """Send the parent one answer."""
    output.write(msgspec.json.encode(answer) + b"\n")
    output.flush()


def loaded_files(builder: str) -> tuple[str, ...]:
    """Return the files that this process has imported: of the project, and where a builder is."""
    packages = {*PACKAGES, "fitting_room", builder.partition(":")[0].partition(".")[0]}
    ours = [m for name, m in [*sys.modules.items()] if name.partition(".")[0] in packages]
    files = [getattr(module, "__file__", None) for module in ours]
    return tuple(sorted({file for file in files if file}))
