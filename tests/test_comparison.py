"""Two sides compared: what is judged, what is not comparable, and how it is told."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from comparisons import DENSE, elsewhere, outcomes, seeds, side
from records import make_record

from bench.cases import CASES
from fitting_room.analysis.comparison import compare, in_turn
from fitting_room.judge.change import changed
from fitting_room.judge.verdict import Verdict
from fitting_room.record import Record, pack_classes
from fitting_room.report.findings import comparison_json, comparison_markdown


def test_the_same_records_are_the_same() -> None:
    """Every metric, count and second is; the comparison is green."""
    found = compare(side(seeds()), side(seeds()))
    assert set(outcomes(found).values()) == {"same"}
    assert len(found.changes) == 10
    assert not found.red(undecided=True)
    assert comparison_markdown(found, undecided=True).split("\n")[2] == "**Green**: 10 unchanged."


def test_other_seeds_of_the_same_code_are_the_same() -> None:
    """Scatter alone is no change, and the evidence says what would have been seen."""
    found = compare(side(seeds()), side(seeds(first=8)))
    assert set(outcomes(found).values()) == {"same"}
    evidence = found.changes[0].verdict.reason
    assert re.search(r"is caught with 80 % power$", evidence)


@pytest.mark.parametrize("n", [1, 2, 6])
def test_worse_seeds_are_red_and_better_ones_are_pointed_at(n: int) -> None:
    """Six points are seen with one seed as with six, in both directions."""
    base = side(seeds(8))
    worse, better = (compare(base, side(seeds(n, off=off, first=9))) for off in (-0.06, 0.06))
    quality = ("test_accuracy", "test_loss", "training_accuracy", "training_loss")
    assert {outcomes(worse)[metric] for metric in quality} == {"regression"}
    assert {outcomes(better)[metric] for metric in quality} == {"improvement"}
    assert (worse.red(undecided=False), better.red(undecided=False)) == (True, False)
    assert "## Suspicious improvements" in comparison_markdown(better, undecided=False)


def test_a_count_that_is_another_is_red() -> None:
    """Half the neurons show in the parameters, whatever they do to the accuracy."""
    found = compare(side(seeds()), side(seeds(parameters=50_890)))
    assert outcomes(found)["parameters"] == "changed"
    assert found.red(undecided=False)
    assert "101,770 → 50,890 (-50,880)" in comparison_markdown(found, undecided=False)


def test_another_machine_s_seconds_are_not_comparable() -> None:
    """Quality is compared, seconds are not, and machine and versions are named."""
    found = compare(side(seeds()), side(elsewhere(seeds(first=8))))
    assert outcomes(found)["seconds_per_epoch"] == "not comparable"
    assert outcomes(found)["test_accuracy"] == "same"
    assert not found.red(undecided=False)
    text = comparison_markdown(found, undecided=False)
    assert "cpu: Example CPU (avx2) in base, Other CPU (avx512f) in head" in text
    reason = text.split("## Not comparable")[1]
    assert "cpu: Example CPU (avx2) then, Other CPU (avx512f) now" in reason
    assert "tensorflow: 2.21.0 then, 2.22.0 now" in reason


@pytest.mark.parametrize(
    ("second", "outcome"), [(3.0, "same"), (8.0, "regression"), (1.0, "improvement")]
)
def test_seconds_are_compared_in_calibration_steps(second: float, outcome: str) -> None:
    """On one machine a time twice as long fails, and one half as long is suspicious."""
    head = seeds(epoch_seconds=[9.0, *[second] * 4])
    assert outcomes(compare(side(seeds()), side(head)))["seconds_per_epoch"] == outcome


def test_a_time_beyond_the_warning_is_pointed_at() -> None:
    """Between half as long again and twice as long nothing fails, but it stands at the top."""
    found = compare(side(seeds()), side(seeds(epoch_seconds=[9.0, *[5.0] * 4])))
    assert not found.red(undecided=True)
    warnings = comparison_markdown(found, undecided=True).split("## Warnings")[1].split("##")[0]
    assert f"{DENSE} seconds_per_epoch same: ×1.67 the stored time" in warnings


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ([replace(r, calibration_seconds=None) for r in seeds()], "no calibration step was timed"),
        ([replace(r, spec=replace(r.spec, alone=False)) for r in seeds()], "head has no epoch"),
    ],
)
def test_seconds_without_a_measure_are_not_comparable(head: list[Record], why: str) -> None:
    """Records from before the calibration step, or trained beside others, say why."""
    found = compare(side(seeds()), side(head))
    (seconds,) = (v for c in found.changes if (v := c.verdict).metric == "seconds_per_epoch")
    assert (seconds.outcome, seconds.reason.startswith(why)) == ("not comparable", True)


@pytest.mark.parametrize("known", [{"sample": True}, {"epochs": 2}])
def test_other_data_or_epochs_are_not_comparable(known: dict[str, Any]) -> None:
    """A sample, or fewer epochs than the recipe's, says nothing of the case; counts still hold."""
    compared = compare(side(seeds()), side(seeds(**known)))
    found = outcomes(compared)
    assert found["test_accuracy"] == found["training_loss"] == "not comparable"
    assert found["parameters"] == "same"
    ((name, why),) = compared.pairs.missing
    assert (name, compared.red(undecided=False)) == (DENSE, True)
    assert re.match(r"nothing to compare it by: (data|epochs): ", why)


def test_a_case_that_head_only_built_is_missing() -> None:
    """Its counts are compared, its quality is not there, and that is no green."""
    built = replace(make_record(training_accuracy=[], test_accuracy=None), predictions=None)
    found = compare(side(seeds()), side([built]))
    assert found.pairs.missing == ((DENSE, "nothing to compare it by: head does not tell it"),)
    assert "is missing: nothing to compare it by" in comparison_markdown(found, undecided=False)


@pytest.mark.parametrize(
    ("outcome", "status"), [("pass", False), ("fail", True), ("undecided", False)]
)
def test_interleaved_seconds_stand_for_stored_ones(outcome: Any, status: bool) -> None:
    """What is timed in this session decides, also where there are no records of the case."""
    verdict = Verdict(
        metric="seconds_per_epoch", outcome=outcome, estimate=1.2, n=20, against="…", reason="wall"
    )
    timed = {name: in_turn(verdict, base=0.3, head=0.36) for name in (DENSE, "mnist-x")}
    found = compare(side(seeds()), side(seeds()), in_turn=timed)
    seconds = [v for c in found.changes if (v := c.verdict).metric == "seconds_per_chunk"]
    assert [each.subject for each in seconds] == [DENSE, "mnist-x"]
    assert found.red(undecided=False) == status
    assert "×1.20" in comparison_markdown(found, undecided=False)


@pytest.mark.parametrize("strict", [True, False])
def test_an_open_verdict_fails_where_that_is_asked_for(strict: bool) -> None:
    """One seed on each side tells nothing of the scatter: strict makes that red."""
    found = compare(side(seeds(1)), side(seeds(1, first=9)))
    assert "undecided" in outcomes(found).values()
    assert found.red(undecided=strict) == strict
    assert json.loads(comparison_json(found, undecided=strict))["green"] is not strict


def test_only_the_cases_asked_for_are_compared() -> None:
    """The others are neither judged nor missed."""
    both = [*seeds(), *seeds(case="mnist-dense_128")]
    found = compare(side(both), side(seeds()), only=[DENSE])
    assert {each.verdict.subject for each in found.changes} == {DENSE}
    assert not found.pairs.missing


def test_what_is_the_same_is_counted_and_listed_when_asked() -> None:
    """A reader sees what changed first; ``-v`` has every row."""
    found = compare(side(seeds()), side(seeds()))
    short, full = (
        comparison_markdown(found, undecided=False, verbose=each) for each in (False, True)
    )
    assert "| test_accuracy" not in short
    assert "The same, 10 figures: test_accuracy" in short
    assert "| test_accuracy" in full


def test_a_target_that_nobody_reaches_is_said_in_words() -> None:
    """Two infinite medians have no difference, and none is printed."""
    never = changed("epochs_to_target", "same", "so", base=math.inf, head=math.inf, seeds=(2, 2))
    assert never.verdict.estimate is None
    found = replace(compare(side(seeds()), side(seeds())), changes=(never,))
    text = comparison_markdown(found, undecided=False, verbose=True)
    assert re.search(r"epochs_to_target \|\s+never \|\s+never \|\s+\|", text)


def test_what_is_missing_fails() -> None:
    """A case that head does not show is red, and named."""
    both = [*seeds(), *seeds(case="mnist-dense_128")]
    found = compare(side(both), side(seeds(), "folder y"))
    assert found.red(undecided=False)
    assert "mnist-dense_128 is missing: head (folder y): no records of it" in comparison_markdown(
        found, undecided=False
    )


def test_a_changed_recipe_is_judged_and_stated() -> None:
    """What the settings are is told; whether that does harm is for the figures to say."""
    case = CASES[DENSE]
    slow = replace(case, recipe=replace(case.recipe, learning_rate=1e-4))
    found = compare(side(seeds()), side(seeds(case=slow, off=-0.06)))
    text = comparison_markdown(found, undecided=False)
    assert "recipe's learning rate: 0.001 in base, 0.0001 in head" in text.replace("_", " ")
    assert "test_accuracy regression" in text


@pytest.mark.parametrize("make", [comparison_json, comparison_markdown])
def test_json_and_markdown_have_the_same_findings(make: Callable[..., Any]) -> None:
    """Every metric is in both, and the keys of the records in the JSON."""
    found = compare(side(seeds()), side(seeds(off=-0.06)))
    text = make(found, undecided=False)
    text = text.decode() if isinstance(text, bytes) else text
    assert all(each.verdict.metric in text for each in found.changes)
    if make is comparison_json:
        assert seeds()[0].key in text


def test_predictions_are_compared_image_by_image() -> None:
    """The interval of the difference on the same images stands beside the test over seeds."""
    truth = np.arange(1000) % 10
    wrong = truth + (np.arange(1000) < 100)
    base = [replace(r, predictions=pack_classes(truth)) for r in seeds()]
    head = [replace(r, predictions=pack_classes(wrong)) for r in seeds(off=-0.06)]
    found = compare(side(base), side(head), labels=lambda _: truth)
    (images,) = (c.images for c in found.changes if c.images)
    assert images.estimate == pytest.approx(-0.1)
    assert "on the same images -10.00 points" in comparison_markdown(found, undecided=False)
    assert not any(c.images for c in compare(side(base), side(head)).changes)


def test_two_cases_are_compared_on_the_same_images() -> None:
    """Their own counts are no fault, and the paired interval is told whatever the verdict is."""
    truth = np.arange(10).repeat(100)
    case = replace(CASES[DENSE], architecture="other", builder="x:y")
    right, wrong = (pack_classes(classes) for classes in (truth, truth % 9))
    base = [replace(r, predictions=right) for r in seeds()]
    head = [replace(r, predictions=wrong) for r in seeds(case=case, first=8, parameters=9)]
    found = compare(side(base), side(head), labels=lambda _: truth)
    told = comparison_markdown(found, undecided=False)
    assert not found.red(undecided=False)
    assert "fashion_mnist-other are two cases, and compared with each other" in told
    assert "## On the same images" in told
    assert "parameters, trainable_parameters of" in told
    assert "101,770 → 9 (-101,761), of two cases" in told
