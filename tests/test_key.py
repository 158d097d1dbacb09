"""Keys: what retires a stored number, and what does not."""

from __future__ import annotations

import hashlib
from dataclasses import make_dataclass, replace
from typing import Any

import msgspec
import pytest
from imports import ROOT
from records import MACHINE, make_record

from fitting_room.record import Provenance
from fitting_room.spec import Recipe, TrialSpec
from fitting_room.store.key import (
    TRAINING_PATH,
    machine_key,
    quality_key,
    training_key,
    training_path,
)
from fitting_room.store.records import Store

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
    """The data's folder, a time limit, company, Python's version and the commit do not count."""
    assert quality_key(spec, origin) == quality_key(SPEC, ORIGIN)


@pytest.mark.parametrize("folder", ["reference", "exercises"])
def test_committed_records_are_found_by_what_made_them(folder: str) -> None:
    """The key of each is still that of its content, which no setting touched."""
    records = list(Store(ROOT / "results" / folder).all())
    assert records
    keys = {record.key: quality_key(record.spec, record.provenance) for record in records}
    assert [key for key, found in keys.items() if key != found] == []


def test_a_tuned_recipe_adds_the_longer_path_and_its_pieces() -> None:
    """Those that it names; and nothing of them can retire the numbers of a plain recipe."""
    assert training_path(CASE) == TRAINING_PATH
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
