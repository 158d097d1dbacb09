"""Exercises as values: which cases answer them, and what is varied."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

import pytest
from records import PROJECT

from bench.cases import CASES
from bench.exercises import EXERCISES
from fitting_room.errors import UserError

WIDTH, DURATION, STOPPING = (EXERCISES[name] for name in ("width", "duration", "stopping"))


def test_points_that_tables_have_are_those_of_the_tables() -> None:
    """A shared name is a shared case, so that one trial serves both."""
    shared = {name for name in PROJECT.exercise_cases if name in CASES}
    assert len(shared) == 5
    assert all(PROJECT.exercise_cases[name] is CASES[name] for name in shared)


def test_a_name_stands_for_one_case() -> None:
    """No two exercises mean different things by it."""
    points = [case for each in EXERCISES.values() for case in each.points.values()]
    assert all(PROJECT.exercise_cases[case.name] == case for case in points)


def test_each_exercise_varies_what_it_says() -> None:
    """Its points differ in the values that the published exercises name."""
    widths = [case.arguments["units"] for case in WIDTH.points.values()]
    batches = [case.recipe.batch_size for case in EXERCISES["batches"].points.values()]
    stops = {case.recipe.stop_at_accuracy for case in STOPPING.points.values()}
    scaled = [case.recipe.scale_pixels for case in EXERCISES["pixels"].points.values()]
    assert (min(widths), max(widths)) == (16, 1024)
    assert (min(batches), max(batches)) == (32, 1024)
    assert stops == {None, 0.85, 0.98, 0.995}
    assert scaled == [True, False]
    assert {case.recipe.epochs for case in DURATION.points.values()} == {30}


def test_a_label_without_a_point_is_refused() -> None:
    """A slip in the thin slice or in the base is found where it is made."""
    with pytest.raises(ValueError, match=r"exercise width has no point 513"):
        replace(WIDTH, thin=("513",))
    with pytest.raises(ValueError, match=r"exercise stopping has no base for mnist"):
        replace(STOPPING, base=STOPPING.base[:1])


def test_an_unknown_exercise_is_met_with_the_nearest() -> None:
    """A slip of the finger costs no search."""
    with pytest.raises(UserError, match=r"no exercise 'widht'. Did you mean 'width'"):
        PROJECT.exercise("widht")


def parameters(*, units: int = 128, hidden: int = 1, blocks: int = 0, filters: int = 0) -> int:
    """Count by hand what layers have: dense ones, behind convolutions if there are blocks."""
    found, channels, side = 0, 1, 28
    for _ in range(blocks):
        found += (9 * channels + 1) * filters
        channels, side = filters, (side - 2) // 2
    inputs = side * side * channels
    return found + (inputs + 1) * units + (hidden - 1) * (units + 1) * units + 10 * (units + 1)


def meant(exercise: str, label: str) -> int:
    """Return the parameters that the label of a point promises; the baseline's where it is none."""
    if exercise == "width":
        return parameters(units=int(label.replace(",", "")))
    if exercise == "layers":
        return parameters(hidden=int(label))
    if exercise == "filters":
        blocks, filters = map(int, label.split(" × "))
        return parameters(blocks=blocks, filters=filters)
    return 101_770


@pytest.mark.keras
def test_every_point_is_the_model_that_its_label_says() -> None:
    """Each builds, with the parameters that follow from the width, depth or filters it is told."""
    built: dict[str, int] = {}
    for exercise in EXERCISES.values():
        for label, case in exercise.points.items():
            key = f"{case.builder} {sorted(case.arguments.items())}"
            if key not in built:
                module, function = case.builder.split(":")
                model = getattr(import_module(module), function)(**case.arguments)
                built[key] = model.count_params()
            assert built[key] == meant(exercise.name, label), f"{exercise.name}, {label}"
