"""What bounds cost and see, and which metrics see most for a second of training."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from records import make_record

from fitting_room.judge.quality import Curve
from fitting_room.judge.verdict import Bound
from fitting_room.report.prices import Priced, choices, priced, sharpest, table
from fitting_room.store.bounds import Bounds

CASE = "fashion_mnist-dense_128"
FIRST, SECOND = 5.0, 3.0
"""Seconds of the first epoch of a made-up record, and of each other."""

REFERENCE: dict[str, Any] = {"sd": 0.002, "reference_seeds": 20, "reason": "a reference"}
FLOOR = Bound(metric="test_accuracy", at_least=0.86, mean=0.87, **REFERENCE)
DROP = Bound(
    metric="drop_in_training_loss",
    between=(0.11, 0.14),
    mean=0.125,
    **REFERENCE,
)
CURVE = Curve(
    metric="training_loss_by_epoch",
    epochs=tuple(
        Bound(metric="training_loss", between=(m - 0.02, m + 0.02), mean=m, **REFERENCE)
        for m in (0.4, 0.3, 0.25)
    ),
)


def of_case(*, seeds: int = 2, alone: bool = True, epochs: int = 3, **known: Any) -> list[Priced]:
    """Return the prices of three bounds, by references that learn a hundredth an epoch."""
    found = [make_record(seed=seed, epochs=epochs, **known) for seed in range(seeds)]
    records = [replace(each, spec=replace(each.spec, alone=alone)) for each in found]
    rising = [
        replace(r, epochs=tuple(replace(e, test_accuracy=0.8 + e.number / 100) for e in r.epochs))
        for r in records
    ]
    bounds = Bounds(
        path=Path("bounds.toml"),
        tables={CASE: {bound.metric: bound for bound in (FLOOR, DROP)}},
        curves={CASE: {CURVE.metric: CURVE}},
    )
    return priced(bounds, {CASE: rising})


def named(found: list[Priced], metric: str) -> Priced:
    """Return the row of a metric."""
    return next(one for one in found if one.metric == metric)


def test_a_metric_costs_the_epochs_after_which_it_is_known() -> None:
    """Two for the drop, all for the accuracy of the end, and as many as a curve's own."""
    found = of_case()
    taken = {one.metric: (one.seconds or 0) / one.price.seeds for one in found}
    assert taken == pytest.approx(
        {
            "test_accuracy": FIRST + 2 * SECOND,
            "drop_in_training_loss": FIRST + SECOND,
            "training_loss, epoch 1": FIRST,
            "training_loss, epoch 2": FIRST + SECOND,
            "training_loss, epoch 3": FIRST + 2 * SECOND,
        }
    )


def test_the_sharpest_catches_the_least_setback_for_a_second() -> None:
    """A curve is left with one epoch, and each case with a test metric and a training metric."""
    found = sharpest(of_case())
    names = ["test_accuracy", "drop_in_training_loss", "training_loss, epoch 1"]
    assert [one.metric for one in found] == names
    accuracy, curve = named(found, "test_accuracy"), named(found, "training_loss, epoch 1")
    caught = accuracy.price.catches / 0.01  # it rises by a hundredth an epoch
    assert accuracy.effort == pytest.approx(caught * (accuracy.seconds or 0))
    (line,) = choices(found)
    assert re.sub(r"\(.+?\)", "()", line) == f"{CASE}: test accuracy (), training loss, epoch 1 ()"
    told = [float(number) for number in re.findall(r"\((.+?)\)", line)]
    assert told == pytest.approx([accuracy.effort, curve.effort], rel=0.06)
    assert "epochs × seconds" in table(found).splitlines()[0]


def test_a_case_that_nobody_timed_has_no_choice() -> None:
    """Epochs are told, seconds are not; of a curve the epoch with the least setback stays."""
    found = sharpest(of_case(alone=False))
    assert found[-1].setback == min(one.setback for one in of_case() if one.of_curve)
    (line,) = choices(found)
    none = "metric (none has such a product)"
    assert line == f"{CASE}: no test {none}, no training {none}"


def test_a_curve_is_priced_as_far_as_the_references_came() -> None:
    """A recipe that stops at its target leaves some epochs of the bands without a time."""
    metrics = [one.metric for one in of_case(epochs=2) if one.of_curve]
    assert metrics == ["training_loss, epoch 1", "training_loss, epoch 2"]
