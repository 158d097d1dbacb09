"""Measurements of the gate and of the noise, as JSON documents under ``results/``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np

from fitting_room.judge.rates import Rate, Tally
from fitting_room.record import (
    Fraction,
    Loss,
    Machine,
    Provenance,
    Record,
    Taken,
    unpack_classes,
)
from fitting_room.spec import Name
from fitting_room.store.bounds import Bounds
from fitting_room.store.reading import read_json
from fitting_room.store.records import write_whole
from fitting_room.studies.gate import Finding

SCHEMA = 1

SIMULATION = Path("gate", "simulation.json")
VARIANTS = Path("gate", "variants.json")
COST = Path("gate", "cost.json")


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """How made-up runs ended."""

    schema: int = SCHEMA
    bounds: str
    """Digest of the bounds that they were judged by; see ``digest_of``."""
    alpha: float
    """Error of one assertion."""
    most: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    """Seeds at which a verdict is given up."""
    assertions: Mapping[str, int]
    """Case → how many of its bounds were simulated: those with a reference."""
    one: tuple[Tally, ...]
    """Of one assertion, three planned scatters from its bound."""
    cases: Mapping[str, tuple[Tally, ...]]
    """Case → under each scenario, all its bounds together; at the bounds, the bluntest of them."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Which code ran on what, and when."""

    provenance: Provenance
    machine: Machine | None
    started: str
    """UTC, ISO 8601."""


@dataclass(frozen=True, kw_only=True)
class Variants:
    """What the gate said of each variant."""

    schema: int = SCHEMA
    origin: Origin
    bounds: str
    findings: tuple[Finding, ...]
    """Of each variant, the case as it is first."""
    anew: tuple[Finding, ...]
    """Of the case as it is, each with seeds that no reference holds."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seeds until a verdict on unchanged code, which scatters as the reference seeds do."""

    seconds: float | None
    """Median wall time of a whole trial that ran alone; None where none did."""
    timed: int
    """Trials behind it."""
    sequential: Tally
    ten: Rate
    """Failures of unchanged code where always ten seeds are trained."""
    equal: int
    """Seeds of a fixed gate that errs as seldom both ways as the sequential one."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The two gates over the same trials of one case, on real data."""

    case: str
    sequential_seeds: float
    """Mean over the runs."""
    sequential_seconds: float
    ten_seconds: float
    runs: int = 1
    """Of the sequential gate."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Of every case, and measured for one."""

    schema: int = SCHEMA
    bounds: str
    cases: Mapping[str, Cost]
    measured: Measured | None


Kind = TypeVar("Kind")


def origin_of(record: Record) -> Origin:
    """Return where a record came from."""
    return Origin(provenance=record.provenance, machine=record.machine, started=record.started)


def digest_of(bounds: Bounds) -> str:
    """Return what changes when any bound does, and not when a reason is reworded."""

    def told(value: Any) -> Any:
        found = msgspec.to_builtins(value)
        if isinstance(found, dict):
            return {k: told(v) for k, v in found.items() if k != "reason"}
        return [told(each) for each in found] if isinstance(found, list) else found

    content = msgspec.json.encode([told(bounds.tables), told(bounds.curves)], order="sorted")
    return hashlib.sha256(content).hexdigest()


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


NOISE = Path("noise")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One trial of a crossed design."""

    initial: int
    """Seed of the initial weights."""
    order: int
    """Seed of the order of the images."""
    repeat: int
    """0 for the first trial of these two seeds."""
    key: Name
    test_accuracy: Fraction
    """After the last epoch, as a fraction."""
    test_loss: Loss
    """Nats."""
    training_accuracy: Fraction
    """Of the last epoch."""
    training_loss: Loss
    predictions: str
    """Class of every test image; see ``record.unpack_classes``."""


@dataclass(frozen=True, kw_only=True)
class Crossed:
    """Every seed of the weights met with every seed of the order, some of them once more."""

    schema: int = SCHEMA
    origin: Origin
    case: str
    epochs: int
    """Trained, each."""
    whole: int
    """Epochs of the case's recipe."""
    levels: Annotated[int, msgspec.Meta(ge=1, le=1_000)]
    """Seeds of each kind."""
    samples: tuple[Sample, ...]

    def __post_init__(self) -> None:
        """Refuse a design with a gap, and predictions that are not of the same images."""
        first = {(s.initial, s.order) for s in self.samples if not s.repeat}
        levels = range(self.levels)
        design = {(initial, order) for initial in levels for order in levels}
        if not design <= first or not {(s.initial, s.order) for s in self.samples} <= first:
            raise ValueError(f"samples must hold every pair of {self.levels} seeds once")
        if len({len(unpack_classes(s.predictions)) for s in self.samples}) > 1:
            raise ValueError("predictions must be of the same images in every sample")

    def table(self, metric: str) -> np.ndarray:
        """Return a metric of the first trials, shape (initial seeds, order seeds)."""
        found = {(s.initial, s.order): getattr(s, metric) for s in self.samples if not s.repeat}
        levels = range(self.levels)
        return np.array([[found[initial, order] for order in levels] for initial in levels])

    def repeats(self) -> list[tuple[Sample, Sample]]:
        """Return each trial that was made twice of the same seeds, with its twin."""
        first = {(s.initial, s.order): s for s in self.samples if not s.repeat}
        return [(first[s.initial, s.order], s) for s in self.samples if s.repeat]


def sample(record: Record, *, repeat: int) -> Sample:
    """Return what the design keeps of a completed trial.

    Raises:
        ValueError: The record is no result of one that was trained with two seeds.
    """
    last = record.epochs[-1] if record.epochs else None
    values = (record.test_accuracy, record.test_loss, record.predictions, record.spec.order_seed)
    if not record.completed or last is None or None in values:
        raise ValueError(f"{record.spec.case.name}: {record.outcome}, {record.reason}")
    return Sample(
        initial=record.spec.seed,
        order=record.spec.order_seed or 0,
        repeat=repeat,
        key=record.key,
        test_accuracy=record.test_accuracy or 0.0,
        test_loss=record.test_loss or 0.0,
        training_accuracy=last.training_accuracy or 0.0,
        training_loss=last.training_loss or 0.0,
        predictions=record.predictions or "",
    )


def disagreement(pairs: Sequence[tuple[Sample, Sample]]) -> float:
    """Return the share of test images on which two trials differ, mean over the pairs."""
    return float(
        np.mean(
            [
                np.mean(unpack_classes(a.predictions) != unpack_classes(b.predictions))
                for a, b in pairs
            ]
        )
    )


@dataclass(frozen=True, kw_only=True)
class Block:
    """Trials timed one right after another."""

    started: str
    """UTC, ISO 8601."""
    seconds: tuple[tuple[Taken, ...], ...]
    """Of each epoch but the first, process by process."""


@dataclass(frozen=True, kw_only=True)
class Times:
    """A series of timed blocks of one case."""

    schema: int = SCHEMA
    origin: Origin
    case: str
    train_fraction: float
    """Part of the training images that an epoch took."""
    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        """Refuse blocks that are not alike: a table has them as its rows."""
        shapes = {tuple(map(len, block.seconds)) for block in self.blocks}
        if len(shapes) > 1 or any(len({*shape}) > 1 for shape in shapes):
            raise ValueError("blocks must have the same processes and epochs each")

    @property
    def table(self) -> np.ndarray:
        """Seconds, shape (blocks, processes, epochs)."""
        return np.array([block.seconds for block in self.blocks])
