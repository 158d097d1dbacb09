"""Why a source did not give a data set. Caught by ``find``; a user sees them only in its report."""

from __future__ import annotations


class SourceError(Exception):
    """A source gave nothing; the message says why, as the end of a sentence."""


class UnavailableError(SourceError):
    """The source is not there: no such folder, no network, no such program."""


class RejectedError(SourceError):
    """What should be there is not as it should be: damaged, cut short, another data set."""
