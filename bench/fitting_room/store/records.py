"""Records, trained models and timings on disk: each file written whole or not at all."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec

from fitting_room.errors import UnwritableError, UserError, nearest
from fitting_room.machine import exclusive
from fitting_room.reading import below, read_json
from fitting_room.record import (
    SCHEMA,
    Count,
    Job,
    Machine,
    Outcome,
    Provenance,
    Record,
    Taken,
    best_file,
    unpack_classes,
)
from fitting_room.spec import TASKS, TrialSpec, folder_of
from fitting_room.store.key import machine_key

PROBE_BYTES = 2**20
"""More than any record of a trial."""

LEFT_FOR_S = 24 * 3600.0
"""Nothing that still runs has begun to write a file so long ago."""

LEFTOVERS = (".*.part", "*/.*.part", "*/.seed-*.keras", "*/.seed-*.model", ".locks/*.lock", "*/")
"""What killed runs leave in a folder of records or models; the last are folders, if empty."""

PART_CHARACTERS = 60
"""What an unfinished file keeps of its name: its own end has to fit, too."""


@dataclass(frozen=True)
class Store:
    """A folder of records: ``<case>/seed-<seed>-<key>-<machine>.json``.

    A record that is no result (crashed, diverged, …) carries its outcome in its name, and is never
    found as one.
    """

    root: Path
    run: str | None = None
    """Id of a run that wants fresh trials: no record but its own is found; None finds any.

    An id, and no time: clocks are set back, and differ between machines that share a folder.
    """

    def find(
        self,
        case: str,
        key: str,
        *,
        machine: Machine | None = None,
        outcome: Outcome = "completed",
    ) -> Record | None:
        """Return the record of that key, of several the one started last.

        With ``machine`` only one will do whose trial was exclusive there. A file that cannot be
        read is told of, moved aside and counted as absent.
        """
        last = f"{machine_key(machine)[:8] if machine else '????????'}{_suffix(outcome)}.json"
        paths = sorted((self.root / folder_of(case)).glob(f"seed-*-{key[:16]}-{last}"))
        ours = (record for record in _readable(paths, _move_aside) if record.key == key)
        of_run = (record for record in ours if self.run in (None, record.run))
        found = (record for record in of_run if not machine or exclusive(record))
        return max(found, key=lambda record: record.started, default=None)

    def set_aside(self, record: Record) -> Path:
        """Write a record that came second where no reader takes it for a result."""
        return self.put(record, before=f".second-{uuid.uuid4().hex[:8]}-")

    def put(self, record: Record, *, before: str = "") -> Path:
        """Write ``record`` and return its path; ``before`` is what its name begins with.

        Raises:
            UserError: The folder cannot be written, the disk is full or the record's names lead
                out of it; no part of it is left.
        """
        machine = machine_key(record.machine)[:8] if record.machine else "unknown0"
        name = f"{before}seed-{record.spec.seed:03d}-{record.key[:16]}-{machine}"
        folder = folder_of(record.spec.case.name)
        path = below(self.root, folder, f"{name}{_suffix(record.outcome)}.json")
        write_whole(path, encoded(record))
        return path

    def replace(self, record: Record) -> Path:
        """Write ``record`` in the place of every other one of its case and seed."""
        path = self.put(record)
        for other in path.parent.glob(f"seed-{record.spec.seed:03d}-*.json"):
            if other != path:
                other.unlink(missing_ok=True)
        return path

    def all(self) -> Iterator[Record]:
        """Return every record, whatever its outcome, in the order of their paths.

        Raises:
            UserError: A file is no record of this schema.
        """
        return map(read_record, self._paths())

    def readable(self) -> list[Record]:
        """Return the records that can be read, where the others do not matter; tell of those."""
        return [*_readable(self._paths(), lambda _, error: _tell(f"{error} It is left out."))]

    def _paths(self) -> list[Path]:
        return sorted(self.root.glob("*/seed-*.json"))

    def check_writable(self) -> None:
        """Raise a UserError now rather than after the first training."""
        check_folder(self.root)
        sweep(self.root)


def _readable(
    paths: Iterable[Path], refused: Callable[[Path, UserError], None]
) -> Iterator[Record]:
    for path in paths:
        try:
            yield read_record(path)
        except UserError as error:
            refused(path, error)


def _move_aside(path: Path, error: UserError) -> None:
    aside, moved = path.with_suffix(".json.unreadable"), ""
    with suppress(OSError):  # another run moved it first, or the folder is read-only
        path.replace(aside)
        moved = f"moved to {aside.name}, "
    _tell(f"{error} It is {moved}counted as absent.")


@lru_cache
def _tell(line: str) -> None:  # once, however often the file is met
    print(f"fitting room: {line}", file=sys.stderr)


def read_record(path: Path) -> Record:
    """Read one record, and check every value of it.

    Raises:
        UserError: The file is damaged, of a schema that this version does not read, or holds what
            no trial can have given.
    """
    mend = "Train it anew, or use the version that wrote it."
    record = read_json(path, Record, what="record", schema=SCHEMA, mend=mend)
    if problem := _unknown(record):
        raise UserError(f"{path} is no readable record: {problem} {mend}")
    return record


def _unknown(record: Record) -> str:
    """Say in a sentence what a record has that its task does not know."""
    name = record.spec.case.task
    if name not in TASKS:
        return f"there is no task {name!r}. {nearest(name, TASKS)}"
    classes, sure = len(TASKS[name].classes), record.confidence
    last = unpack_classes(record.predictions).max(initial=0) if record.predictions else 0
    mistaken = [mistake.predicted for mistake in sure.mistakes] if sure else []
    if max(last, *mistaken, 0) >= classes:
        return f"its predictions are of more than the {classes} classes of {name}."
    if sure and any(len(each) != classes for each in sure.first):
        return f"its probabilities are not of the {classes} classes of {name}."
    return ""


def encoded(document: object) -> bytes:
    """Return a record, or another document, as its file holds it; infinite numbers are null."""
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that no reader, and no interruption, ever sees part of it.

    Raises:
        UnwritableError: It cannot be written.
    """
    try:
        path = path.resolve()  # a link stays, and what it leads to is written
    except (OSError, RuntimeError) as error:  # links that lead to each other
        raise UnwritableError(f"Cannot write {path}: {error}. Remove the link.") from error
    temporary = path.with_name(f".{path.name[:PART_CHARACTERS]}.{uuid.uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        raise UnwritableError(
            f"Cannot write {path}: {error.strerror}. "
            "Free the disk or choose a writable folder with --results."
        ) from error
    finally:
        with suppress(OSError):  # gone already where all went well
            temporary.unlink()


def check_folder(folder: Path) -> None:
    """Make the folder, or raise an UnwritableError now rather than after the first training.

    A disk that is full takes an empty file, and one that packs takes zeros; neither takes these.
    """
    probe = folder / f".writable-{uuid.uuid4().hex}.part"
    write_whole(probe, os.urandom(PROBE_BYTES))
    probe.unlink(missing_ok=True)


def sweep(folder: Path, patterns: Iterable[str] = LEFTOVERS) -> None:
    """Remove what runs that were killed left in a folder and its subfolders, after a day.

    These are files that were not finished, locks, and folders that stayed empty.
    """
    before = time.time() - LEFT_FOR_S
    for pattern in patterns:
        for path in [*folder.glob(pattern)]:
            with suppress(OSError):  # another run sweeps too, or the folder is read-only
                if path.stat().st_mtime < before:
                    # A folder goes only if it is empty.
                    (path.rmdir if path.is_dir() else path.unlink)()


def _suffix(outcome: Outcome) -> str:
    return "" if outcome == "completed" else "-" + outcome.replace(" ", "_")


class Kept(NamedTuple):
    """A trained model on disk, and the record of the very training that made it."""

    file: Path
    record: Record


@dataclass(frozen=True)
class Models:
    """A folder of models: ``<case>/seed-<seed>.keras``, with ``.json`` and ``.md`` beside each.

    What an own trainer saves ends in ``.model``.

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
        suffix = ".model" if spec.case.trainer else ".keras"
        return below(self.root, folder_of(spec.case.name), f"{name}{suffix}")

    @contextmanager
    def part(self, spec: TrialSpec) -> Iterator[Path]:
        """Yield a file for a model that is not finished; what is left of it is removed."""
        file = self.file(spec)
        part = file.with_name(f".{file.stem}-{uuid.uuid4().hex}{file.suffix}").absolute()
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
            saves = "Let its trainer hand save= to report.predictions, or free the disk,"
            mend = saves if record.spec.case.trainer else "Free the disk"
            raise UserError(
                f"The model of {record.spec.case.name}, seed {record.spec.seed}, could not be "
                f"written under {file.parent}. {mend} and run again with --keep-models."
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


SPEED_SCHEMA = 1
SPEED_AGAIN = "Measure again: fitting-room speed --json."


@dataclass(frozen=True, kw_only=True)
class Speed:
    """The training path of a case against a plain ``fit``, interleaved in one process."""

    schema: int = SPEED_SCHEMA
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
    flops_per_image: Count | None = None
    """Operations of a training step, for each image; see ``trial.measure.training_flops``."""
    flops_per_second: Count | None = None
    """Of the quickest matrix product in that process. None, like the other, in older documents."""

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
    write_whole(path, encoded(kept))
    return path


def read_speeds(folder: Path) -> Sequence[Speed]:
    """Return the figures of every case in a folder, by name; none where there is no folder.

    Raises:
        UserError: A file is none of this schema.
    """
    return [read_speed(path) for path in sorted(folder.glob("*.json"))]


def read_speed(path: Path) -> Speed:
    """Return the figures of one case."""
    return read_json(path, Speed, what="times", schema=SPEED_SCHEMA, mend=SPEED_AGAIN)
