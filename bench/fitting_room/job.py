"""What the child process of a trial is handed, and what it says back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from fitting_room.record import Epoch, Outcome, PartialRecord, Provenance, Record
from fitting_room.spec import TrialSpec, folder_of


@dataclass(frozen=True, kw_only=True)
class Job:
    """A spec with what only the parent knows: the key and the origin of its record."""

    spec: TrialSpec
    key: str
    provenance: Provenance
    root: str
    """Folder of the project whose code it runs."""
    keep: str | None = None
    """File for the trained model, ending in ``.keras``; None keeps none."""
    log: str | None = None
    """Folder for TensorBoard's graph, histograms and images; None writes none."""
    sent: float = 0.0
    """When the child was handed it, in seconds since 1970."""

    def record(
        self, outcome: Outcome, reason: str, *, started: str, measured: PartialRecord
    ) -> Record:
        """Return the record of this trial with whatever was measured of it."""
        return Record(
            key=self.key,
            spec=self.spec,
            outcome=outcome,
            reason=reason,
            started=started,
            provenance=self.provenance,
            machine=measured.machine,
            resolved=measured.resolved,
            size=measured.size,
            epochs=measured.epochs,
            callbacks=measured.callbacks,
            test_accuracy=measured.test_accuracy,
            test_loss=measured.test_loss,
            predictions=measured.predictions,
            confidence=measured.confidence,
            inference=measured.inference,
            calibration_seconds=measured.calibration_seconds,
            seconds=measured.seconds,
            peak_memory_bytes=measured.peak_memory_bytes,
        )


def run_name(spec: TrialSpec, key: str) -> str:
    """Return the folder of a trial's logs, as a page that compares trials shows it."""
    return f"{folder_of(spec.case.name)}/seed-{spec.seed}-{key[:8]}"


def best_file(model: Path) -> Path:
    """Return where the best model goes, of a recipe that keeps it, beside the trained one."""
    return model.with_name(f"{model.stem}-best{model.suffix}")


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer of the child: exactly one of the first three."""

    note: str | None = None
    """What it is doing, before the first epoch."""
    epoch: Epoch | None = None
    record: Record | None = None
    files: tuple[str, ...] = ()
    """Of the project's modules that it has imported: with its first note and with its record."""


Listener = Callable[[TrialSpec, Message], None]
"""Hears every message of every trial, from any thread."""


def silent(spec: TrialSpec, message: Message) -> None:
    """Hear nothing."""
