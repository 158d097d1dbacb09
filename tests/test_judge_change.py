"""A metric on two sides: the same, worse, better, or not to be told."""

from __future__ import annotations

import math

import numpy as np
import pytest
from comparisons import arrivals
from records import make_verdict
from scipy.stats import ttest_ind

from fitting_room.judge.change import (
    Arrivals,
    Change,
    Question,
    Sample,
    judge_changes,
    judge_count,
    smallest_caught,
    student,
    timed,
)
from fitting_room.judge.verdict import Outcome

BASE = (0.8702, 0.8688, 0.8731, 0.8659, 0.8714, 0.8695)
WORSE = tuple(value - 0.03 for value in BASE)


def asked(
    head: Sample, base: Sample | None = None, *, metric: str = "test_accuracy", of: int = 20
) -> Change:
    """Return the first of a family of equal answers."""
    question = Question(metric=metric, base=base or Sample(values=BASE), head=head)
    return judge_changes([question] * of)[0]


def drawn(generator: np.random.Generator, seeds: int, *, shift: float = 0.0) -> Sample:
    """Return simulated accuracies of code whose mean is off by ``shift`` scatters."""
    return Sample(values=tuple(0.9 + 0.004 * (generator.normal(size=seeds) + shift)))


def test_the_test_is_students() -> None:
    """The p-value is that of scipy's test on the values themselves."""
    head = (0.861, 0.867, 0.858)
    assert student(BASE, head) == pytest.approx(ttest_ind(BASE, head).pvalue)


def test_the_interval_is_welchs() -> None:
    """The evidence shows the interval of scipy's test for unequal scatter, in points."""
    head = (0.861, 0.867, 0.858)
    low, high = ttest_ind(head, BASE, equal_var=False).confidence_interval(0.95)
    told = f"(95 %: {100 * low:+.2f} points to {100 * high:+.2f} points)"
    assert told in asked(Sample(values=head)).verdict.reason


def test_a_change_of_the_stated_size_is_found_four_times_in_five() -> None:
    """A shift of the stated size is significant in 80 % of simulated samples."""
    generator = np.random.default_rng(7)
    runs = [[generator.normal(size=n) for n in (20, 5)] for _ in range(300)]
    shift = float(np.mean([smallest_caught(b, h, alpha=0.01) for b, h in runs]))
    hits = [student(b, h + shift) < 0.01 for b, h in runs]
    assert np.mean(hits) == pytest.approx(0.8, abs=0.07)


def test_sides_without_scatter_are_no_trouble() -> None:
    """One is judged by the other's scatter; equal constants have p = 1, others p = 0."""
    assert student(BASE, (0.87, 0.87)) == pytest.approx(0.92, abs=0.02)
    assert [student([0.1] * 3, [value] * 2) for value in (0.1, 0.2)] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("metric", "head", "outcome"),
    [
        ("test_accuracy", BASE, "same"),
        ("test_accuracy", (0.8701, 0.8690, 0.8722, 0.8665, 0.8710), "same"),
        ("test_accuracy", WORSE, "regression"),
        ("training_loss", WORSE, "improvement"),
        ("test_accuracy", WORSE[:1], "regression"),
        ("test_loss", WORSE[:2], "improvement"),
    ],
)
def test_direction_depends_on_the_metric(
    metric: str, head: tuple[float, ...], outcome: str
) -> None:
    """Losing three points is bad for an accuracy and good for a loss, with one seed or with six."""
    assert asked(Sample(values=head), metric=metric).verdict.label == outcome


def test_sides_change_places() -> None:
    """One seed of base is weighed by head's scatter: what head gained is an improvement."""
    found = asked(Sample(values=BASE), Sample(values=WORSE[:1]))
    assert (found.verdict.label, found.seeds) == ("improvement", (1, 6))
    assert "by the scatter of head's seeds" in found.verdict.reason


def test_one_seed_near_the_bound_decides_nothing() -> None:
    """Between the limits of the sequential test the answer is open, and that is no regression."""
    found = asked(Sample(values=(0.8545,)))
    assert (found.verdict.label, found.verdict.outcome == "fail") == ("undecided", False)
    assert "a change of" in found.verdict.reason


@pytest.mark.parametrize(
    ("base", "head"), [(BASE[:1], WORSE[:1]), ((), WORSE), (BASE, ()), ((), ())]
)
def test_without_scatter_on_either_side_nothing_is_decided(
    base: tuple[float, ...], head: tuple[float, ...]
) -> None:
    """One seed each, or none on one side, is undecided."""
    found = asked(Sample(values=head), Sample(values=base))
    assert found.verdict.label == "undecided"


def test_two_diverged_seeds_are_a_regression_and_one_is_told() -> None:
    """One may be bad luck, as in the gate; and base's own do not count against head."""
    found = [asked(Sample(values=BASE[:5], diverged=n)) for n in (1, 2)]
    assert [each.verdict.label for each in found] == ["same", "regression"]
    assert "1 more diverged" in found[0].verdict.reason
    both = asked(Sample(values=BASE[:5], diverged=2), Sample(values=BASE, diverged=2))
    assert both.verdict.label == "same"


def test_a_side_whose_only_seed_diverged_is_open() -> None:
    """One may be bad luck, also where there is no other: what to compare is missing."""
    found = asked(Sample(values=(), diverged=1))
    assert (found.verdict.label, "1 more diverged" in found.verdict.reason) == ("undecided", True)


def test_seeds_that_base_lost_say_nothing_of_head() -> None:
    """The one that base kept is weighed by head's scatter, however many diverged beside it."""
    found = asked(Sample(values=BASE), Sample(values=BASE[:1], diverged=2))
    assert (found.verdict.label, found.seeds) == ("same", (3, 6))


@pytest.mark.parametrize(
    ("alpha", "runs", "accuracies", "targets"),
    [
        (0.2, 60, [(6, n) for n in (6, 5, 2, 1)], [(6, n) for n in (5, 2)]),
        (0.01, 150, [], [(m, n) for m in (20, 6) for n in (6, 2, 1)]),
    ],
    ids=["all", "arrivals"],
)
def test_the_family_s_error_is_held(
    alpha: float, runs: int, accuracies: list[tuple[int, int]], targets: list[tuple[int, int]]
) -> None:
    """Unchanged code shows a change in as many runs as the error of the family allows, or fewer.

    However few seeds there are, and also where all that is compared is when they arrive.
    """
    generator, wrong = np.random.default_rng(3), 0
    for _ in range(runs):
        family = [
            Question(metric="test_accuracy", base=drawn(generator, m), head=drawn(generator, n))
            for m, n in accuracies
        ]
        came = [(arrivals(generator, m), arrivals(generator, n)) for m, n in targets]
        family += [Question(metric="epochs_to_target", base=b, head=h) for b, h in came]
        outcomes = {change.verdict.label for change in judge_changes(family, alpha=alpha)}
        wrong += bool(outcomes & {"regression", "improvement"})
    assert wrong / runs < alpha + 3 * np.sqrt(alpha * (1 - alpha) / runs)


def test_an_exact_count_is_equal_or_changed() -> None:
    """One parameter fewer is red; a side that did not count cannot be compared."""
    counts = [judge_count("parameters", (101_770,) * 2, head) for head in ((101_770,), (101_769,))]
    assert [each.verdict.label for each in counts] == ["same", "changed"]
    assert counts[1].verdict.reason == "101,770 → 101,769 (-1)"
    assert judge_count("parameters", (), (3,)).verdict.outcome == "not comparable"


@pytest.mark.parametrize(
    ("outcome", "ratio", "told"),
    [
        ("pass", 1.0, "same"),
        ("pass", 0.4, "improvement"),
        ("fail", 2.5, "regression"),
        ("undecided", 1.0, "undecided"),
        ("not comparable", None, "not comparable"),
    ],
)
def test_seconds_become_a_change(outcome: Outcome, ratio: float | None, told: str) -> None:
    """A verdict on time reads like the others; twice as fast is suspicious."""
    verdict = make_verdict(outcome, metric="seconds_per_epoch", estimate=ratio)
    assert timed(verdict, base=1.0, head=ratio).verdict.label == told


def test_another_course_of_training_is_a_change_either_way() -> None:
    """Neither a larger nor a smaller drop in the training loss is better: both fail."""
    found = [
        asked(Sample(values=values), metric="drop_in_training_loss")
        for values in (WORSE, tuple(value + 0.03 for value in BASE))
    ]
    assert [change.verdict.label for change in found] == ["changed", "changed"]


def seeds(*epochs: int | None) -> Arrivals:
    """Return seeds that were watched for ten epochs."""
    return Arrivals(epochs=epochs, watched=(10,) * len(epochs))


ARRIVED = seeds(5, 6, 5, 5, 6, 5, 5, 6, 5, 5)


def compared(head: Arrivals, base: Arrivals = ARRIVED) -> Change:
    """Return what became of the only question of a comparison."""
    (found,) = judge_changes([Question(metric="epochs_to_target", base=base, head=head)])
    return found


@pytest.mark.parametrize(
    ("head", "outcome"),
    [
        ((5, 5, 6, 5, 5), "same"),
        ((8, 9, 9, 8, None), "regression"),
        ((2, 2, 3, 2, 2), "improvement"),
    ],
)
def test_arrival_is_judged_with_those_that_never_came(
    head: tuple[int | None, ...], outcome: str
) -> None:
    """Later by three epochs, one of them never, is worse; all at once is no warning."""
    other = seeds(*head)
    for side in (other, ARRIVED):
        assert compared(side).verdict.label == (outcome if side is other else "same")


def test_two_seeds_are_no_surer_than_their_order() -> None:
    """The two latest of twelve seeds are one of 66 pairs: the p-value is that, and no alarm."""
    found = compared(seeds(9, 9))
    assert (found.verdict.label, found.seeds) == ("same", (10, 2))
    assert f"p = {1 / math.comb(12, 2):.2g}" in found.verdict.reason


@pytest.mark.parametrize(("base", "head"), [(ARRIVED, seeds(9)), (seeds(5), ARRIVED)])
def test_one_seed_decides_nothing(base: Arrivals, head: Arrivals) -> None:
    """A single seed on either side leaves the verdict open, which says what it takes."""
    verdict = compared(head, base).verdict
    assert verdict.label == "undecided"
    assert verdict.reason.endswith("each side needs 2 seeds")


@pytest.mark.parametrize(
    ("head", "base"), [(seeds(5, 5), seeds(5, 5, 5)), (seeds(5), seeds(5))], ids=["seeds", "one"]
)
def test_seeds_that_all_arrive_at_once_are_the_same(head: Arrivals, base: Arrivals) -> None:
    """They give no statistic, no warning and no alarm; nor is what a folder says of itself open."""
    assert compared(head, base).verdict.label == "same"
