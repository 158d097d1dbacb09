"""Recipes: what is impossible; and keys: what retires a stored number, and what does not."""

from __future__ import annotations

import hashlib
from dataclasses import MISSING, fields, make_dataclass, replace
from typing import Any

import msgspec
import pytest
from imports import ROOT
from records import MACHINE, make_record

from fitting_room.recipe import PLAIN, Recipe
from fitting_room.record import Provenance
from fitting_room.spec import TrialSpec
from fitting_room.store.key import (
    TRAINING_PATH,
    machine_key,
    quality_key,
    training_key,
    training_path,
)
from fitting_room.store.records import Store


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


RECORD = make_record()
SPEC, ORIGIN = RECORD.spec, RECORD.provenance
CASE, RECIPE = SPEC.case, SPEC.case.recipe


def with_recipe(**changes: Any) -> TrialSpec:
    """Return the spec with another recipe."""
    return replace(SPEC, case=replace(CASE, recipe=replace(RECIPE, **changes)))


@pytest.mark.parametrize(
    "spec",
    [
        replace(SPEC, case=replace(CASE, arguments={"units": 129})),
        replace(SPEC, case=replace(CASE, architecture="dense_129")),
        replace(SPEC, seed=1),
        replace(SPEC, epochs=4),
        replace(SPEC, evaluate_each_epoch=False),
        replace(SPEC, dataset=replace(SPEC.dataset, checksum="0")),
        replace(SPEC, backend="jax"),
        replace(SPEC, device="gpu"),
        with_recipe(learning_rate=0.0001),
        with_recipe(shuffle_labels=True),
        with_recipe(precision="mixed_bfloat16"),
        with_recipe(jit_compile=False),
    ],
)
def test_what_can_change_a_result_changes_its_key(spec: TrialSpec) -> None:
    """Case, recipe, seed, epochs, data, backend and device are all part of it."""
    assert quality_key(spec, ORIGIN) != quality_key(SPEC, ORIGIN)


@pytest.mark.parametrize(
    "origin",
    [
        replace(ORIGIN, architecture_digest="0"),
        replace(ORIGIN, training_digest="0"),
        replace(ORIGIN, versions={**ORIGIN.versions, "keras": "3.15.2"}),
        replace(ORIGIN, settings={"OMP_NUM_THREADS": "1"}),
    ],
)
def test_other_code_or_library_changes_the_key(origin: Provenance) -> None:
    """Code of the architecture, of the training path, library versions, settings are part of it."""
    assert quality_key(SPEC, origin) != quality_key(SPEC, ORIGIN)


@pytest.mark.parametrize(
    ("spec", "origin"),
    [
        (
            replace(SPEC, dataset=replace(SPEC.dataset, folder="/elsewhere", source="a tape")),
            ORIGIN,
        ),
        (replace(SPEC, case=replace(CASE, builder="models.elsewhere:dense")), ORIGIN),
        (replace(SPEC, time_limit_s=5.0, alone=False), ORIGIN),
        (SPEC, replace(ORIGIN, versions={**ORIGIN.versions, "python": "3.12.0"})),
        (SPEC, replace(ORIGIN, commit="0", dirty=True)),
        (SPEC, replace(ORIGIN, versions=dict(reversed(ORIGIN.versions.items())))),
    ],
)
def test_what_changes_no_result_leaves_the_key(spec: TrialSpec, origin: Provenance) -> None:
    """Where data lies, a time limit, company, Python's version and the commit do not count."""
    assert quality_key(spec, origin) == quality_key(SPEC, ORIGIN)


@pytest.mark.parametrize("folder", ["reference", "exercises"])
def test_committed_records_are_found_by_what_made_them(folder: str) -> None:
    """The key of each is still that of its content, which no setting touched."""
    records = list(Store(ROOT / "results" / folder).all())
    assert records
    keys = {record.key: quality_key(record.spec, record.provenance) for record in records}
    assert [key for key, found in keys.items() if key != found] == []


def test_a_plain_recipe_keeps_the_training_path_it_always_had() -> None:
    """Nothing that only tuned recipes go through can retire its numbers."""
    assert training_path(CASE) == TRAINING_PATH


def test_a_tuned_recipe_adds_the_longer_path_and_its_pieces() -> None:
    """And none of the pieces that it does not name."""
    case = with_recipe(schedule="one_cycle", weight_average=0.9).case
    added = ("fitting_room.trial.fit:build_tuned", "fitting_room.training.schedules:one_cycle")
    assert training_path(case) == (*TRAINING_PATH, *added)


def test_new_field_of_a_recipe_retires_no_old_number() -> None:
    """A field that stands at its default is as if it were not there."""
    kinds = make_dataclass("Later", [("novelty", bool, False)], bases=(Recipe,), frozen=True)
    later = kinds(**msgspec.to_builtins(RECIPE))
    spec = replace(SPEC, case=replace(CASE, recipe=later))
    assert quality_key(spec, ORIGIN) == quality_key(SPEC, ORIGIN)


def test_key_is_that_of_the_content_as_json() -> None:
    """The key is the SHA-256 of the content, written here by hand."""
    content = (
        '{"architecture":"a","backend":"tensorflow",'
        f'"case":{{"arguments":{{"units":128}},"name":"{CASE.name}",'
        '"recipe":{"epochs":5,"jit_compile":true}},'
        f'"dataset":"{SPEC.dataset.checksum}","device":"cpu","epochs":5,'
        '"evaluate_each_epoch":true,"seed":0,'
        '"training":"t","versions":{"keras":"3"}}'
    )
    origin = replace(
        ORIGIN, architecture_digest="a", training_digest="t", versions={"python": "3", "keras": "3"}
    )
    assert quality_key(SPEC, origin) == hashlib.sha256(content.encode()).hexdigest()


def test_training_key_is_that_of_every_seed() -> None:
    """Seeds are samples of one training; another recipe is another."""
    others = [replace(SPEC, seed=1), replace(SPEC, order_seed=3), replace(SPEC, epochs=0)]
    key = training_key(RECORD)
    assert {training_key(replace(RECORD, spec=spec)) for spec in others} == {key}
    assert training_key(replace(RECORD, spec=with_recipe(learning_rate=0.1))) != key


def test_any_difference_makes_another_machine() -> None:
    """Every field of a machine counts for its key, and equal ones share it."""
    others = [
        replace(MACHINE, system="Darwin arm64"),
        replace(MACHINE, cpu="Another CPU"),
        replace(MACHINE, cores=4),
        replace(MACHINE, memory_gib=16),
        replace(MACHINE, accelerator="gpu:0"),
    ]
    keys = {machine_key(machine) for machine in (MACHINE, replace(MACHINE), *others)}
    assert len(keys) == 1 + len(others)
