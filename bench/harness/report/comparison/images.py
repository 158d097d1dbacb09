"""Two sides on the very same test images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.harness.judge.interval import Interval, accuracy_difference
from bench.harness.record import unpack_classes
from bench.harness.report.comparison.side import Facts

Labels = Callable[[str], np.ndarray | None]
"""Task → labels of its test images, shape (images,); None where the data is not at hand."""

RESAMPLES = 1000
"""Enough for an interval that is shown as evidence and decides nothing."""


def same_images(base: Facts, head: Facts, labels: Labels) -> Interval | None:
    """Return head's test accuracy less base's with its paired bootstrap interval, or None.

    None where one side has no predictions, they are of other images, or all are the same.
    """
    packed = [_predictions(facts) for facts in (base, head)]
    if not all(packed) or packed[0] == packed[1]:
        return None
    truth = labels(head.records[0].spec.case.task)
    if truth is None:
        return None
    before, after = ([unpack_classes(each) for each in side] for side in packed)
    if any(len(classes) != len(truth) for classes in (*before, *after)):
        return None
    right_before, right_after = (np.stack(side) == truth for side in (before, after))
    return accuracy_difference(right_after, right_before, resamples=RESAMPLES)


def _predictions(facts: Facts) -> list[str]:
    return [record.predictions for record in facts.records if record.predictions]
