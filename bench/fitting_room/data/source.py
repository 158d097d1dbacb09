"""A place that may hold a data set; how it tells what it does, and why it gave nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class SourceError(Exception):
    """A source gave nothing; the message says why, as the end of a sentence."""


class UnavailableError(SourceError):
    """The source is not there: no such folder, no network, no such program."""


class RejectedError(SourceError):
    """What should be there is not as it should be: damaged, cut short, another data set."""


_LOG = logging.getLogger(__name__)


class Progress(Protocol):
    """Is told what happens while a data set is looked for."""

    def trying(self, source: str) -> None:
        """Take note that ``source``, in words, is tried now."""

    def received(self, done: int, total: int | None) -> None:
        """Take note of ``done`` bytes of the file that is being read, ``total`` where known."""

    def failed(self, source: str, error: SourceError) -> None:
        """Take note that ``source`` gave nothing, and why."""


class LogProgress:
    """Writes to the log: a damaged or wrong source as a warning, an absent one as information."""

    def trying(self, source: str) -> None:
        """Log it for those who debug."""
        _LOG.debug("trying %s", source)

    def received(self, done: int, total: int | None) -> None:
        """Say nothing: a log is no progress bar."""

    def failed(self, source: str, error: SourceError) -> None:
        """Log it; another source stands in for it, so it is no error yet."""
        level = logging.WARNING if isinstance(error, RejectedError) else logging.INFO
        _LOG.log(level, "%s: %s", source, error)


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a ready loader returns: it reads a data set when it is asked to, and not before."""

    label: str
    """The source, in words."""
    read: Callable[[Progress], Any]
    """Returns what ``check.collected`` takes; raises UnavailableError or RejectedError."""
    network: bool = False
    """Whether reading it leaves this machine."""


def sources_of(load: Any) -> tuple[Source, ...]:
    """Return what a task's ``load`` stands for: a source, a plain function, or a tuple of both."""
    if isinstance(load, tuple):
        return tuple(source for each in load for source in sources_of(each))
    return (load,) if hasattr(load, "read") else (_own(load),)


def _own(function: Callable[[], Any]) -> Source:
    name = getattr(function, "__qualname__", repr(function))
    module = getattr(function, "__module__", "")
    return Source(label=f"{module}:{name}", read=lambda _: function())
