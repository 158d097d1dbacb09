"""The classes taken for one another, the hardest images, and calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fitting_room.record import Confidence, Record, unpack_classes

Labels = NDArray[np.uint8]
"""Shape (images,)."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two classes, and how often one is taken for the other."""

    classes: tuple[int, int]
    counts: tuple[float, float]
    """Images of the first taken for the second, and of the second for the first; mean of seeds."""
    images: tuple[tuple[int, ...], tuple[int, ...]]
    """Those images, what most seeds mistake first."""

    @property
    def both(self) -> float:
        """Mistakes either way."""
        return sum(self.counts)


def most_confused(predictions: Sequence[Labels], labels: Labels, *, pairs: int) -> list[Pair]:
    """Return the pairs of classes with the most mistakes between them, the most first.

    ``predictions`` has the class predicted for each test image, of one seed at least.
    """
    answers = np.stack(predictions)

    def taken(truth: int, answer: int) -> tuple[float, tuple[int, ...]]:
        """Return the mean number of images of ``truth`` answered so, and which they are."""
        seeds = ((answers == answer) & (labels == truth)).sum(axis=0)
        order = np.argsort(-seeds, kind="stable")
        return float(seeds.sum() / len(answers)), tuple(order[: np.count_nonzero(seeds)].tolist())

    found = []
    for classes in combinations(np.unique(labels).tolist(), 2):
        (there, images), (back, others) = taken(*classes), taken(*classes[::-1])
        found.append(Pair(classes=classes, counts=(there, back), images=(images, others)))
    found.sort(key=lambda pair: -pair.both)
    return [pair for pair in found[:pairs] if pair.both]


class TestSet(Protocol):
    """Test images and their labels, as ``data`` loads them."""

    @property
    def test_images(self) -> np.ndarray:
        """Shape (n, height, width), (n, height, width, channels) or (n, features)."""

    @property
    def test_labels(self) -> np.ndarray:
        """Shape (n,), uint8, from 0."""


TestSets = Mapping[str, TestSet]
"""The test sets on this machine, by the checksum of their data set."""


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Shares of each true class, a row, that went to each predicted one, a column."""

    mean: np.ndarray
    """Over seeds, shape (classes, classes), fractions; a row of a class that occurs sums to 1."""
    sd: np.ndarray | None
    """The sd between seeds; None for a single one."""
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

    ``records`` are completed ones of a case, one for each seed; ``labels`` of shape (images,).
    """
    found = []
    for predicted in _predictions(records, labels):
        pairs = labels.astype(int) * classes + predicted
        counts = np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
        found.append(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
    if not found:
        return None
    sd = np.std(found, axis=0, ddof=1) if len(found) > 1 else None
    return Confusion(mean=np.mean(found, axis=0), sd=sd, n=len(found))


def hardest(records: Sequence[Record], labels: np.ndarray, *, most: int) -> list[Hard]:
    """Return the images that most seeds get wrong, of equal ones the most surely wrong first."""
    answers = np.array(_predictions(records, labels))  # (seeds, images)
    if not len(answers):
        return []
    mistaken = answers != labels
    wrong, sure = mistaken.sum(axis=0), _sureness(records)
    order = sorted(np.flatnonzero(wrong).tolist(), key=lambda i: (-wrong[i], -sure.get(i, 0.0), i))
    return [
        Hard(
            image=image,
            truth=int(labels[image]),
            predicted=int(np.bincount(answers[mistaken[:, image], image]).argmax()),
            wrong=int(wrong[image]),
            n=len(answers),
            probability=sure.get(image),
        )
        for image in order[:most]
    ]


def _predictions(records: Sequence[Record], labels: np.ndarray) -> list[np.ndarray]:
    unpacked = [unpack_classes(record.predictions) for record in records if record.predictions]
    return [predicted for predicted in unpacked if predicted.shape == labels.shape]


def _sureness(records: Sequence[Record]) -> dict[int, float]:
    found: dict[int, list[float]] = {}
    for record in records:
        for mistake in record.confidence.mistakes if record.confidence else ():
            found.setdefault(mistake.image, []).append(mistake.probability)
    return {image: float(np.mean(values)) for image, values in found.items()}


FEWEST = 10
"""Images in a bin that is shown: the share of fewer says nothing."""


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Test images of which the model was about as sure; shares are fractions."""

    images: int
    sure: float
    """Mean probability that it gave to the class predicted."""
    right: float
    """Share that it classified rightly."""


def bins(found: Confidence) -> list[Bin]:
    """Return the bins with enough images, from unsure to sure."""
    return [
        Bin(images=images, sure=mean, right=right / images)
        for images, right, mean in zip(found.images, found.right, found.mean, strict=True)
        if images >= FEWEST
    ]
