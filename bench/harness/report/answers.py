"""What a model makes of one image, beside what other seeds made of it and what was published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.harness.record import Confidence, Record
from bench.harness.report.trials import one_per_seed, publishable


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The probabilities that a model gives the classes of one image."""

    classes: tuple[str, ...]
    """What each label stands for."""
    probabilities: tuple[float, ...]
    truth: int | None = None
    """Its label, where it is known."""
    seeds: tuple[tuple[float, ...], ...] = ()
    """Probabilities by other trainings of the same case, a seed each."""
    published: tuple[float | None, ...] = ()
    """Probabilities that somebody published of it, by label."""

    @property
    def label(self) -> int:
        """The most probable class."""
        return int(np.argmax(self.probabilities))

    def named(self, label: int) -> str:
        """Return what a label stands for, and the label where that is not its name."""
        name = self.classes[label]
        return name if name == str(label) else f"{name} ({label})"


def known_seeds(records: Sequence[Record], image: int) -> dict[int, tuple[float, ...]]:
    """Return seed → class probabilities of a leading test image, of those that kept them."""
    return {
        record.spec.seed: record.confidence.first[image]
        for record in one_per_seed(records)
        if publishable(record) and record.confidence and image < len(record.confidence.first)
    }


def confidences(records: Sequence[Record]) -> list[Confidence]:
    """Return how sure each seed was of its answers to the test images, of those that kept it."""
    return [
        record.confidence
        for record in one_per_seed(records)
        if publishable(record) and record.confidence
    ]


def as_sure(confidence: Confidence, probability: float) -> tuple[float, float, float, int]:
    """Return the bin of a probability: from, to, share of its images that were right, images."""
    bins = len(confidence.images)
    at = min(int(probability * bins), bins - 1)
    images = confidence.images[at]
    share = confidence.right[at] / images if images else float("nan")
    return at / bins, (at + 1) / bins, share, images
