"""Data sets as they are on this machine, for looking at and never for training."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from bench.harness.data.arrays import Arrays, load
from bench.harness.data.catalogue import KNOWN
from bench.harness.data.finding import find
from bench.harness.data.shipped import sample
from bench.harness.errors import UserError
from bench.harness.spec import Dataset


def held(datasets: Iterable[Dataset]) -> dict[str, Arrays]:
    """Return those that are here and verified, by checksum; the network is not asked."""
    found: dict[str, Arrays] = {}
    for name, checksum in dict.fromkeys((each.name, each.checksum) for each in datasets):
        with suppress(UserError):  # a picture of it is missing then, and says so
            whole = name in KNOWN and checksum == KNOWN[name].checksum
            dataset = find(name, offline=True) if whole else sample(name)
            if dataset.checksum == checksum:
                found[checksum] = load(dataset)
    return found
