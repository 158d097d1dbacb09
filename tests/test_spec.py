"""Task, recipe, case and trial as values."""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, fields, replace
from typing import Any

import msgspec
import pytest
from records import make_record

from bench.tasks import TASKS
from fitting_room.spec import PLAIN, Recipe, TrialSpec

SPEC = make_record(case="mnist-single_conv_32").spec


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


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
        ({"steps_per_execution": -1}, "steps_per_execution must be at least 1, not -1"),
        ({"train_fraction": 0.0}, r"train_fraction must be in \(0, 1\], not 0\.0"),
        ({"train_fraction": 1.5}, r"train_fraction must be in \(0, 1\], not 1\.5"),
        ({"learning_rate": -0.1}, r"learning_rate must not be negative, not -0\.1"),
        ({"erase_pixels": -1}, "erase_pixels must not be negative, not -1"),
        ({"weight_average": 1.0}, r"weight_average must be in \[0, 1\), not 1\.0"),
        ({"warm_up": -0.1}, r"warm_up must be in \[0, 1\), not -0\.1"),
        ({"schedule": "linear"}, "schedule must be one of constant, linear_to_zero, .*'linear'"),
        ({"flip": "up"}, "flip must be one of none, random, alternating, not 'up'"),
        ({"validation_fraction": 1.0}, r"validation_fraction must be in \[0, 1\), not 1\.0"),
        ({"stop_metric": "acc"}, "stop_metric must be one of accuracy, loss, not 'acc'"),
        ({"stop_metric": "val_loss"}, "val_… wants a validation_fraction"),
        ({"stop_direction": "up"}, "stop_direction must be above or below, not 'up'"),
        ({"stop_patience": -1}, "stop_patience must not be negative, not -1"),
        ({"keep_best": True}, "keep_best wants a validation_fraction"),
        ({"plateau_factor": 1.0}, r"plateau_factor must be in \(0, 1\), not 1\.0"),
        ({"plateau_factor": 0.5, "schedule": "one_cycle"}, "both set the rate"),
    ],
)
def test_impossible_recipe_is_refused(wrong: dict[str, Any], told: str) -> None:
    """It fails where it is written, and not inside a trial."""
    with pytest.raises(ValueError, match=told):
        Recipe(**({"epochs": 5} | wrong))


def test_limits_themselves_are_possible() -> None:
    """One epoch of one image at a time on all images without learning is a recipe."""
    Recipe(epochs=1, batch_size=1, steps_per_execution=1, train_fraction=1.0, learning_rate=0.0)


def test_unknown_setting_is_refused() -> None:
    """A slip in a name cannot pass as a setting."""
    with pytest.raises(TypeError, match="batchsize"):
        Recipe(epochs=5, batchsize=32)  # type: ignore[call-arg]


def test_only_epochs_have_no_default() -> None:
    """A field that is added later needs a default, or it would retire every stored number."""
    needed = [field.name for field in fields(Recipe) if field.default is MISSING]
    assert needed == ["epochs"]


def test_execution_divides_the_batches_of_an_epoch() -> None:
    """60,000 images in batches of 32 are a whole number of executions."""
    recipe = Recipe(epochs=1)
    assert 60_000 % (recipe.batch_size * recipe.steps_per_execution) == 0


def test_callbacks_take_no_tuned_path() -> None:
    """A recipe that only watches its training is trained as published, and known as watched."""
    recipe = Recipe(epochs=5, validation_fraction=0.1, plateau_factor=0.5, keep_best=True)
    assert (recipe.watched, recipe.tuned) == (True, False)
    assert not Recipe(epochs=5, weight_decay=0.1).watched


@pytest.mark.parametrize(
    ("settings", "pieces"),
    [
        ({"momentum": 0.9}, ()),
        ({"schedule": "one_cycle", "warm_up": 0.3}, ("fitting_room.training.schedules:one_cycle",)),
        (
            {"optimizer": "fitting_room.training.muon:KernelMuon"},
            ("fitting_room.training.muon:KernelMuon",),
        ),
        ({"label_smoothing": 0.1}, ("fitting_room.training.losses:SmoothedCrossentropy",)),
        ({"shift_pixels": 1.0, "zoom": 0.1}, ("fitting_room.training.augmentation:RandomAffine",)),
        ({"flip": "random"}, ("fitting_room.training.augmentation:RandomFlip",)),
        (
            {"flip": "alternating", "erase_pixels": 4},
            (
                "fitting_room.training.augmentation:AlternatingFlip",
                "fitting_room.training.augmentation:RandomErasing",
            ),
        ),
    ],
)
def test_a_tuned_recipe_names_the_pieces_that_it_uses(
    settings: dict[str, Any], pieces: tuple[str, ...]
) -> None:
    """Those and no others, so that work on the others leaves its numbers alone."""
    recipe = Recipe(epochs=1, **settings)
    assert (recipe.tuned, recipe.pieces) == (True, pieces)


def test_a_field_is_plain_or_tuning() -> None:
    """Plain fields are those that came first; each one more takes the longer path."""
    first = [field.name for field in fields(Recipe)][: len(PLAIN)]
    assert set(first) == PLAIN
    changed = Recipe(epochs=3, batch_size=8, beta_1=0.5, precision="mixed_bfloat16")
    assert (changed.tuned, changed.pieces) == (False, ())
