"""The figures of a record that are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from records import make_failed_record, make_record

from fitting_room.metrics import METRICS, UNTRAINED
from fitting_room.record import Record

DIGITS = "mnist-single_conv_32"


def figures(record: Record) -> dict[str, float | None]:
    """Return every metric of a record."""
    return {name: metric(record) for name, metric in METRICS.items()}


def test_figures_are_those_of_the_last_epoch() -> None:
    """Accuracy and loss, of training and test, are read where the record says they are."""
    record = make_record(
        test_accuracy=0.9, test_loss=0.3, training_accuracy=[0.8, 0.75], parameters=7
    )
    assert figures(record) == {
        "parameters": 7,
        "test_accuracy": 0.9,
        "test_loss": 0.3,
        "training_accuracy": 0.75,
        "calibration_error": None,
        "training_loss": 0.25,
        "drop_in_training_loss": -0.05,
        "epochs_to_target": None,
    }


@pytest.mark.parametrize(
    ("curve", "epoch"),
    [([0.98, 0.995, 0.99, 0.999], 2), ([0.996], 1), ([0.98, 0.9949], None), ([], None)],
)
def test_target_is_reached_by_the_first_epoch_at_or_above_it(
    curve: Sequence[float], epoch: int | None
) -> None:
    """99.5 % itself counts, and falling back later does not matter."""
    record = make_record(case=DIGITS, training_accuracy=curve)
    assert METRICS["epochs_to_target"](record) == epoch


def test_epoch_without_a_finite_accuracy_does_not_reach_the_target() -> None:
    """A missing value is not compared with the target."""
    record = make_record(case=DIGITS, training_accuracy=[0.9, 0.999])
    first = replace(record.epochs[0], training_accuracy=None)
    assert METRICS["epochs_to_target"](replace(record, epochs=(first, record.epochs[1]))) == 2


def test_diverged_trial_has_no_figures_of_training() -> None:
    """What is left after the loss was no number is not a result."""
    record = make_record(outcome="diverged", test_accuracy=None, test_loss=None, parameters=7)
    known = {name: value for name, value in figures(record).items() if value is not None}
    assert known == {"parameters": 7}


@pytest.mark.parametrize("record", [make_failed_record(), make_record(training_accuracy=[])])
def test_trial_without_epochs_has_no_figures_of_training(record: Record) -> None:
    """A trial that died early, or only built its model, raises nothing."""
    found = figures(record)
    assert (found["training_accuracy"], found["training_loss"]) == (None, None)


def test_untrained_metrics_are_known_without_an_epoch() -> None:
    """Each metric that claims to need no training has a value for a model that had none."""
    built = make_record(training_accuracy=[], test_accuracy=None, test_loss=None)
    assert all(METRICS[name](built) is not None for name in UNTRAINED)


def test_drop_is_what_the_second_epoch_has_less_loss_than_the_first() -> None:
    """Of the training loss, whatever comes later; nothing for a trial that ended before."""
    drop = METRICS["drop_in_training_loss"]
    assert drop(make_record(training_accuracy=[0.82, 0.87, 0.3])) == pytest.approx(0.05)
    assert drop(make_record(training_accuracy=[0.82])) is None
    assert drop(make_record(training_accuracy=[0.82, 0.87], outcome="diverged")) is None
