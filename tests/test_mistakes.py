"""Predictions held against labels: by hand, on a handful of images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from records import make_record

from fitting_room.analysis.mistakes import confusion, hardest
from fitting_room.record import Confidence, Mistake, Record

LABELS = np.array([0, 0, 1, 1, 2, 2], np.uint8)


def seed(number: int, *predicted: int, sure: tuple[Mistake, ...] = ()) -> Record:
    """Return the record of a seed that predicted these classes."""
    record = make_record(seed=number, predictions=predicted)
    kept = Confidence(images=(), right=(), mean=(), first=(), mistakes=sure)
    return replace(record, confidence=kept if sure else None)


def test_shares_are_of_each_true_class() -> None:
    """A row adds up to one; the scatter is that between seeds."""
    found = confusion([seed(0, 0, 0, 1, 1, 2, 2), seed(1, 0, 1, 1, 1, 2, 1)], LABELS, classes=3)
    assert found
    assert found.mean == pytest.approx(np.array([[0.75, 0.25, 0], [0, 1, 0], [0, 0.25, 0.75]]))
    assert found.sd is not None
    assert found.sd[0] == pytest.approx([np.sqrt(0.125), np.sqrt(0.125), 0])
    assert found.n == 2


def test_one_seed_has_no_scatter() -> None:
    """What is not known is not zero."""
    found = confusion([seed(0, *LABELS)], LABELS, classes=3)
    assert found
    assert found.sd is None


def test_predictions_of_other_images_do_not_count() -> None:
    """Predictions on a sample or on a validation split are left out."""
    assert confusion([seed(0, 1, 2)], LABELS, classes=3) is None
    assert hardest([seed(0, 1, 2)], LABELS, most=3) == []


def test_hardest_are_those_that_most_seeds_get_wrong() -> None:
    """The surest mistake comes first among equal ones, then the first image."""
    sure = (Mistake(image=5, predicted=1, probability=0.9),)
    records = [
        seed(0, 1, 0, 1, 1, 2, 1, sure=sure),
        seed(1, 1, 2, 1, 0, 2, 1),
        seed(2, 2, 0, 1, 1, 2, 2),
    ]
    found = hardest(records, LABELS, most=3)
    assert [(hard.image, hard.wrong, hard.predicted) for hard in found] == [
        (0, 3, 1),
        (5, 2, 1),
        (1, 1, 2),
    ]
    assert [hard.probability for hard in found] == [None, 0.9, None]
