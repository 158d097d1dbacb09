"""The sources of scatter in accuracy and in seconds: two designs, kept and tabulated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from fitting_room.errors import UserError
from fitting_room.format import Interval, counted, is_accuracy, name, percent
from fitting_room.judge.interval import crossed, nested
from fitting_room.metrics import METRICS
from fitting_room.record import Fraction, Loss, Record, Taken, unpack_classes
from fitting_room.report.table import Table
from fitting_room.spec import Name
from fitting_room.studies import ABSENT, QUIET, SCHEMA, Origin, read_document

FOLDER = Path("noise")
"""The folder within the results."""
TIMED = "-times"
"""How the name of a series of times ends."""

LEARNED = ("test_accuracy", "test_loss", "training_accuracy", "training_loss")
SOURCES = {
    "rows": "initial weights",
    "columns": "order of the images",
    "interaction": "the two together",
    "repeat": "the same seeds again",
}
TIMES = {"blocks": "minutes", "groups": "processes", "values": "epochs"}


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
    """The accuracy after the last epoch, as a fraction."""
    test_loss: Loss
    """Nats."""
    training_accuracy: Fraction
    """The accuracy of the last epoch."""
    training_loss: Loss
    predictions: str
    """Class of every test image; see ``record.unpack_classes``."""

    @property
    def classes(self) -> np.ndarray:
        """The class of every test image, shape (images,)."""
        return unpack_classes(self.predictions)

    @property
    def bits(self) -> tuple[object, ...]:
        """Everything that a trial of the same seeds may repeat."""
        return (self.predictions, *(getattr(self, metric) for metric in LEARNED))


Pairs = Sequence[tuple[Sample, Sample]]


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
        first = self.first.keys()
        design = set(product(range(self.levels), repeat=2))
        if not design <= first or not {(s.initial, s.order) for s in self.samples} <= first:
            raise ValueError(f"samples must hold every pair of {self.levels} seeds once")
        if len({len(s.classes) for s in self.samples}) > 1:
            raise ValueError("predictions must be of the same images in every sample")

    @property
    def first(self) -> dict[tuple[int, int], Sample]:
        """The first trial of each pair of seeds."""
        return {(s.initial, s.order): s for s in self.samples if not s.repeat}

    def table(self, metric: str) -> np.ndarray:
        """Return a metric of the first trials, shape (initial seeds, order seeds)."""
        found, levels = self.first, range(self.levels)
        return np.array([[getattr(found[i, j], metric) for j in levels] for i in levels])

    def repeats(self) -> Pairs:
        """Return each trial that was made twice of the same seeds, with its twin."""
        found = self.first
        return [(found[s.initial, s.order], s) for s in self.samples if s.repeat]


def sample(record: Record, *, repeat: int) -> Sample:
    """Return what the design keeps of a completed trial.

    Raises:
        UserError: The record is no result of one that was trained with two seeds.
    """
    spec, values = record.spec, {metric: METRICS[metric](record) for metric in LEARNED}
    known = {"initial": spec.seed, "order": spec.order_seed, "predictions": record.predictions}
    if not record.completed or None in (*values.values(), *known.values()):
        told = f"{spec.case.name}: {record.outcome}, {record.reason}"
        raise UserError(f"A trial gave no result: {told}. Run the command again.")
    return msgspec.convert({**known, **values, "repeat": repeat, "key": record.key}, Sample)


@dataclass(frozen=True, kw_only=True)
class Block:
    """Trials timed one right after another."""

    started: str
    """UTC, ISO 8601."""
    seconds: tuple[tuple[Taken, ...], ...]
    """The seconds of each epoch but the first, process by process."""


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


def noise_block(results: Path) -> str:
    """Return where the scatter of accuracy comes from, and that of time."""
    found, timed = list[Crossed](), list[Times]()
    for path in sorted((results / FOLDER).glob("*.json")):
        if path.stem.endswith(TIMED):
            timed += filter(None, [read_document(path, Times)])
        else:
            found += filter(None, [read_document(path, Crossed)])
    parts = ["Accuracy:", accuracy(found) if found else ABSENT.format("noise")]
    parts += ["Time:", times(timed) if timed else QUIET.format("noise --times")]
    return "\n\n".join(parts)


def accuracy(found: Sequence[Crossed]) -> str:
    """Return the scatter of each metric by its source, and what repeating a seed repeats."""
    rows = [_row(each, metric) for each in found for metric in LEARNED]
    head = ("case", "metric", "sd in all", *(f"sd from {source}" for source in SOURCES.values()))
    alike = ("case", "same seeds", "same weights", "same order", "nothing the same")
    notes = [note for each in found for note in (_design(each), _again(each))]
    parts = [
        Table(head, rows).markdown(),
        "Test images on which two trials differ, in per cent:",
        Table(alike, [_differences(each) for each in found], notes).markdown(),
    ]
    return "\n\n".join(parts)


def _row(found: Crossed, metric: str) -> Sequence[str]:
    repeats = np.array([[getattr(s, metric) for s in pair] for pair in found.repeats()])
    components = crossed(found.table(metric), repeats)
    scale, unit = (100, "points") if is_accuracy(metric) else (1, "nats")
    total = float(np.sqrt(sum(each.estimate**2 for each in components.values())))
    sources = (_component(components[source], scale) for source in SOURCES)
    return (found.case, f"{name(metric)}, {unit}", f"{scale * total:.2g}", *sources)


def _component(found: Interval, scale: float) -> str:
    if found.high == 0:
        return "0"
    return f"{scale * found.estimate:.2g} ({scale * found.low:.2g}–{scale * found.high:.2g})"


def _differences(found: Crossed) -> Sequence[str]:
    pairs = list(combinations(found.first.values(), 2))
    chosen = [
        found.repeats(),
        [(a, b) for a, b in pairs if a.initial == b.initial],
        [(a, b) for a, b in pairs if a.order == b.order],
        [(a, b) for a, b in pairs if a.initial != b.initial and a.order != b.order],
    ]
    shares = [np.mean([np.mean(a.classes != b.classes) for a, b in each]) for each in chosen]
    return (found.case, *(percent(float(share), 1) for share in shares))


def _design(found: Crossed) -> str:
    return (
        f"{found.case}: {found.levels} initial weights × {found.levels} orders, {found.epochs} of "
        f"the recipe's {counted(found.whole, 'epoch')}; 95 % intervals; {found.origin.words}."
    )


def _again(found: Crossed) -> str:
    pairs = found.repeats()
    bits = sum(a.bits == b.bits for a, b in pairs)
    answers = sum(a.predictions == b.predictions for a, b in pairs)
    metric = sum(a.test_accuracy == b.test_accuracy for a, b in pairs)
    return (
        f"{found.case}, {counted(len(pairs), 'pair')} of trials with the same seeds: {bits} are "
        f"the same to the last bit, {answers} in every prediction, {metric} in test accuracy."
    )


def times(found: Sequence[Times]) -> str:
    """Return the scatter of seconds per epoch by its source, in per cent of the seconds."""
    rows = []
    for each in found:
        if len(each.blocks) > 1:
            components = nested(np.log(each.table))
            sources = (_component(components[source], 100) for source in TIMES)
            rows.append((each.case, f"{np.median(each.table):.2f}", *sources))
    head = ("case", "median s/epoch", *(f"sd between {source}, %" for source in TIMES.values()))
    return Table(head, rows, [_series(each) for each in found]).markdown()


def _series(found: Times) -> str:
    blocks, processes, epochs = found.table.shape
    first, last = (found.blocks[place].started[:16] for place in (0, -1))
    return (
        f"{found.case} on {percent(found.train_fraction, 0)} % of the images: {blocks} blocks of "
        f"{processes} processes right after one another, {epochs} epochs each without the first; "
        f"{first} to {last} UTC; 95 % intervals; {found.origin.words}."
    )
