"""The record: its own figures, and the classes that it holds."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from records import make_failed_record, make_record

from fitting_room.record import Size, pack_classes, unpack_classes


@pytest.mark.parametrize("count", [0, 1, 10_000])
def test_predictions_come_back_as_they_were(count: int) -> None:
    """Packed classes unpack to the same bytes, as text that JSON holds."""
    classes = np.random.default_rng(0).integers(0, 10, count)
    packed = pack_classes(classes)
    assert packed.isascii()
    assert unpack_classes(packed).tolist() == classes.tolist()


def test_packed_predictions_are_compact() -> None:
    """Ten thousand classes take less than one byte each, even where they are random."""
    classes = np.random.default_rng(0).integers(0, 10, 10_000)
    assert len(pack_classes(classes)) < 8_000


def test_parameters_are_trainable_and_not() -> None:
    """A normalisation layer's moving averages are parameters too."""
    size = Size(trainable_parameters=20, non_trainable_parameters=3, flops_per_image=0)
    assert size.parameters == 23


def test_only_a_completed_trial_may_be_judged() -> None:
    """A crashed or diverged one is no result."""
    assert make_record().completed
    assert not make_failed_record().completed
    assert not make_record(outcome="diverged").completed


def test_record_cannot_be_edited() -> None:
    """A record is a value: what was measured stays."""
    with pytest.raises(FrozenInstanceError):
        make_record().test_accuracy = 1.0  # type: ignore[misc]
