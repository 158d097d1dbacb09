"""Which class is taken for which, and which images are hardest: predictions held against labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bench.harness.record import Record, unpack_classes


class TestSet(Protocol):
    """Test images and their labels, as ``data`` loads them."""

    @property
    def test_images(self) -> np.ndarray:
        """Shape (n, 28, 28), uint8, 0–255."""

    @property
    def test_labels(self) -> np.ndarray:
        """Shape (n,), uint8, from 0."""


TestSets = Mapping[str, TestSet]
"""By the checksum of their data set; those that are on this machine."""


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Shares of each true class, a row, that went to each predicted one, a column."""

    mean: np.ndarray
    """Over seeds, shape (classes, classes), fractions; a row of a class that occurs sums to 1."""
    sd: np.ndarray | None
    """Between seeds; None for a single one."""
    n: int


@dataclass(frozen=True, kw_only=True)
class Hard:
    """A test image that seeds get wrong."""

    image: int
    """Its index, from 0."""
    truth: int
    predicted: int
    """What most of the seeds that are wrong say; of several the lowest class."""
    wrong: int
    """Seeds that are."""
    n: int
    probability: float | None
    """Given to a wrong class, mean over the seeds whose surest mistakes it is among."""


def confusion(records: Sequence[Record], labels: np.ndarray, *, classes: int) -> Confusion | None:
    """Count predictions by true class, or return None where no record has any for these labels.

    Args:
        records: Completed ones of a case, one for each seed.
        labels: Of the test images, shape (n,), integers from 0.
        classes: How many there are.
    """
    found = [_shares(predicted, labels, classes) for predicted in _predictions(records, labels)]
    if not found:
        return None
    sd = np.std(found, axis=0, ddof=1) if len(found) > 1 else None
    return Confusion(mean=np.mean(found, axis=0), sd=sd, n=len(found))


def hardest(records: Sequence[Record], labels: np.ndarray, *, most: int) -> list[Hard]:
    """Return the images that most seeds get wrong, of equal ones the most surely wrong first.

    Args:
        records: Completed ones of a case, one for each seed.
        labels: Of the test images, shape (n,), integers from 0.
        most: How many to return at most.
    """
    predicted = np.array(list(_predictions(records, labels)))  # (seeds, images)
    if not len(predicted):
        return []
    wrong = (predicted != labels).sum(axis=0)
    sure = _sureness(records)
    order = sorted(np.flatnonzero(wrong), key=lambda i: (-wrong[i], -sure.get(int(i), 0.0), i))
    return [
        Hard(
            image=int(image),
            truth=int(labels[image]),
            predicted=_commonest(predicted[:, image], int(labels[image])),
            wrong=int(wrong[image]),
            n=len(predicted),
            probability=sure.get(int(image)),
        )
        for image in order[:most]
    ]


def _predictions(records: Sequence[Record], labels: np.ndarray) -> list[np.ndarray]:
    unpacked = [unpack_classes(record.predictions) for record in records if record.predictions]
    return [predicted for predicted in unpacked if predicted.shape == labels.shape]


def _shares(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    pairs = labels.astype(int) * classes + predicted
    counts = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    shares: np.ndarray = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares


def _commonest(predicted: np.ndarray, truth: int) -> int:
    return int(np.bincount(predicted[predicted != truth]).argmax())


def _sureness(records: Sequence[Record]) -> dict[int, float]:
    found: dict[int, list[float]] = {}
    for record in records:
        for mistake in record.confidence.mistakes if record.confidence else ():
            found.setdefault(mistake.image, []).append(mistake.probability)
    return {image: float(np.mean(values)) for image, values in found.items()}
