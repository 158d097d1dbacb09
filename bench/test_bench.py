"""The tests of every case: its bounds, and its times in pytest-benchmark's table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench.cases import CASES
from bench.tasks import TASKS
from fitting_room import suites
from fitting_room.record import Record
from fitting_room.spec import Case
from fitting_room.suites import test_epoch_time, test_latency, test_throughput

__all__ = ["test_epoch_time", "test_latency", "test_throughput"]

Hold = Callable[[Case, str], None]

AIMING = {name: case for name, case in CASES.items() if TASKS[case.task].targets}
"""The cases whose task has a target."""

trained = pytest.mark.needs(trained=True)
aiming = pytest.mark.parametrize("case", AIMING.values(), ids=AIMING)


@trained
def test_accuracy(case: Case, hold: Hold) -> None:
    """The last epoch's accuracy on all test images is within its bound."""
    hold(case, "test_accuracy")


@trained
def test_loss(case: Case, hold: Hold) -> None:
    """The last epoch's cross-entropy on all test images is within its bound."""
    hold(case, "test_loss")


@trained
def test_learning_curve(case: Case, hold: Hold) -> None:
    """The training loss of every epoch is within its band: training goes as in the reference."""
    hold(case, "training_loss_by_epoch")


@trained
def test_training_accuracy(case: Case, hold: Hold) -> None:
    """The last epoch's training accuracy is within its band, as in the reference."""
    hold(case, "training_accuracy")


@trained
def test_training_drop(case: Case, hold: Hold) -> None:
    """The training loss falls from epoch 1 to epoch 2 by as much as in the reference."""
    hold(case, "drop_in_training_loss")


@trained
@aiming
def test_epochs_to_target(case: Case, hold: Hold) -> None:
    """The target is reached by the bound's epoch; an infinite bound lets it be never reached."""
    hold(case, "epochs_to_target")


@pytest.mark.needs(trained=False)
def test_parameters(case: Case, hold: Hold) -> None:
    """The model has exactly as many parameters as its bound says; this trains nothing."""
    hold(case, "parameters")


@aiming
@pytest.mark.needs(trained=True, timed=True)
@pytest.mark.benchmark(group="seconds to the target", timer=suites.CLOCK)
def test_seconds_to_target(
    case: Case, times: Callable[[Case], list[Record]], benchmark: Any
) -> None:
    """Every seed that reached the target of its task took a measurable time."""
    suites.test_seconds_to_target(case, times, benchmark)
