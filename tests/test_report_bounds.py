"""Bounds as text: read back, met by their references, proposed as a change, and priced."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest
from records import make_band, make_failed_record, make_record

from bench.cases import CASES
from fitting_room.judge.quality import Curve
from fitting_room.judge.verdict import Bound
from fitting_room.machine import Platform
from fitting_room.metrics import METRICS
from fitting_room.record import Record
from fitting_room.report.bounds import (
    Priced,
    choices,
    counts,
    priced,
    propose,
    sharpest,
    suggest,
    table,
)
from fitting_room.store.bounds import Bounds, read_bounds

DENSE, DIGITS = CASES["fashion_mnist-dense_128"], CASES["mnist-single_conv_32"]
ACCURACIES = [0.871, 0.8755, 0.8723, 0.8791, 0.8764]
RECORDS = [
    make_record(
        seed=seed, test_accuracy=value, test_loss=1.2 - value, training_accuracy=value + 0.02
    )
    for seed, value in enumerate(ACCURACIES)
]


def bounds_of(folder: Path, text: str, case: str = DENSE.name) -> dict[str, Bound]:
    """Return the bounds that a suggestion stands for, once it is pasted into the file."""
    path = folder / "bounds.toml"
    path.write_text(text, encoding="utf-8")
    bounds = read_bounds(path, cases=CASES, metrics=METRICS)
    return dict(bounds.tables.get(case, {}))


def test_suggestion_can_be_pasted(tmp_path: Path) -> None:
    """It holds one bound of each kind, with its reason."""
    found = bounds_of(tmp_path, suggest(DENSE, RECORDS))
    assert list(found) == ["parameters", "test_accuracy", "test_loss", "training_accuracy"]
    assert found["parameters"].exactly == 101_770
    assert found["test_accuracy"].at_least is not None
    assert found["test_loss"].at_most is not None
    assert found["training_accuracy"].between is not None


def test_reference_stands_beside_the_bound(tmp_path: Path) -> None:
    """Mean, scatter and number of seeds are those of the records."""
    bound = bounds_of(tmp_path, suggest(DENSE, RECORDS))["test_accuracy"]
    assert bound.mean == pytest.approx(fmean(ACCURACIES), abs=1e-5)
    assert bound.sd == pytest.approx(stdev(ACCURACIES), abs=1e-5)
    assert bound.reference_seeds == len(ACCURACIES)


def test_references_meet_their_own_bounds(tmp_path: Path) -> None:
    """Every seed lies within, and three scatters of room are left at least."""
    found = bounds_of(tmp_path, suggest(DENSE, RECORDS))
    for metric, bound in found.items():
        assert all(bound.met_by(METRICS[metric](record) or 0) for record in RECORDS)
    floor = found["test_accuracy"].at_least
    assert floor is not None
    assert floor <= fmean(ACCURACIES) - 3 * stdev(ACCURACIES)


def test_failed_trials_suggest_nothing(tmp_path: Path) -> None:
    """A crashed seed is no reference, and does not hide the others."""
    text = suggest(DENSE, [make_failed_record(seed=9), *RECORDS])
    assert text == suggest(DENSE, RECORDS)
    assert bounds_of(tmp_path, text)["test_loss"].reference_seeds == 5


@pytest.mark.parametrize("records", [[], RECORDS[:1], [RECORDS[0], make_failed_record(seed=1)]])
def test_one_seed_is_too_few(tmp_path: Path, records: list[Record]) -> None:
    """Nothing is suggested without a scatter, and the text is a comment."""
    text = suggest(DENSE, records)
    assert text.startswith(f"# {DENSE.name}: {min(len(records), 1)} completed seeds")
    assert bounds_of(tmp_path, text) == {}


def test_metric_without_scatter_is_left_out(tmp_path: Path) -> None:
    """Two seeds that happen to agree suggest no bound, and no error."""
    alike = [make_record(seed=seed, test_loss=0.3 + seed / 100) for seed in range(2)]
    text = suggest(DENSE, alike)
    assert "# test_accuracy: the same for all 2 seeds" in text
    assert list(bounds_of(tmp_path, text)) == ["parameters", "test_loss"]


def digits(seed: int, epoch: int | None) -> Record:
    """Return a record that reached 99.5 % in an epoch, or never."""
    curve = [0.9 + seed / 1000] * ((epoch or 11) - 1) + ([0.996 + seed / 10_000] if epoch else [])
    loss = 0.03 + seed / 1000
    accuracy = 0.98 + seed / 1000
    return make_record(
        case=DIGITS, seed=seed, training_accuracy=curve, test_accuracy=accuracy, test_loss=loss
    )


@pytest.mark.parametrize(
    ("epochs", "most", "reason"),
    [
        ([5, 7, 6], 8, "one epoch more than the slowest of 3 reference seeds took"),
        ([5, None, 6], float("inf"), "1 of 3 reference seeds never reached it"),
        ([None, None], float("inf"), "2 of 2 reference seeds never reached it"),
    ],
)
def test_epochs_to_target_leave_room_for_one_more(
    tmp_path: Path, epochs: Sequence[int | None], most: float, reason: str
) -> None:
    """The slowest seed and one epoch more; where one never got there, no number is demanded."""
    records = [digits(seed, epoch) for seed, epoch in enumerate(epochs)]
    bound = bounds_of(tmp_path, suggest(DIGITS, records), DIGITS.name)["epochs_to_target"]
    assert (bound.at_most, bound.reason) == (most, reason)


def test_learning_curve_has_a_band_for_each_epoch(tmp_path: Path) -> None:
    """It is read back as a curve, and its last band rests on the last losses of all seeds."""
    path = tmp_path / "bounds.toml"
    path.write_text(suggest(DENSE, RECORDS), encoding="utf-8")
    found = read_bounds(path, cases=CASES, metrics=METRICS)
    curve = found.curve(DENSE.name, "training_loss_by_epoch")
    losses = [record.epochs[-1].training_loss or 0 for record in RECORDS]
    assert len(curve.epochs) == 5
    assert curve.epochs[-1].mean == pytest.approx(fmean(losses), abs=1e-5)
    assert all(curve.epochs[-1].met_by(loss) for loss in losses)


BEFORE = """# Bounds.
[smoke]
a = 1

# About the first.
[one]
a = 1
[one.curve]
b = 2

# About the second.
[two]
a = 1
"""


def test_only_the_tables_named_change() -> None:
    """Sub-tables go with their case; comments, blank lines and other cases stay."""
    after = propose(BEFORE, {"one": "[one]\na = 9\n"})
    assert after == BEFORE.replace("[one]\na = 1\n[one.curve]\nb = 2\n", "[one]\na = 9\n")


def test_new_case_is_added_at_the_end() -> None:
    """What is there already is not touched."""
    assert propose(BEFORE, {"three": "[three]\na = 3"}) == f"{BEFORE}\n[three]\na = 3\n"


def test_smoke_bounds_of_a_case_stay() -> None:
    """A reference says nothing of the sample, so what somebody set for it is not taken away."""
    own = "[one.smoke]\na = 5\n"
    before = BEFORE.replace("b = 2\n", f"b = 2\n\n{own}")
    after = propose(before, {"one": "[one]\na = 9\n"})
    assert after == BEFORE.replace("[one]\na = 1\n[one.curve]\nb = 2\n", f"[one]\na = 9\n\n{own}")


JAX_GPU = Platform("jax", "gpu")
BESIDE = BEFORE.replace("b = 2\n", "b = 2\n\n[one.jax-gpu]\na = 3\n[one.jax-gpu.curve]\nb = 4\n")


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({"one.jax-gpu": "[one.jax-gpu]\na = 3\n[one.jax-gpu.curve]\nb = 4"}, BESIDE),
        ({"three.jax-cpu": "[three.jax-cpu]\na = 3"}, f"{BEFORE}\n[three.jax-cpu]\na = 3\n"),
        ({"two.jax-cpu": "[two.jax-cpu]\na = 3"}, f"{BEFORE}\n[two.jax-cpu]\na = 3\n"),
    ],
)
def test_a_table_of_another_platform_comes_after_its_case_s(
    tables: dict[str, str], expected: str
) -> None:
    """What is there already is not touched, and doing it twice changes nothing more."""
    after = propose(BEFORE, tables)
    assert after == expected
    assert propose(after, tables) == expected


def test_each_platform_s_table_is_replaced_alone() -> None:
    """Neither the usual one nor another's is touched by a calibration that is not theirs."""
    usual = propose(BESIDE, {"one": "[one]\na = 9\n"})
    assert usual == BESIDE.replace("[one]\na = 1\n[one.curve]\nb = 2\n", "[one]\na = 9\n")
    other = propose(BESIDE, {"one.jax-gpu": "[one.jax-gpu]\na = 9"})
    old = "[one.jax-gpu]\na = 3\n[one.jax-gpu.curve]\nb = 4\n"
    assert other == BESIDE.replace(old, "[one.jax-gpu]\na = 9\n")


def test_a_suggestion_for_another_platform_is_read_back_as_its_own(tmp_path: Path) -> None:
    """It has no counts of its own, and says nothing of the usual one."""
    path = tmp_path / "bounds.toml"
    path.write_text(counts(DENSE, RECORDS) + suggest(DENSE, RECORDS, JAX_GPU), encoding="utf-8")
    bounds = read_bounds(path, cases=CASES, metrics=METRICS)
    assert list(bounds.tables[DENSE.name]) == ["parameters"]
    there = bounds.on(JAX_GPU)
    assert set(there.metrics(DENSE.name)) == {
        *("parameters", "test_accuracy", "test_loss", "training_accuracy"),
        "training_loss_by_epoch",
    }
    assert there.for_case(DENSE.name, "test_accuracy").reference_seeds == len(ACCURACIES)


CASE = "fashion_mnist-dense_128"
FIRST, SECOND = 5.0, 3.0
"""Seconds of the first epoch of a made-up record, and of each other."""

FLOOR = Bound(
    metric="test_accuracy", at_least=0.86, mean=0.87, sd=0.002, reference_seeds=20, reason="so"
)
DROP = make_band(0.125, 0.015, metric="drop_in_training_loss")
CURVE = Curve(
    metric="training_loss_by_epoch", epochs=tuple(make_band(m, 0.02) for m in (0.4, 0.3, 0.25))
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
