"""Questions about the bench itself: its gate, its noise, exercises and searches.

What was measured of the gate and the noise is kept as JSON documents in ``results/``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from fitting_room.reading import read_json
from fitting_room.record import Machine, Provenance, Record
from fitting_room.store.records import write_whole

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
    def words(self) -> str:
        """Machine, libraries, date and commit in one line."""
        machine = self.machine
        libraries = self.provenance.versions.items()
        parts = [
            f"{machine.cpu}, {machine.cores} cores" if machine else "unknown machine",
            ", ".join(f"{library} {version}" for library, version in libraries),
            self.started[:10],
            f"commit {(self.provenance.commit or 'unknown')[:12]}",
        ]
        return "; ".join(parts)


def origin_of(record: Record) -> Origin:
    """Return where a record came from."""
    return Origin(provenance=record.provenance, machine=record.machine, started=record.started)


def write_document(path: Path, document: Any) -> None:
    """Write a document whole or not at all."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(document)) + b"\n")


def read_document(path: Path, kind: type[Kind]) -> Kind | None:
    """Read a document; None where there is none.

    Raises:
        UserError: It is damaged, or of a schema that this version does not read.
    """
    if not path.exists():
        return None
    mend = "Make it anew with the command that wrote it."
    return read_json(path, kind, what="measurement", schema=SCHEMA, mend=mend)
