"""A report page of synthetic records and images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from records import make_record, make_verdict

from bench.cases import CASES
from fitting_room.analysis.mistakes import TestSet
from fitting_room.analysis.trials import rows
from fitting_room.record import Confidence, Mistake, Record
from fitting_room.report.page import write_page
from fitting_room.store.claims import Claim

DENSE, CNN, DIGITS = "fashion_mnist-dense_128", "fashion_mnist-cnn_64", "mnist-dense_128"
LABELS = np.arange(100, dtype=np.uint8) % 10


@dataclass(frozen=True, kw_only=True)
class Images:
    """A hundred test images of noise."""

    test_images: np.ndarray
    test_labels: np.ndarray


IMAGES = Images(
    test_images=np.random.default_rng(0).integers(0, 256, (100, 28, 28), np.uint8),
    test_labels=LABELS,
)
"""All wrong with the predictions of ``record``, and five of ten thousand right by chance."""


def record(case: str, seed: int, **known: object) -> Record:
    """Return a trained record with predictions of every tenth image wrong, and how sure it is."""
    predicted = [int(label + (i % 10 == seed)) % 10 for i, label in enumerate(LABELS)]
    made = make_record(case=case, seed=seed, predictions=predicted, **known)  # type: ignore[arg-type]
    mistakes = (Mistake(image=seed, predicted=seed + 1, probability=0.97),)
    sure = Confidence(images=(0, 90), right=(0, 80), mean=(0, 0.9), first=(), mistakes=mistakes)
    return replace(made, confidence=sure)


RECORDS = [
    *(record(DENSE, seed, test_accuracy=0.87 + seed / 1000) for seed in (0, 1)),
    *(record(CNN, seed, test_accuracy=0.9, parameters=243_786) for seed in (0, 1)),
    *(record(DIGITS, seed, test_accuracy=0.97, epoch_seconds=[3.0] * 10) for seed in (0, 1)),
]


def write(
    path: Path, records: Sequence[Record] = RECORDS, *, images: TestSet | None = IMAGES
) -> str:
    """Write a page about five cases, two of them without records, and return it."""
    cases = [DENSE, "fashion_mnist-cnn_32", CNN, DIGITS, "mnist-single_conv_32"]
    failed = make_verdict("fail", n=2, reason="n=2")
    claim = Claim(
        case=CNN, metric="parameters", published="9", low=9, high=9, source="Book", note="Odd."
    )
    checksums = {each.spec.dataset.checksum for each in records}
    write_page(
        path,
        rows(
            [CASES[name] for name in cases], records, {CNN: [failed]}, {CNN: {"parameters": claim}}
        ),
        records,
        run="A run of tests",
        test_sets=dict.fromkeys(checksums, images) if images else {},
        stale={DENSE: "its recipe changed since"},
    )
    return path.read_text("utf-8")
