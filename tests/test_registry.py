"""The registry of architectures, the cases that come of it, and the rules that tuned ones keep."""

from __future__ import annotations

from dataclasses import replace

import pytest
from imports import ROOT, imports_of, module_of, sources
from records import make_record
from search_world import searched

import models
from bench import cases
from bench.cases import CASES, INSTEAD, LONG, lawful
from bench.tasks import TASKS
from fitting_room.analysis.trials import flags_of, publishable
from fitting_room.cli.calibrate import published
from fitting_room.spec import Case
from fitting_room.store.digest import Sources
from fitting_room.store.key import training_path
from models import MODELS

PUBLISHED = {
    "fashion_mnist": {"dense_128", "cnn_64", "cnn_32", "single_conv", "triple_conv"},
    "mnist": {"dense_128", "single_conv_32"},
}
PLAIN = {name: case for name, case in CASES.items() if not case.recipe.tuned}
"""What was published was trained by a plain ``fit``; the others are our own."""
TUNED = [case for case in CASES.values() if case.recipe.tuned]


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
    assert [case.name for case in TUNED] == [
        "fashion_mnist-compact",
        "fashion_mnist-compact_float32",
        "fashion_mnist-sprint_24",
        "mnist-minimal",
        "mnist-sprint_12",
        "mnist-sprint_32",
    ]
    assert all(c.recipe.epochs <= (TASKS[c.task].most_epochs or 0) for c in TUNED)
    assert not any(case.recipe.stop_at_accuracy or case.recipe.stop_metric for case in TUNED)


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


def test_a_tuned_recipe_keeps_to_the_epochs_of_its_task() -> None:
    """A registry with one epoch more cannot even be read."""
    case = searched(schedule="one_cycle").spec.case
    most = TASKS["mnist"].most_epochs
    assert most == 9
    at_limit = replace(case, recipe=replace(case.recipe, epochs=most))
    assert lawful(at_limit) == at_limit
    with pytest.raises(ValueError, match="10 epochs; a tuned recipe has 9 at most"):
        lawful(replace(case, recipe=replace(case.recipe, epochs=10)))


def test_published_recipes_keep_their_own_epochs() -> None:
    """The rule is for what was tuned here."""
    case = CASES["mnist-dense_128"]
    assert case.recipe.epochs > 9
    assert lawful(case) == case


def test_what_a_search_measured_is_never_published() -> None:
    """Its records say why, and no table for readers takes them."""
    record = searched()
    assert (publishable(record), publishable(make_record())) == (False, True)
    assert "validation split, not the test set" in flags_of([record])


def test_what_a_search_measured_is_no_reference() -> None:
    """`calibrate` takes none, however it came by it."""
    with pytest.raises(ValueError, match="is a search's, and no reference"):
        published(searched(), alone=False)


def test_a_search_names_no_array_of_the_test_set() -> None:
    """Neither the command nor the split mentions one; what they hand on is the split's folder."""
    for name in ("bench/fitting_room/cli/calibrate.py", "bench/fitting_room/data/__init__.py"):
        text = (ROOT / name).read_text("utf-8")
        assert "test_labels.npy" not in text and "t10k" not in text
    command = next(p for p in sources("bench/fitting_room/cli") if p.name == "calibrate.py")
    asked = {found.module for found in imports_of(command)}
    assert not asked & {"fitting_room.data.arrays", "numpy", "keras"}


def test_architectures_cannot_reach_data() -> None:
    """Nothing in ``models`` opens a file or the network: images come from the trial alone."""
    wrong = {
        f"{module_of(path)} imports {found.module}"
        for path in sources("models")
        if "callbacks" not in path.parts
        for found in imports_of(path)
        if found.module.split(".")[0] in {"io", "os", "pathlib", "socket", "urllib", "numpy"}
        or found.module.startswith("keras.datasets")
    }
    assert wrong == set()


@pytest.mark.parametrize("case", TUNED, ids=lambda case: case.name)
def test_every_piece_of_a_tuned_recipe_is_there(case: object) -> None:
    """All that its digest covers can be read, so that none of it can change unseen."""
    assert Sources(ROOT).digest(training_path(case))  # type: ignore[arg-type]
