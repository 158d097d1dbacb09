"""Pictures of exercises, from made-up records."""

from __future__ import annotations

from pathlib import Path

import pytest
from records import make_record

from bench.__main__ import main
from bench.exercises import EXERCISES
from fitting_room.report.plots.theme import LIGHT, Draw
from fitting_room.store.records import Store
from fitting_room.studies.exercise_plots import pictures
from fitting_room.studies.exercises import Exercise

FILTERS = EXERCISES["filters"]


def draw_of(exercise: Exercise, *, seeds: int = 2, labels: int | None = None) -> Draw | str:
    """Return how the picture of an exercise is drawn, of its first points."""
    cases = list(exercise.points.values())[:labels]
    records = [make_record(case=case, seed=seed) for case in cases for seed in range(seeds)]
    return pictures([exercise], records, stale={})[f"exercise-{exercise.name}"]


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_every_exercise_has_a_picture_of_accuracy_and_of_what_it_costs(exercise: Exercise) -> None:
    """Two scales at least, and the number of seeds in the small print."""
    draw = draw_of(exercise)
    assert not isinstance(draw, str)
    figure = draw(LIGHT)
    shown = {axes.get_ylabel() for axes in figure.axes} - {""}
    assert len(shown) == 2
    assert any("accuracy" in name for name in shown)
    assert "n = 2 seeds" in figure.get_supxlabel()


def test_an_exercise_without_records_says_why_it_has_no_picture() -> None:
    """No empty axes are drawn."""
    assert draw_of(FILTERS, seeds=0) == "no record of any of its points yet"


def test_a_point_without_records_keeps_its_place() -> None:
    """The others do not move together over the gap, and nothing stands there."""
    draw = draw_of(FILTERS, labels=3)
    assert not isinstance(draw, str)
    above = draw(LIGHT).axes[0]
    assert len(above.get_xticks()) == len(FILTERS.points)
    marks = [line for line in above.lines if line.get_marker() == "D"]
    assert [list(line.get_xdata()) for line in marks] == [[0, 1, 2]]


def test_the_command_draws_in_both_themes(tmp_path: Path) -> None:
    """As SVG and PNG, from what is stored; what has no records is passed over."""
    for case in EXERCISES["pixels"].points.values():
        Store(tmp_path / "exercises").put(make_record(case=case))
    drawn = tmp_path / "drawn"
    given = ("pixels", "filters", "--stored", "--results", tmp_path, "--plots", drawn)
    assert main(["exercises", *map(str, given)]) == 0
    names = {f"exercise-pixels{end}" for end in (".svg", ".png", "-dark.svg", "-dark.png")}
    assert {path.name for path in drawn.iterdir()} == names
