"""The audit of statements, from records made up to decide them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from audit_world import CNN, DENSE, WIDE, curves, figure, judged, seeds, statement


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
