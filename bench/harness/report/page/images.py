"""Test images that a case gets wrong, as PNG within the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np

from bench.harness.record import Record
from bench.harness.report.mistakes import TestSets, hardest
from bench.harness.report.page.inside import data_address

MOST = 24
"""Images a case."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One image and what became of it."""

    source: str
    """A ``data:`` address."""
    truth: str
    predicted: str
    image: int
    """Its index among the test images, from 0."""
    told: str
    """How many seeds get it wrong."""
    sure: str
    """And how sure they are; empty where that was not kept."""


def images(records: Sequence[Record], test_sets: TestSets, classes: Sequence[str]) -> list[Shown]:
    """Return the images that most seeds get wrong; none where the test images are not here."""
    known = [record for record in records if record.spec.dataset.checksum in test_sets]
    if not known:
        return []
    test_set = test_sets[known[0].spec.dataset.checksum]
    return [
        Shown(
            source=_png(test_set.test_images[hard.image]),
            truth=classes[hard.truth],
            predicted=classes[hard.predicted],
            image=hard.image,
            told=f"{hard.wrong} of {hard.n} seeds",
            sure=_sure(hard.probability),
        )
        for hard in hardest(known, test_set.test_labels, most=MOST)
    ]


def _sure(probability: float | None) -> str:
    if probability is None:
        return ""
    return "> 99.9 % sure" if probability > 0.999 else f"{100 * probability:.1f} % sure"


def _png(image: np.ndarray) -> str:
    """Return an image, shape (height, width), uint8, as a PNG in a ``data:`` address."""
    from PIL import Image  # takes longer to load than the rest of the page to write

    file = BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    return data_address(file.getvalue(), "png")
