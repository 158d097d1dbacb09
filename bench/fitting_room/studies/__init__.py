"""Questions about the bench itself: its gate, its noise, exercises and searches.

What was measured of the gate and the noise is kept as JSON documents in ``results/``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from fitting_room.reading import read_json
from fitting_room.record import Machine, Provenance, Record
from fitting_room.store.records import encoded, write_whole

SCHEMA = 1

ABSENT = "Not measured yet. Run: `fitting-room {}`"
QUIET = "Not measured yet. Run, on a machine that does nothing else: `fitting-room {}`"

Kind = TypeVar("Kind")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The code that ran, on what, and when."""

    provenance: Provenance
    machine: Machine | None
    started: str
    """UTC, ISO 8601."""

    @property
    def platform(self) -> str:
        """Machine and libraries in one line."""
        machine, versions = self.machine, self.provenance.versions
        told = f"{machine.cpu}, {machine.cores} cores" if machine else "unknown machine"
        return f"{told}; {', '.join(f'{name} {version}' for name, version in versions.items())}"

    @property
    def words(self) -> str:
        """Machine, libraries, date and commit in one line."""
        commit = (self.provenance.commit or "unknown")[:12]
        return f"{self.platform}; {self.started[:10]}; commit {commit}"


def origin_of(record: Record) -> Origin:
    """Return where a record came from."""
    return Origin(provenance=record.provenance, machine=record.machine, started=record.started)


def write_document(path: Path, document: Any) -> None:
    """Write a document whole or not at all."""
    write_whole(path, encoded(document))


def read_document(path: Path, kind: type[Kind]) -> Kind | None:
    """Read a document; None where there is none.

    Raises:
        UserError: It is damaged, or of a schema that this version does not read.
    """
    if not path.exists():
        return None
    mend = "Make it anew with the command that wrote it."
    return read_json(path, kind, what="measurement", schema=SCHEMA, mend=mend)


def block(path: Path, kind: type[Kind], show: Callable[[Kind], str], absent: str) -> str:
    """Return a document as a page shows it, or what a page says where there is none."""
    found = read_document(path, kind)
    return absent if found is None else show(found)
