"""What exercises answer, of made-up records."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from records import make_record
from scipy import stats

from bench.exercises import EXERCISES
from bench.harness.record import Epoch, Record
from bench.harness.report.audit.evidence import Evidence
from bench.harness.report.exercises.blocks import answer, block
from bench.harness.report.exercises.duration import turning
from bench.harness.report.exercises.values import Exercise

WIDTH, DURATION = EXERCISES["width"], EXERCISES["duration"]


def seeds_of(exercise: Exercise, label: str, accuracies: Sequence[float]) -> list[Record]:
    """Return a record of a point for each test accuracy."""
    case = exercise.points[label]
    return [
        make_record(case=case, seed=seed, test_accuracy=value, training_accuracy=0.9)
        for seed, value in enumerate(accuracies)
    ]


def with_epochs(record: Record, change: Callable[[Epoch], Epoch]) -> Record:
    """Return the record with each of its epochs changed."""
    return replace(record, epochs=tuple(map(change, record.epochs)))


def long_run(seed: int, *, turn: int) -> Record:
    """Return 30 epochs that gain a point each, with the lowest test loss after ``turn``."""
    case = DURATION.points["Fashion MNIST"]
    return with_epochs(
        make_record(case=case, seed=seed),
        lambda epoch: replace(
            epoch,
            test_accuracy=0.6 + 0.01 * epoch.number,
            test_loss=0.3 + 0.01 * abs(epoch.number - turn),
        ),
    )


def test_a_sure_gain_has_its_uncertainty_and_its_price() -> None:
    """The interval is Welch's, widened for two contrasts at once (oracle: SciPy)."""
    base, wide = [0.870, 0.872, 0.868, 0.871, 0.869], [0.880, 0.882, 0.878, 0.883]
    records = [*seeds_of(WIDTH, "128", base), *seeds_of(WIDTH, "512", wide)]
    slower = [with_epochs(r, lambda epoch: replace(epoch, seconds=6.0)) for r in records[5:]]
    said = answer(WIDTH, [*records[:5], *slower])
    test = stats.ttest_ind(wide, base, equal_var=False)
    low, high = test.confidence_interval(0.975)
    gain, reach = 100 * (np.mean(wide) - np.mean(base)), 100 * (high - low) / 2
    assert said.startswith(
        f"512 hidden neurons instead of 128 gain {gain:.1f} ± {reach:.1f} points of test accuracy "
        "(n=4 and 5) and take 2.00 × (2.00–2.00) the seconds of an epoch; 16 hidden neurons"
    )


def test_what_is_not_sure_is_called_undecided() -> None:
    """Overlapping seeds decide nothing, and neither does one seed each."""
    records = [*seeds_of(WIDTH, "128", [0.87, 0.88]), *seeds_of(WIDTH, "512", [0.875, 0.88])]
    assert "of test accuracy (n=2, undecided)" in answer(WIDTH, records)
    single = [*seeds_of(WIDTH, "128", [0.87]), *seeds_of(WIDTH, "512", [0.88])]
    assert "differ by +1.0 points of test accuracy (n=1, undecided)" in answer(WIDTH, single)


def test_a_missing_case_is_named() -> None:
    """Nothing is said of what has no record."""
    assert "no records of dense_512" in answer(WIDTH, seeds_of(WIDTH, "128", [0.87, 0.88]))


def test_steps_along_a_row_are_told_once_all_are_known() -> None:
    """Of six steps, those that the scatter cannot explain are named."""
    means = dict(zip(WIDTH.points, (0.80, 0.84, 0.86, 0.870, 0.8701, 0.8701, 0.8701), strict=True))
    records = [
        record
        for label, mean in means.items()
        for record in seeds_of(WIDTH, label, [mean - 0.001, mean, mean + 0.001])
    ]
    said = answer(WIDTH, records)
    assert said.endswith(
        "of its 6 steps 3 surely gain (16 to 32, 32 to 64 and 64 to 128) and none surely loses."
    )


@pytest.mark.parametrize(
    ("losses", "epoch"),
    [((3, 2, 1, 2), 3), ((1, 2, 3), 1), ((3, 2, 1), None), ((3, None, 2, 4), 3)],
)
def test_a_loss_turns_where_it_is_lowest(losses: Sequence[float | None], epoch: int | None) -> None:
    """A lowest loss in the last epoch is no turn: it may fall further."""
    assert turning(losses) == epoch


def test_duration_has_the_turn_with_its_interval_and_the_gains_by_epoch() -> None:
    """The median over seeds, and gains between epochs that were fixed beforehand."""
    said = answer(DURATION, [long_run(seed, turn=turn) for seed, turn in enumerate((7, 8, 9))])
    assert said.startswith(
        "On Fashion MNIST the test loss turns after epoch 8 (95 % interval 7–∞, n=3), epochs 6 to "
        "10 gain 5.0 ± 0.0 points of test accuracy, epochs 11 to 30 gain 20.0 ± 0.0 points of test "
        "accuracy and add 0.200 ± 0.000 in test loss; "
    )
    assert said.endswith("on MNIST nothing is known yet: no records.")


def gaining(seed: int, gain: float) -> Record:
    """Return 30 epochs that gain so much after the fifth, all at once."""
    return with_epochs(
        long_run(seed, turn=8),
        lambda epoch: replace(epoch, test_accuracy=0.7 + gain * (epoch.number > 5)),
    )


def test_the_changes_of_both_data_sets_hold_at_once() -> None:
    """Three of each: Student's interval at a sixth of the error (oracle: SciPy)."""
    gains = [0.05, 0.06, 0.07, 0.09]
    runs = [gaining(seed, gain) for seed, gain in enumerate(gains)]
    low, high = stats.t.interval(1 - 0.05 / 6, 3, np.mean(gains), stats.sem(gains))
    told = f"{100 * np.mean(gains):.0f} ± {100 * (high - low) / 2:.0f} points of test accuracy"
    assert f"epochs 6 to 10 gain {told}" in answer(DURATION, runs)


@pytest.mark.parametrize("name", EXERCISES)
def test_what_holds_at_once_stands_below_the_table(name: str) -> None:
    """A reader need not guess why one difference has two intervals."""
    assert re.search(r"^- .*95 % interval.*at once", block(EXERCISES[name], [], {}), re.MULTILINE)


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
    assert all(re.search(rf"^\| {re.escape(label)}", text, re.M) for label in exercise.points)


def test_evidence_of_another_case_has_no_part_in_an_answer() -> None:
    """Records of the tables beside those of the exercise change nothing."""
    records = [*seeds_of(WIDTH, "128", [0.87, 0.88]), *seeds_of(WIDTH, "512", [0.88, 0.89])]
    more = [*records, make_record(case="mnist-single_conv_32")]
    assert answer(WIDTH, records) == answer(WIDTH, more)
    assert Evidence(more).values("fashion_mnist-dense_512", "test_accuracy") == [0.88, 0.89]
