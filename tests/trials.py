"""Small trials for tests: cases of the registry on the shipped sample."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench.cases import CASES
from fitting_room import data
from fitting_room.lab.scheduler import job_of
from fitting_room.record import Job
from fitting_room.spec import TrialSpec

RECIPE = {"epochs", "train_fraction", "learning_rate", "stop_at_accuracy", "jit_compile"}


def small(name: str = "mnist-dense_128", **changes: Any) -> TrialSpec:
    """Return the spec of one epoch on the sample, with its recipe or itself changed."""
    case = CASES[name]
    of_recipe = {key: changes.pop(key) for key in RECIPE & set(changes)}
    epochs = of_recipe.pop("epochs", 1)
    recipe = replace(case.recipe, **{"jit_compile": False, **of_recipe})
    case = replace(case, recipe=recipe, arguments=changes.pop("arguments", case.arguments))
    spec = TrialSpec(case=case, seed=0, dataset=data.sample(case.task), epochs=epochs, alone=False)
    return replace(spec, **changes)


def assigned(name: str = "mnist-dense_128", **changes: Any) -> Job:
    """Return the same as a job."""
    return job_of(small(name, **changes))
