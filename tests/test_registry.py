"""The registry of architectures, and the cases that come of it."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from imports import ROOT
from records import PROJECT

import models
from bench import cases
from bench.cases import CASES, INSTEAD, LONG
from bench.tasks import TASKS
from fitting_room.errors import UserError
from fitting_room.spec import Case
from models import MODELS

PUBLISHED = {
    "fashion_mnist": {"dense_128", "cnn_64", "cnn_32", "single_conv", "triple_conv"},
    "mnist": {"dense_128", "single_conv_32"},
}
PLAIN = {name: case for name, case in CASES.items() if not case.recipe.tuned}
"""What was published was trained by a plain ``fit``; the others are our own."""


def parameters_of(builder: str) -> set[str]:
    """Return the keyword-only parameters of a builder, read without importing it."""
    module, function = builder.split(":")
    tree = ast.parse((ROOT / Path(*module.split("."))).with_suffix(".py").read_text())
    found = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function)
    return {argument.arg for argument in found.args.kwonlyargs}


@pytest.mark.parametrize("name", MODELS)
def test_builder_is_there_and_takes_the_arguments(name: str) -> None:
    """No line of the registry names a function or an argument that does not exist."""
    assert set(MODELS[name].arguments) <= parameters_of(MODELS[name].builder)


@pytest.mark.parametrize("task", TASKS)
def test_every_published_architecture_is_a_case(task: str) -> None:
    """Each task has the architectures that were published for it."""
    assert {case.architecture for case in CASES.values() if case.task == task} >= PUBLISHED[task]


def test_every_recipe_is_for_a_task_there_is() -> None:
    """No recipe is written for a task that nobody asks for."""
    assert {task for model in MODELS.values() for task in model.recipes} <= set(TASKS)


@pytest.mark.parametrize("case", PLAIN.values(), ids=PLAIN)
def test_recipe_is_the_published_one(case: Case) -> None:
    """Keras' Adam, batches of 32, all images: 5 epochs, or up to 10 to 99.5 % on MNIST."""
    recipe = case.recipe
    aim = {"fashion_mnist": (5, None), "mnist": (10, 0.995)}[case.task]
    assert (recipe.epochs, recipe.stop_at_accuracy) == aim
    assert (recipe.optimizer, recipe.learning_rate, recipe.batch_size) == ("adam", 0.001, 32)
    assert (recipe.train_fraction, recipe.precision) == (1.0, "float32")
    assert not recipe.shuffle_labels


def test_case_stops_at_its_task_s_target() -> None:
    """The accuracy at which training stops is the one that the task asks for."""
    aims = {name: case.recipe.stop_at_accuracy for name, case in PLAIN.items()}
    targets = {n: TASKS[c.task].targets.get("training_accuracy") for n, c in PLAIN.items()}
    assert aims == targets


def test_what_is_our_own_keeps_to_the_rules_of_its_task() -> None:
    """No more epochs than the goal of the published work allows, and nothing that stops early."""
    own = [case for case in CASES.values() if case.recipe.tuned]
    assert [case.name for case in own] == [
        "fashion_mnist-compact",
        "fashion_mnist-compact_float32",
        "fashion_mnist-sprint_24",
        "mnist-minimal",
        "mnist-sprint_12",
        "mnist-sprint_32",
    ]
    assert all(c.recipe.epochs <= (TASKS[c.task].most_epochs or 0) for c in own)
    assert not any(case.recipe.stop_at_accuracy or case.recipe.stop_metric for case in own)


def test_what_is_long_is_a_case_and_no_published_one() -> None:
    """The accept tier trains all that was published, and those of our own that are quick."""
    assert {"fashion_mnist-compact", "fashion_mnist-compact_float32"} == LONG
    assert LONG.isdisjoint(PLAIN)


def test_what_takes_a_case_s_place_differs_in_its_precision_alone() -> None:
    """A machine that emulates bfloat16 trains the same network by the same recipe in float32."""
    assert INSTEAD == {"fashion_mnist-compact": "fashion_mnist-compact_float32"}
    for name, other in INSTEAD.items():
        case, stand_in = CASES[name], CASES[other]
        recipe = replace(case.recipe, precision="float32")
        assert replace(case, architecture=stand_in.architecture, recipe=recipe) == stand_in


def test_cases_are_ordered_as_the_tables_are() -> None:
    """Task by task, each in the order of the registry."""
    tasks, names = list(TASKS), list(MODELS)
    order = [(tasks.index(c.task), names.index(c.architecture)) for c in CASES.values()]
    assert order == sorted(order)
    assert list(CASES) == [case.name for case in CASES.values()]


def test_new_line_of_the_registry_is_a_new_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else has to be told of an architecture."""
    wide = replace(MODELS["dense_128"], arguments={"units": 512})
    monkeypatch.setitem(models.MODELS, "dense_512", wide)
    found = cases._cases()
    assert set(found) - set(CASES) == {"fashion_mnist-dense_512", "mnist-dense_512"}
    assert found["mnist-dense_512"].arguments == {"units": 512}


def test_case_is_found_by_its_name() -> None:
    """A name is that of one case."""
    assert PROJECT.case("mnist-dense_128") is CASES["mnist-dense_128"]


def test_unknown_case_is_met_with_the_nearest() -> None:
    """A slip is answered with the name that was meant."""
    with pytest.raises(
        UserError, match=r"no case 'mnist-dens_128'. Did you mean 'mnist-dense_128'"
    ):
        PROJECT.case("mnist-dens_128")
