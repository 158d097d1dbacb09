"""Pictures, drawn by Matplotlib from records; nothing else of the bench loads it.

A picture is a function from a ``Theme`` to a ``Figure``; ``album`` has all of them by name, and
``theme`` makes files of them. A file that is kept ends in a seal: a digest of the picture and of
all that it rests on, so that it is drawn again only where some of that changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from fitting_room.store.digest import Sources
from fitting_room.store.records import write_whole

SEAL = b"<!-- fitting-room: "
"""Begins the last line of a kept picture."""


@lru_cache
def drawing(names: Sequence[str]) -> bytes:
    """Return what says how pictures are drawn: Matplotlib's version, and the code in ``names``."""
    sources = Sources(Path(__file__).parent)  # holds no package: the engine is found where it is
    return f"{version('matplotlib')} {sources.digest(names)}".encode()


def basis(*parts: bytes) -> bytes:
    """Return a digest of all that a picture rests on."""
    return hashlib.sha256(b"\n".join(parts)).digest()


def sealed(svg: bytes, rests_on: bytes) -> bytes:
    """Return a picture with its seal; it covers the picture too, so that an edit is seen."""
    return b"%s%s%s -->\n" % (svg, SEAL, hashlib.sha256(rests_on + svg).hexdigest().encode())


def is_sealed(file: Path, rests_on: bytes) -> bool:
    """Return whether a file holds a picture that rests on just that."""
    if not file.is_file():
        return False
    content = file.read_bytes()
    return content == sealed(content.partition(SEAL)[0], rests_on)


def kept(file: Path, rests_on: bytes, draw: Callable[[], bytes]) -> bytes:
    """Return the picture in a file; it is drawn only where it rests on something else.

    Raises:
        UserError: The file cannot be written.
    """
    if not is_sealed(file, rests_on):
        write_whole(file, sealed(draw(), rests_on))
    return file.read_bytes().partition(SEAL)[0]
