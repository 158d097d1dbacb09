"""The cases: every architecture on every task that it has a recipe for."""

from __future__ import annotations

from bench.tasks import TASKS
from fitting_room.spec import Case
from models import MODELS


def _cases() -> dict[str, Case]:
    found = (
        Case(
            task=task,
            architecture=name,
            builder=architecture.builder,
            arguments=architecture.arguments,
            recipe=architecture.recipes[task],
        )
        for task in TASKS
        for name, architecture in MODELS.items()
        if task in architecture.recipes
    )
    return {case.name: lawful(case) for case in found}


def lawful(case: Case) -> Case:
    """Return the case, or raise ValueError if its recipe breaks a rule of its task."""
    recipe, most = case.recipe, TASKS[case.task].most_epochs
    if recipe.tuned and most is not None and recipe.epochs > most:
        raise ValueError(f"{case.name}: {recipe.epochs} epochs; a tuned recipe has {most} at most")
    return case


CASES: dict[str, Case] = _cases()
"""Name → case, such as ``mnist-dense_128``, in the order of the tables."""

LONG: frozenset[str] = frozenset(
    name for name, case in CASES.items() if MODELS[case.architecture].tier == "full"
)
"""Names of cases that the accept tier builds and does not train."""

INSTEAD: dict[str, str] = {
    name: f"{case.task}-{other}"
    for name, case in CASES.items()
    if (other := MODELS[case.architecture].instead)
}
"""Case → the case that is trained instead on a machine that would emulate its precision."""
