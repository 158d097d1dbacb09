"""The audit of statements and of costs, with synthetic records that decide it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from audit_world import CNN, DENSE, WIDE, curves, figure, judged, plain, seeds, statement
from records import MACHINE, VERSIONS, make_record

from fitting_room.store.records import Speed


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [(0.035, "reproduced"), (0.01, "not reproduced"), (0.06, "exceeded"), (0.04, "undecided")],
)
def test_a_difference_is_held_against_its_range(tmp_path: Path, gain: float, verdict: str) -> None:
    """3–4 points are meant, to the tenth."""
    body = f'cases = ["{CNN}"]\nover = "{DENSE}"\nlow = 0.03\nhigh = 0.04\n'
    text = statement("difference", "test_accuracy", body + 'published = "3.0–4.0 points"')
    (found,) = judged(tmp_path, text, *seeds(DENSE, 0.87), *seeds(CNN, 0.87 + gain))
    assert found.verdict.label == verdict


def test_a_statement_that_the_source_s_own_table_refutes_is_contradicted(tmp_path: Path) -> None:
    """Its table has +1.0 points where it says 3–4, and so have the records."""
    printed = figure("87.0%", 0.87) + figure("88.0%", 0.88).replace(DENSE, CNN)
    body = f'cases = ["{CNN}"]\nover = "{DENSE}"\nlow = 0.03\nhigh = 0.04'
    text = printed + statement("difference", "test_accuracy", body)
    *_, found = judged(tmp_path, text, *seeds(DENSE, 0.87), *seeds(CNN, 0.88))
    assert found.verdict.label == "contradicted by its own source"
    assert "its own figures have cnn_64 +1.00 (+0.90 to +1.10) points" in found.verdict.reason


@pytest.mark.parametrize(
    ("accuracies", "verdict"),
    [
        ((0.90, 0.89, 0.87), "reproduced"),
        ((0.90, 0.899, 0.87), "undecided"),
        ((0.90, 0.91, 0.87), "not reproduced"),
    ],
)
def test_an_order_holds_if_each_step_does(
    tmp_path: Path, accuracies: Sequence[float], verdict: str
) -> None:
    """Best first."""
    cases = (CNN, WIDE, DENSE)
    text = statement("order", "test_accuracy", f"cases = {list(cases)}")
    records = [r for case, mean in zip(cases, accuracies, strict=True) for r in seeds(case, mean)]
    assert judged(tmp_path, text, *records)[0].verdict.label == verdict


@pytest.mark.parametrize(("last", "verdict"), [(0.891, "reproduced"), (0.93, "not reproduced")])
def test_steps_from_case_to_case_diminish(tmp_path: Path, last: float, verdict: str) -> None:
    """From 87 to 89 % and on to 89.1 they do, on to 93 they do not."""
    cases = (DENSE, WIDE, CNN)
    text = statement("diminishing", "test_accuracy", f"cases = {list(cases)}")
    records = [*seeds(DENSE, 0.87), *seeds(WIDE, 0.89), *seeds(CNN, last)]
    assert judged(tmp_path, text, *records)[0].verdict.label == verdict


def test_epochs_of_one_case_diminish(tmp_path: Path) -> None:
    """Ten points by the second epoch and one by the fourth."""
    body = f'case = "{DENSE}"\nepochs = [1, 2, 4]'
    text = statement("diminishing", "training_accuracy", body)
    assert judged(tmp_path, text, *curves(0.8, 0.9, 0.9, 0.91))[0].verdict.label == "reproduced"
    assert judged(tmp_path, text, *curves(0.8, 0.8, 0.9, 0.99))[0].verdict.label == "not reproduced"
    assert judged(tmp_path, text, *curves(0.8, 0.9))[0].verdict.reason == (
        "no seed was trained for 4 epochs"
    )


def test_a_turn_is_where_the_best_epoch_is(tmp_path: Path) -> None:
    """Training loss, 1 − accuracy here, is lowest at epoch 3; one still falling has not turned."""
    text = statement("turn", "training_loss", f'case = "{DENSE}"\nlow = 2\nhigh = 4')
    assert judged(tmp_path, text, *curves(0.8, 0.85, 0.9, 0.88))[0].verdict.label == "reproduced"
    assert judged(tmp_path, text, *curves(0.9, 0.85, 0.8, 0.8))[0].verdict.label == "not reproduced"


def test_a_turn_that_nobody_watched_for_is_open(tmp_path: Path) -> None:
    """Still falling at the fourth epoch refutes a turn at the second, and none at the fourth."""
    early, late = (
        statement("turn", "training_loss", f'case = "{DENSE}"\nlow = 2\nhigh = {high}')
        for high in (3, 4)
    )
    records = curves(0.8, 0.85, 0.9, 0.95)
    (found,) = judged(tmp_path, early, *records)
    assert (found.verdict.label, found.measured) == ("not reproduced", "∞ (∞–∞), reached 0/6")
    assert judged(tmp_path, late, *records)[0].verdict.label == "undecided"


def test_a_target_is_reached_by_an_epoch_or_not(tmp_path: Path) -> None:
    """90 % comes with epoch 3."""
    body = f'case = "{DENSE}"\ntarget = 0.9\nby = {{}}'
    text = statement("reach", "training_accuracy", body)
    records = curves(0.8, 0.85, 0.92, 0.95)
    assert judged(tmp_path, text.format(3), *records)[0].verdict.label == "reproduced"
    assert judged(tmp_path, text.format(2), *records)[0].verdict.label == "not reproduced"


def test_an_opinion_is_listed_and_not_judged(tmp_path: Path) -> None:
    """With records or without, nothing decides it."""
    text = statement("opinion", "test_accuracy", f'cases = ["{CNN}", "{WIDE}"]')
    for records in ([], seeds(CNN, 0.9)):
        (found,) = judged(tmp_path, text, *records)
        assert (found.verdict.label, found.verdict.reason) == (
            "not comparable",
            "no measurement decides it",
        )


RATIO = statement("ratio", "seconds_per_epoch", f'case = "{CNN}"\nover = "{DENSE}"')
"""A ratio of 21 s over 10 s, where ``PRINTED`` stands before it."""
PRINTED = figure("10 s", 10, "seconds_per_epoch")
PRINTED += PRINTED.replace(DENSE, CNN).replace("10", "21")
SLOW = [20, *[12.0] * 5]
"""Four times as long as the epochs of any other record made up here, but for the first."""
ALIKE = statement("ratio", "seconds_per_epoch", f'case = "{CNN}"\nover = "{WIDE}"\nlow = 1')
"""A ratio of two cases whose recipes are the same."""


def test_seconds_are_not_comparable_and_their_ratio_is(tmp_path: Path) -> None:
    """12 s against 3 s is four times; printed are 21 s over 10 s."""
    text = (PRINTED + RATIO).replace(DENSE, WIDE)
    slow = make_record(case=CNN, epoch_seconds=SLOW)
    quick, _, times = judged(tmp_path, text, make_record(case=WIDE), slow)
    assert (quick.verdict.label, quick.measured) == (
        "not comparable",
        "3.00 s (3.00–3.00), 4 epochs",
    )
    assert (times.verdict.label, times.verdict.against) == ("not reproduced", "2.10 × (1.95–2.26)")
    assert times.verdict.interval is not None
    assert times.verdict.interval.estimate == 4


def test_trials_whose_recipes_take_unlike_paths_are_not_comparable(tmp_path: Path) -> None:
    """XLA for one of the two is our choice: the ratio is shown, and what would compare is told."""
    slow = make_record(case=CNN, epoch_seconds=SLOW)
    *_, found = judged(tmp_path, PRINTED + RATIO, make_record(), slow)
    assert (found.verdict.label, found.measured) == (
        "not comparable",
        "4.00 × (4.00–4.00), 4 epochs",
    )
    assert "here the recipes differ in jit_compile; no plain fit" in found.verdict.reason


def test_plain_fits_are_what_seconds_are_judged_by(tmp_path: Path) -> None:
    """Medians of 6.3 s and 3 s give 2.1; ends of 6.6 over 2.9 and of 6 over 3.3 enclose it."""
    speeds = [plain(CNN, 6.3, 6, 6.6, 6.3, 6.2), plain(DENSE, 3, 2.9, 3.3, 3, 3)]
    *_, found = judged(tmp_path, PRINTED + RATIO, speeds=speeds)
    assert (found.verdict.label, found.measured) == ("reproduced", "2.1 × (1.8–2.3), 5 pairs")
    assert found.verdict.reason.startswith("by a plain fit, 5 pairs, alone on one machine")
    assert found.verdict.interval is not None
    assert found.verdict.interval.estimate == pytest.approx(2.1)
    assert (found.verdict.interval.low, found.verdict.interval.high) == pytest.approx(
        (6 / 3.3, 6.6 / 2.9)
    )


@pytest.mark.parametrize(
    "other",
    [
        plain(DENSE, *[3.0] * 5, machine=replace(MACHINE, cores=8)),
        plain(DENSE, *[3.0] * 5, versions={**VERSIONS, "keras": "3.9"}),
        plain(DENSE, *[3.0] * 5, images=60_000),
        plain(WIDE, *[3.0] * 5),
    ],
    ids=["machine", "versions", "images", "missing"],
)
def test_plain_fits_under_other_circumstances_are_not_mixed(tmp_path: Path, other: Speed) -> None:
    """Plain fits count if they share machine, versions and length; else trials alone do."""
    records = [make_record(), make_record(case=CNN, epoch_seconds=SLOW)]
    *_, found = judged(tmp_path, RATIO, *records, speeds=[plain(CNN, *[6.3] * 5), other])
    assert found.measured == "4.00 × (4.00–4.00), 4 epochs"


@pytest.mark.parametrize(("pairs", "verdict"), [(5, "reproduced"), (4, "undecided")])
def test_few_pairs_reproduce_no_figure(tmp_path: Path, pairs: int, verdict: str) -> None:
    """Too few pairs leave anything open, as too few seeds do."""
    speeds = [plain(CNN, *[6.3] * pairs), plain(DENSE, *[3.0] * pairs)]
    *_, found = judged(tmp_path, PRINTED + RATIO, speeds=speeds)
    assert found.verdict.label == verdict


def test_a_ratio_waits_for_what_is_neither_trained_nor_timed(tmp_path: Path) -> None:
    """It names what is missing, and nothing else."""
    (found,) = judged(tmp_path, ALIKE, make_record(case=CNN), speeds=[plain(CNN, 1, 1)])
    assert (found.verdict.label, found.verdict.reason) == (
        "undecided",
        "no reference records yet of cnn_32",
    )


def test_times_that_were_not_taken_alone_decide_nothing(tmp_path: Path) -> None:
    """A statement on seconds waits for records that hold some."""
    records = [make_record(case=case) for case in (CNN, WIDE)]
    shared = [replace(each, spec=replace(each.spec, alone=False)) for each in records]
    assert judged(tmp_path, ALIKE, *shared)[0].verdict.label == "undecided"
    slower = make_record(case=CNN, epoch_seconds=SLOW)
    assert judged(tmp_path, ALIKE, records[1], slower)[0].verdict.label == "reproduced"


@pytest.mark.parametrize(("low", "verdict"), [(2.3, "reproduced"), (2.4, "not reproduced")])
def test_a_ratio_of_counts_is_exact(tmp_path: Path, low: float, verdict: str) -> None:
    """243,786 parameters are 2.395 times 101,770, which a single seed knows as well as six."""
    body = f'case = "{CNN}"\nover = "{DENSE}"\nlow = {low}'
    text = statement("ratio", "parameters", body)
    records = [make_record(), *seeds(CNN, 0.9, parameters=243_786)]
    (found,) = judged(tmp_path, text, *records)
    assert (found.verdict.label, found.verdict.reason) == (verdict, "counted")
    assert found.verdict.interval is not None
    assert (
        found.verdict.interval.low
        == found.verdict.interval.high
        == pytest.approx(243_786 / 101_770)
    )
