"""The rules that tuned recipes keep, held by the bench and not by good manners."""

from __future__ import annotations

from dataclasses import replace

import pytest
from imports import ROOT, imports_of, module_of, sources
from records import make_record
from search_world import searched

from bench.cases import CASES, lawful
from bench.tasks import TASKS
from fitting_room.analysis.trials import flags_of, publishable
from fitting_room.cli.calibrate import published
from fitting_room.store.digest import Sources
from fitting_room.store.key import training_path

TUNED = [case for case in CASES.values() if case.recipe.tuned]


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
