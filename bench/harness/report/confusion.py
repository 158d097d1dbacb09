"""Which classes are taken for one another, over the seeds that answered the same test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

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
