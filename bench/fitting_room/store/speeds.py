"""Committed figures of ``python -m bench speed``: one file a case, under ``results/speed/``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from fitting_room.errors import UserError
from fitting_room.record import Machine, Provenance, Record
from fitting_room.spec import TrialSpec
from fitting_room.store.records import write_whole

SCHEMA = 1
AGAIN = "Measure again: python -m bench speed --json"


@dataclass(frozen=True, kw_only=True)
class Speed:
    """The training path of a case against a plain ``fit``, interleaved in one process."""

    schema: int = SCHEMA
    spec: TrialSpec
    started: str
    """UTC, ISO 8601."""
    provenance: Provenance
    machine: Machine
    images: int
    """Training images in each timed epoch."""
    ours: tuple[float, ...]
    """Seconds per epoch of the recipe's path, one value a pair, in the order they ran."""
    plain: tuple[float, ...]
    """The same of Keras' plain ``fit``."""

    @property
    def record(self) -> Record:
        """What is known of it as a record: the code, the machine, the date."""
        return Record(
            key="",
            spec=self.spec,
            outcome="completed",
            reason="timed, and not trained",
            started=self.started,
            provenance=self.provenance,
            machine=self.machine,
        )


def write_speed(folder: Path, speed: Speed) -> Path:
    """Write the figures of a case as ``<case>.json``, in the place of older ones.

    Raises:
        UserError: The folder cannot be written.
    """
    path = folder / f"{speed.spec.case.name}.json"
    kept = replace(speed, spec=replace(speed.spec, dataset=replace(speed.spec.dataset, folder="")))
    write_whole(path, msgspec.json.format(msgspec.json.encode(kept)) + b"\n")
    return path


def read_speeds(folder: Path) -> Sequence[Speed]:
    """Return the figures of every case in a folder, by name; none where there is no folder.

    Raises:
        UserError: A file is none of this schema.
    """
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def _read(path: Path) -> Speed:
    try:
        content = msgspec.json.decode(path.read_bytes())
        schema = content.get("schema") if isinstance(content, dict) else None
        if schema != SCHEMA:
            raise UserError(f"{path} has schema {schema}; this version reads {SCHEMA}. {AGAIN}")
        return msgspec.convert(content, type=Speed)
    except (msgspec.DecodeError, msgspec.ValidationError, OSError) as error:
        raise UserError(f"{path} holds no readable times: {error}. {AGAIN}") from error
