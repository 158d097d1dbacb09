"""What a trained model is worth, on images it has seen and on images it has not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.cases import CASES
from fitting_room.spec import Case

pytestmark = [
    pytest.mark.needs(trained=True),
    pytest.mark.parametrize("case", CASES.values(), ids=CASES),
]


def test_accuracy(case: Case, hold: Callable[[Case, str], None]) -> None:
    """The last epoch's accuracy on all test images is within its bound."""
    hold(case, "test_accuracy")


def test_loss(case: Case, hold: Callable[[Case, str], None]) -> None:
    """The last epoch's cross-entropy on all test images is within its bound."""
    hold(case, "test_loss")


def test_learning_curve(case: Case, hold: Callable[[Case, str], None]) -> None:
    """The training loss of every epoch is within its band: training goes as it went."""
    hold(case, "training_loss_by_epoch")


def test_training_accuracy(case: Case, hold: Callable[[Case, str], None]) -> None:
    """The last epoch's training accuracy is within its band: nothing in training changed."""
    hold(case, "training_accuracy")


def test_training_drop(case: Case, hold: Callable[[Case, str], None]) -> None:
    """The training loss falls from the first epoch to the second as it did: same optimizer."""
    hold(case, "drop_in_training_loss")
