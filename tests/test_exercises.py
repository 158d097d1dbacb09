"""Exercises: which cases answer them, what records say of them, and their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from records import PROJECT, make_record, stored
from scipy import stats
from tables import cells

from bench.__main__ import main
from bench.cases import CASES
from bench.exercises import EXERCISES
from fitting_room.record import Record
from fitting_room.report.plots import LIGHT, Draw
from fitting_room.studies.exercises import Exercise, answer, block, pictures

WIDTH, DURATION, STOPPING, FILTERS = (
    EXERCISES[name] for name in ("width", "duration", "stopping", "filters")
)


def test_a_name_stands_for_one_case() -> None:
    """Two exercises, or an exercise and a table, share its trials."""
    points = [case for each in EXERCISES.values() for case in each.points.values()]
    assert all(PROJECT.exercise_cases[case.name] == case for case in points)
    shared = {case.name for case in points if case.name in CASES}
    assert len(shared) == 5
    assert all(PROJECT.exercise_cases[name] is CASES[name] for name in shared)


def test_each_exercise_varies_what_it_says() -> None:
    """Its points differ in the values that the published exercises name."""
    recipes = {name: [c.recipe for c in each.points.values()] for name, each in EXERCISES.items()}
    assert [r.batch_size for r in recipes["batches"]] == [32, 64, 128, 256, 512, 1024]
    assert {r.stop_at_accuracy for r in recipes["stopping"]} == {None, 0.85, 0.98, 0.995}
    assert [r.scale_pixels for r in recipes["pixels"]] == [True, False]
    assert {r.epochs for r in recipes["duration"]} == {30}


def test_a_label_without_a_point_is_refused() -> None:
    """A slip in the thin slice or in the base is found where it is made."""
    with pytest.raises(ValueError, match=r"exercise width has no point 513"):
        replace(WIDTH, thin=("513",))
    with pytest.raises(ValueError, match=r"exercise stopping has no base for mnist"):
        replace(STOPPING, base=STOPPING.base[:1])


def meant(exercise: str, label: str) -> int:
    """Return the parameters that the label of a point promises, counted by hand."""
    varied = exercise in ("width", "layers", "filters")
    numbers = [int(n.replace(",", "")) for n in label.split(" × ")] if varied else []
    units = numbers[0] if exercise == "width" else 128
    hidden = numbers[0] if exercise == "layers" else 1
    blocks, filters = numbers if exercise == "filters" else (0, 0)
    found, channels, side = 0, 1, 28
    for _ in range(blocks):
        found += (9 * channels + 1) * filters
        channels, side = filters, (side - 2) // 2
    inputs = side * side * channels
    return found + (inputs + 1) * units + (hidden - 1) * (units + 1) * units + 10 * (units + 1)


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


def seeds_of(exercise: Exercise, label: str, accuracies: Sequence[float]) -> list[Record]:
    """Return a record of a point for each test accuracy."""
    case = exercise.points[label]
    return [
        make_record(case=case, seed=seed, test_accuracy=value, training_accuracy=0.9)
        for seed, value in enumerate(accuracies)
    ]


def test_a_sure_gain_has_its_uncertainty() -> None:
    """The interval is Welch's, widened for the six lines of the column (oracle: SciPy)."""
    base, wide = [0.870, 0.872, 0.868, 0.871, 0.869], [0.880, 0.882, 0.878, 0.883]
    records = [*seeds_of(WIDTH, "128", base), *seeds_of(WIDTH, "512", wide)]
    test = stats.ttest_ind(wide, base, equal_var=False)
    low, high = test.confidence_interval(1 - 0.05 / 6)
    gain = 100 * (np.mean(wide) - np.mean(base))
    assert (
        cells(block(WIDTH, records, {}), "512")[2]
        == f"{gain:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
    )
    more = [*records, make_record(case="mnist-single_conv_32")]
    assert answer(WIDTH, more) == "Test accuracy against 128 neurons: higher with 512."


@pytest.mark.parametrize("wide", [[0.875, 0.88], [0.88]])
def test_what_is_not_sure_is_not_told_as_a_difference(wide: list[float]) -> None:
    """Overlapping seeds decide nothing, and neither does one seed."""
    records = [*seeds_of(WIDTH, "128", [0.87, 0.88]), *seeds_of(WIDTH, "512", wide)]
    assert answer(WIDTH, records) == "Test accuracy against 128 neurons: no sure difference."


def run_of(label: str, seed: int, accuracies: Sequence[float]) -> Record:
    """Return a run of an exercise about its epochs, with that test accuracy after each."""
    exercise = DURATION if label in DURATION.points else STOPPING
    made = make_record(case=exercise.points[label], seed=seed, test_accuracy=accuracies[-1])
    last = made.epochs[-1]
    epochs = [
        replace(last, number=n, test_accuracy=value) for n, value in enumerate(accuracies, start=1)
    ]
    return replace(made, epochs=tuple(epochs))


def student(gains: Sequence[float], *, of: int) -> str:
    """Return the mean with Student's interval in points, for so many at once (oracle: SciPy)."""
    low, high = stats.t.interval(1 - 0.05 / of, len(gains) - 1, np.mean(gains), stats.sem(gains))
    told = f"{100 * np.mean(gains):+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
    return told.replace("-", "−")


def test_epochs_are_compared_with_the_end_of_the_same_run() -> None:
    """Luck that a seed keeps does not count: its first epochs are held against its last."""
    losses = [-0.050, -0.051, -0.049]
    runs = [
        run_of("Fashion MNIST", seed, [0.80 + seed / 10 + loss] * 4 + [0.80 + seed / 10] * 26)
        for seed, loss in enumerate(losses)
    ]
    assert cells(block(DURATION, runs, {}), "Fashion MNIST after 2")[2] == student(losses, of=10)
    assert cells(block(DURATION, runs, {}), "Fashion MNIST after 30")[2] == "—"
    assert answer(DURATION, runs).startswith("Test accuracy against 30 epochs: lower with Fashion")


def test_a_run_that_stops_is_compared_with_that_of_its_seed_which_does_not() -> None:
    """Its epochs say what it saves; a seed without a partner has no part in the difference."""
    losses = [-0.030, -0.031, -0.029]
    whole = [run_of("Fashion MNIST, never", s, [0.8 + s / 10] * 30) for s in range(3)]
    early = [
        run_of("Fashion MNIST at 85 %", seed, [0.8 + seed / 10 + loss] * (2 + seed % 2))
        for seed, loss in enumerate(losses)
    ]
    alone = run_of("Fashion MNIST at 85 %", 9, [0.1] * 2)
    found = cells(block(STOPPING, [*whole, *early, alone], {}), "Fashion MNIST at 85 %")
    assert found[2] == student(losses, of=6)
    assert "2 (2–3)" in found


def test_what_is_the_same_in_every_line_is_left_out() -> None:
    """Batches have one count of parameters, widths have several."""
    assert "parameters" in block(WIDTH, [make_record()], {})
    batches = EXERCISES["batches"]
    records = [make_record(case=case) for case in batches.points.values()]
    assert "parameters" not in block(batches, records, {}).split("- Mean")[0]


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_a_block_is_the_same_whatever_the_order_of_its_records(exercise: Exercise) -> None:
    """It has a row for each point, names what is stale, and rests on records alone."""
    cases = exercise.points.values()
    records = [make_record(case=case, seed=seed) for case in cases for seed in (0, 1)]
    stale = {records[0].spec.case.name: "its code changed since"}
    text = block(exercise, records, stale)
    assert text == block(exercise, records[::-1], stale)
    text = text.replace("\N{NO-BREAK SPACE}", " ")
    assert "its code changed since" in text
    assert all(f"\n| {line.label} " in text for line in exercise.lines)


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
    """SVG and PNG are drawn from what is stored; what has no records is passed over."""
    cases = EXERCISES["pixels"].points.values()
    stored(tmp_path / "exercises", (make_record(case=case) for case in cases))
    drawn = tmp_path / "drawn"
    given = ("pixels", "filters", "--stored", "--results", tmp_path, "--plots", drawn)
    assert main(["exercises", *map(str, given)]) == 0
    names = {f"exercise-pixels{end}" for end in (".svg", ".png", "-dark.svg", "-dark.png")}
    assert {path.name for path in drawn.iterdir()} == names
