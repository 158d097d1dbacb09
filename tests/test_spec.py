"""Task, case and trial as values."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import msgspec
import pytest
from records import make_record

from bench.tasks import TASKS
from fitting_room.spec import TrialSpec

SPEC = make_record(case="mnist-single_conv_32").spec


def test_case_is_named_after_its_task_and_architecture() -> None:
    """The name is the id of its tests, of its bounds and of its folder."""
    assert SPEC.case.name == "mnist-single_conv_32"


@pytest.mark.parametrize(("epochs", "overridden"), [(10, False), (0, False), (3, True), (11, True)])
def test_only_another_number_of_epochs_is_an_override(epochs: int, overridden: bool) -> None:
    """Building without training overrides nothing."""
    assert replace(SPEC, epochs=epochs).overridden == overridden


def test_spec_survives_json() -> None:
    """A child process reads exactly what its parent wrote."""
    assert msgspec.json.decode(msgspec.json.encode(SPEC), type=TrialSpec) == SPEC


def test_spec_cannot_be_edited() -> None:
    """What is asked for is a value."""
    with pytest.raises(FrozenInstanceError):
        SPEC.seed = 1  # type: ignore[misc]


def test_only_mnist_has_a_target() -> None:
    """The published goal is 99.5 % training accuracy on MNIST."""
    targets = {name: dict(task.targets) for name, task in TASKS.items()}
    assert targets == {"fashion_mnist": {}, "mnist": {"training_accuracy": 0.995}}
