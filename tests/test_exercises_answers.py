"""What exercises answer, of made-up records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from records import make_record
from scipy import stats

from bench.exercises import EXERCISES
from fitting_room.analysis.evidence import Evidence
from fitting_room.record import Record
from fitting_room.studies.exercises import Exercise, answer, block

WIDTH, DURATION, STOPPING = (EXERCISES[name] for name in ("width", "duration", "stopping"))


def seeds_of(exercise: Exercise, label: str, accuracies: Sequence[float]) -> list[Record]:
    """Return a record of a point for each test accuracy."""
    case = exercise.points[label]
    return [
        make_record(case=case, seed=seed, test_accuracy=value, training_accuracy=0.9)
        for seed, value in enumerate(accuracies)
    ]


def said(text: str) -> str:
    """Return a table or sentence with plain spaces."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def cells(exercise: Exercise, records: Sequence[Record], label: str) -> list[str]:
    """Return the cells of one line of the table."""
    lines = said(block(exercise, records, {})).splitlines()
    (line,) = (line for line in lines if line.startswith(f"| {label} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_sure_gain_has_its_uncertainty() -> None:
    """The interval is Welch's, widened for the six lines of the column (oracle: SciPy)."""
    base, wide = [0.870, 0.872, 0.868, 0.871, 0.869], [0.880, 0.882, 0.878, 0.883]
    records = [*seeds_of(WIDTH, "128", base), *seeds_of(WIDTH, "512", wide)]
    test = stats.ttest_ind(wide, base, equal_var=False)
    low, high = test.confidence_interval(1 - 0.05 / 6)
    told = f"+{100 * (np.mean(wide) - np.mean(base)):.1f} ± {100 * (high - low) / 2:.1f}"
    assert cells(WIDTH, records, "512")[2] == told
    assert answer(WIDTH, records) == (
        f"Test accuracy against 128 neurons, in points: surely higher with 512 ({told}); "
        "no records with 16, 32, 64, 256 and 1,024."
    )


@pytest.mark.parametrize("wide", [[0.875, 0.88], [0.88]])
def test_what_is_not_sure_is_called_undecided(wide: list[float]) -> None:
    """Overlapping seeds decide nothing, and neither does one seed."""
    records = [*seeds_of(WIDTH, "128", [0.87, 0.88]), *seeds_of(WIDTH, "512", wide)]
    assert "in points: undecided with 512; no records" in answer(WIDTH, records)


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
    return f"{100 * np.mean(gains):+.1f} ± {100 * (high - low) / 2:.1f}".replace("-", "−")


def test_epochs_are_compared_with_the_end_of_the_same_run() -> None:
    """Luck that a seed keeps does not count: its first epochs are held against its last."""
    losses = [-0.050, -0.051, -0.049]
    runs = [
        run_of("Fashion MNIST", seed, [0.80 + seed / 10 + loss] * 4 + [0.80 + seed / 10] * 26)
        for seed, loss in enumerate(losses)
    ]
    assert cells(DURATION, runs, "Fashion MNIST after 2")[2] == student(losses, of=10)
    assert cells(DURATION, runs, "Fashion MNIST after 30")[2] == "—"
    assert "undecided with Fashion MNIST after 5, " in answer(DURATION, runs)


def test_a_run_that_stops_is_compared_with_that_of_its_seed_which_does_not() -> None:
    """Its epochs say what it saves; a seed without a partner has no part in the difference."""
    losses = [-0.030, -0.031, -0.029]
    whole = [run_of("Fashion MNIST, never", s, [0.8 + s / 10] * 30) for s in range(3)]
    early = [
        run_of("Fashion MNIST at 85 %", seed, [0.8 + seed / 10 + loss] * (2 + seed % 2))
        for seed, loss in enumerate(losses)
    ]
    alone = run_of("Fashion MNIST at 85 %", 9, [0.1] * 2)
    found = cells(STOPPING, [*whole, *early, alone], "Fashion MNIST at 85 %")
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


def test_evidence_of_another_case_has_no_part_in_an_answer() -> None:
    """Records of the tables beside those of the exercise change nothing."""
    records = [*seeds_of(WIDTH, "128", [0.87, 0.88]), *seeds_of(WIDTH, "512", [0.88, 0.89])]
    more = [*records, make_record(case="mnist-single_conv_32")]
    assert answer(WIDTH, records) == answer(WIDTH, more)
    assert Evidence(more).values("fashion_mnist-dense_512", "test_accuracy") == [0.88, 0.89]
