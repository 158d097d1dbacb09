"""Trained models on disk, each with its record and its card beside it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fitting_room.errors import UserError
from fitting_room.job import Job, best_file
from fitting_room.record import Record
from fitting_room.spec import TrialSpec, folder_of
from fitting_room.store.reading import below
from fitting_room.store.records import (
    check_folder,
    encoded,
    read_record,
    sweep,
    write_whole,
)

SUFFIX = ".keras"


@dataclass(frozen=True)
class Kept:
    """A trained model on disk."""

    file: Path
    record: Record
    """Of the very training that made it."""


@dataclass(frozen=True)
class Models:
    """A folder of models: ``<case>/seed-<seed>.keras``, with ``.json`` and ``.md`` beside each.

    Those of another backend, of a sample or of overridden epochs have that in their name, so that
    none takes the place of the one that a reader expects.
    """

    root: Path
    card: Callable[[Record, Path], str]
    """Writes the card, in Markdown, of the model in a file."""
    run: str | None = None
    """Id of a run that wants fresh trials: no model but its own is found; None finds any."""

    def find(self, job: Job) -> Kept | None:
        """Return the model that this very code made."""
        file = self.file(job.spec)
        try:
            record = read_record(file.with_suffix(".json"))
        except UserError:
            return None
        whole = file.exists() and record.key == job.key
        return Kept(file, record) if whole and self.run in (None, record.run) else None

    def file(self, spec: TrialSpec) -> Path:
        """Return where the model of a trial belongs."""
        told = (
            "sample" if spec.dataset.sample else "",
            "validation" if spec.dataset.validation else "",
            f"{spec.epochs}-epochs" if spec.overridden else "",
            spec.backend if spec.backend != "tensorflow" else "",
            spec.device if spec.device != "cpu" else "",
            f"order-{spec.order_seed}" if spec.order_seed is not None else "",
        )
        name = "-".join((f"seed-{spec.seed:03d}", *(each for each in told if each)))
        return below(self.root, folder_of(spec.case.name), f"{name}{SUFFIX}")

    @contextmanager
    def part(self, spec: TrialSpec) -> Iterator[Path]:
        """Yield a file for a model that is not finished; what is left of it is removed."""
        file = self.file(spec)
        part = file.with_name(f".{file.stem}-{uuid.uuid4().hex}{SUFFIX}").absolute()
        check_folder(file.parent)
        sweep(self.root)
        try:
            yield part
        finally:
            for each in (part, best_file(part)):
                each.unlink(missing_ok=True)

    def put(self, record: Record, part: Path) -> Kept:
        """Put a finished model, with its record and card, in the place of the one before.

        Raises:
            UserError: There is no whole file; its record is stored all the same.
        """
        file = self.file(record.spec)
        if not part.exists():
            raise UserError(
                f"The model of {record.spec.case.name}, seed {record.spec.seed}, could not be "
                f"written under {file.parent}. Free the disk and run again with --keep-models."
            )
        # The record says whose the model is: without it there is none.
        file.with_suffix(".json").unlink(missing_ok=True)
        best_file(file).unlink(missing_ok=True)
        part.replace(file)
        if best_file(part).exists():
            best_file(part).replace(best_file(file))
        write_whole(file.with_suffix(".md"), self.card(record, file).encode())
        write_whole(file.with_suffix(".json"), encoded(record))
        return Kept(file, record)
