"""Exercises: one thing varied at a time, and a conclusion computed from the records.

``accept`` trains a thin slice of each with one seed, which shows that it runs and decides nothing;
``full`` trains every point with several.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from bench.exercises import EXERCISES
from fitting_room.lab.evaluator import Evaluator
from fitting_room.plugin.options import option, results_folder
from fitting_room.spec import Case
from fitting_room.store.records import write_whole
from fitting_room.studies.exercises import UNSURE, Exercise, answer, block

LEARNED = 0.5
"""The share of test images that any model classifies rightly if it learns; a guess has a tenth."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests for every point and exercise of this tier, unless its trials say nothing."""
    asked = partial(option, metafunc.config)
    why = {
        asked("tier") == "smoke": "the sample is too small to tell one point from another",
        asked("tier") == "quick": "the quick tier stops before there is an accuracy to compare",
        asked("epochs") is not None: "the epochs were overridden, which some exercises vary",
    }.get(True)
    skipped = [pytest.mark.skip(reason=why)] if why else []
    name = "case" if "case" in metafunc.fixturenames else "exercise"
    params = []
    for each in EXERCISES.values():
        exercise = each if asked("tier") == "full" else each.thinned
        cases = list(exercise.points.values())
        values: dict[str, tuple[Any, list[Case]]] = {exercise.name: (exercise, cases)}
        if name == "case":
            values = {f"{exercise.name}-{case.name}": (case, [case]) for case in cases}
        for label, (value, needed) in values.items():
            needs = pytest.mark.needs(timed=True, enough=exercise.seeds, cases=needed)
            params.append(pytest.param(value, id=label, marks=[*skipped, needs]))
    metafunc.parametrize(name, params)


def test_exercise_point(case: Case, evaluator: Evaluator) -> None:
    """Each point learns, whatever is varied: it gets more than half of the test images right."""
    for record in evaluator.records(case):
        assert record.completed, f"seed {record.spec.seed}: {record.reason}"
        assert (record.test_accuracy or 0) > LEARNED


def test_exercise_answer(
    exercise: Exercise,
    evaluator: Evaluator,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    """One seed makes nothing sure; conclusion and table are in ``latest/``."""
    found = [evaluator.records(case) for case in exercise.points.values()]
    records = [record for each in found for record in each]
    said = answer(exercise, records)
    record_property("answer", said)
    print(said)
    text = f"# {exercise.question}\n\n{block(exercise, records, {})}\n"
    folder = results_folder(request.config) / "latest" / "exercises"
    write_whole(folder / f"{exercise.name}.md", text.encode())
    single = max(map(len, found)) == 1
    assert not single or UNSURE in said, f"one seed decides nothing, but: {said}"
