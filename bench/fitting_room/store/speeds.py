"""Committed figures of ``python -m bench speed``: one file a case, under ``results/speed/``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import msgspec

from fitting_room.record import Count, Machine, Provenance, Record, Taken
from fitting_room.spec import TrialSpec
from fitting_room.store.reading import below, read_json
from fitting_room.store.records import write_whole

SCHEMA = 1
AGAIN = "Measure again: python -m bench speed --json."


@dataclass(frozen=True, kw_only=True)
class Speed:
    """The training path of a case against a plain ``fit``, interleaved in one process."""

    schema: int = SCHEMA
    spec: TrialSpec
    started: str
    """UTC, ISO 8601."""
    provenance: Provenance
    machine: Machine
    images: Count
    """Training images in each timed epoch."""
    ours: Annotated[tuple[Taken, ...], msgspec.Meta(min_length=1)]
    """Seconds per epoch of the recipe's path, one value a pair, in the order they ran."""
    plain: tuple[Taken, ...]
    """The same of Keras' plain ``fit``."""

    def __post_init__(self) -> None:
        """Refuse times that are not in pairs."""
        if len(self.ours) != len(self.plain):
            raise ValueError(f"ours has {len(self.ours)} times and plain has {len(self.plain)}")

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
    path = below(folder, f"{speed.spec.case.name}.json")
    kept = replace(speed, spec=replace(speed.spec, dataset=replace(speed.spec.dataset, folder="")))
    write_whole(path, msgspec.json.format(msgspec.json.encode(kept)) + b"\n")
    return path


def read_speeds(folder: Path) -> Sequence[Speed]:
    """Return the figures of every case in a folder, by name; none where there is no folder.

    Raises:
        UserError: A file is none of this schema.
    """
    paths = sorted(folder.glob("*.json"))
    return [read_json(path, Speed, what="times", schema=SCHEMA, mend=AGAIN) for path in paths]
