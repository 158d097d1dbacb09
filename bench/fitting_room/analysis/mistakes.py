"""Which classes are taken for one another, which images are hardest, and calibration."""

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

    Args:
        predictions: Class predicted for each test image, a seed each; at least one.
        labels: What they are.
        pairs: How many pairs to return at most.
    """
    answers = np.stack(predictions)
    found = [
        _pair(answers, labels, (first, second))
        for first, second in combinations(np.unique(labels).tolist(), 2)
    ]
    found.sort(key=lambda pair: -pair.both)
    return [pair for pair in found[:pairs] if pair.both]


def _pair(answers: NDArray[np.uint8], labels: Labels, classes: tuple[int, int]) -> Pair:
    ways = [_taken(answers, labels, *way) for way in (classes, classes[::-1])]
    return Pair(
        classes=classes,
        counts=(ways[0][0], ways[1][0]),
        images=(ways[0][1], ways[1][1]),
    )


def _taken(
    answers: NDArray[np.uint8], labels: Labels, truth: int, answer: int
) -> tuple[float, tuple[int, ...]]:
    """Return the mean number of images of ``truth`` answered so, and which they are."""
    seeds = ((answers == answer) & (labels == truth)).sum(axis=0)
    order = np.argsort(-seeds, kind="stable")
    return float(seeds.sum() / len(answers)), tuple(order[: np.count_nonzero(seeds)].tolist())


class TestSet(Protocol):
    """Test images and their labels, as ``data`` loads them."""

    @property
    def test_images(self) -> np.ndarray:
        """Shape (n, height, width), (n, height, width, channels) or (n, features)."""

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
