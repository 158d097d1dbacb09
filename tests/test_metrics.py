"""Metrics: their values of a record, how they are shown, and those that a project declares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from records import make_failed_record, make_record

from fitting_room.errors import UserError
from fitting_room.format import shown, shown_difference, shown_limits
from fitting_room.metrics import (
    BUILT_IN,
    METRICS,
    UNTRAINED,
    Metric,
    computed,
    declare,
    known,
    macro_f1,
    sources,
    worst_class_accuracy,
)
from fitting_room.record import Record
from fitting_room.store.bounds import read_bounds
from fitting_room.store.key import training_path
from fitting_room.store.records import Store, encoded

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
        "seconds_to_target": None,
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


F1 = Metric(name="macro_f1", better="higher", format="percent", compute=macro_f1)
LATENCY = Metric(name="latency", unit="ms", better="lower")


@pytest.fixture
def own() -> None:
    """Declare two metrics for one test."""
    declare([F1, LATENCY])


@pytest.mark.usefixtures("own")
def test_a_name_alone_tells_how_a_metric_is_shown() -> None:
    """A fraction in per cent and points, a plain one with its unit, any other name as a number."""
    told = [shown("macro_f1", 0.8431), shown("latency", 3.14159), shown("images", 1200)]
    assert told == ["84.31 %", "3.1416 ms", "1,200"]
    assert shown_difference("macro_f1", -0.01) == "-1.00 points"
    assert shown_limits("latency", (3.0, 3.5)) == "3.000–3.500 ms"
    assert known("training_accuracy_by_epoch") is METRICS["training_accuracy"]


@pytest.mark.usefixtures("own")
def test_a_declared_metric_is_what_its_record_says() -> None:
    """Nothing where the record has none, or is of a trial that diverged."""
    record = make_record()
    told = replace(record, metrics={"macro_f1": 0.8})
    assert (METRICS["macro_f1"](told), METRICS["macro_f1"](record)) == (0.8, None)
    assert METRICS["macro_f1"](replace(told, outcome="diverged")) is None


def test_a_record_without_metrics_has_no_key_for_them(tmp_path: Path) -> None:
    """Files that were written before are what would be written now; those with some come back."""
    record = make_record()
    assert "metrics" not in msgspec.json.decode(encoded(record))
    told = replace(record, metrics={"latency": 3.5})
    Store(tmp_path).put(told)
    assert list(Store(tmp_path).all()) == [told]


@pytest.mark.usefixtures("own")
def test_a_bound_may_be_for_a_declared_metric(tmp_path: Path) -> None:
    """As for a built-in one, per cents are told from fractions, and the missing line is shown."""
    path = tmp_path / "bounds.toml"
    path.write_text("[case]\nmacro_f1 = { at_least = 0.8, reason = 'r' }\n")
    bounds = read_bounds(path, cases=["case"], metrics=METRICS)
    assert bounds.for_case("case", "macro_f1").words == "≥ 80.0 %"
    with pytest.raises(UserError, match=r"latency = { at_most = 1\.0, reason"):
        bounds.for_case("case", "latency")
    path.write_text("[case]\nmacro_f1 = { at_least = 80, reason = 'r' }\n")
    with pytest.raises(UserError, match=r"a fraction; did you mean 0\.8\?$"):
        read_bounds(path, cases=["case"], metrics=METRICS)


@pytest.mark.usefixtures("own")
def test_the_code_of_a_computed_metric_is_part_of_the_training_path() -> None:
    """Another function gives other values: records that it did not score are stale."""
    case = make_record().spec.case
    assert sources() == {"macro_f1": "fitting_room.metrics:macro_f1"}
    assert training_path(case)[-1] == "fitting_room.metrics:macro_f1"
    declare([])
    assert "fitting_room.metrics:macro_f1" not in training_path(case)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "macro f1"}, "'macro f1' is no name"),
        ({"name": "it", "better": "up"}, "better of it must be one of higher, lower, neither"),
        ({"name": "it", "format": "%"}, "format of it must be one of percent, decimals, number"),
        ({"name": "it", "compute": lambda *_: 0.0}, "must be a function that a module defines"),
    ],
)
def test_a_metric_that_cannot_be_meant_is_refused(fields: dict[str, Any], said: str) -> None:
    """Where it is written, and not inside a trial."""
    with pytest.raises(ValueError, match=said):
        Metric(**fields)


def test_no_metric_takes_the_name_of_another() -> None:
    """The built-in ones stay what they are, also after a name was refused."""
    for wrong in ([Metric(name="test_loss")], [F1, F1], [Metric(name="validation_loss")]):
        with pytest.raises(ValueError, match=f"there is a metric {wrong[0].name} already"):
            declare(wrong)
    assert tuple(METRICS.values()) == BUILT_IN


LABELS = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 1, 0])


def test_ready_functions_agree_with_a_count_by_hand() -> None:
    """F1 of class 0 is 2/3, of 1 is 4/5, of 2 is 0; and no image of class 2 is classified rightly.

    Of the two classes that are, 2/3 of class 0 is the worse.
    """
    sure = np.eye(3)[PREDICTED]
    assert macro_f1(LABELS, sure) == pytest.approx((2 / 3 + 4 / 5 + 0) / 3)
    assert worst_class_accuracy(LABELS, sure) == 0
    assert worst_class_accuracy(LABELS[:5], sure[:5]) == pytest.approx(2 / 3)


def nothing(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return no number."""
    return float(np.nan * len(labels) * len(probabilities))


def test_a_function_that_gives_no_number_is_told() -> None:
    """With its name; others are computed by name, as a child process does."""
    sure = np.eye(3)[PREDICTED]
    found = computed({"f1": "fitting_room.metrics:macro_f1"}, LABELS, sure)
    assert found == {"f1": macro_f1(LABELS, sure)}
    with pytest.raises(UserError, match="test_metrics:nothing gave nan for it"):
        computed({"it": "test_metrics:nothing"}, LABELS, sure)
