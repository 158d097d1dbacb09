"""What was trained and timed to see where noise comes from: JSON under ``results/noise/``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.harness.record import Record, unpack_classes
from bench.harness.report.gate.files import SCHEMA, Origin

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
    key: str
    test_accuracy: float
    """After the last epoch, as a fraction."""
    test_loss: float
    """Nats."""
    training_accuracy: float
    """Of the last epoch."""
    training_loss: float
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
    levels: int
    """Seeds of each kind."""
    samples: tuple[Sample, ...]

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
    seconds: tuple[tuple[float, ...], ...]
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

    @property
    def table(self) -> np.ndarray:
        """Seconds, shape (blocks, processes, epochs)."""
        return np.array([block.seconds for block in self.blocks])
