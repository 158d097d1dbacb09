"""The evaluator under other conditions: what may be judged on the sample, or with other epochs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from scheduler_world import CASE, FakeTrials, new_evaluator, pretend, trial

from fitting_room.judge.verdict import Bound
from fitting_room.lab.plan import Need, Options

FLOOR = Bound(metric="test_accuracy", at_least=0.8, reason="a round figure")
EASY = Bound(metric="test_accuracy", at_least=0.3, reason="learns at all")
HARD = Bound(metric="test_accuracy", at_least=0.99, reason="on the whole data")
COUNT = Bound(metric="parameters", exactly=101_770, reason="counted by hand")
CALIBRATED = replace(FLOOR, mean=0.81, sd=0.0026, reference_seeds=20)
SMALL = Bound(metric="parameters", at_most=200_000, reason="must fit")


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> FakeTrials:
    """Let trials be made up."""
    return pretend(monkeypatch)


@pytest.mark.parametrize(
    ("options", "evidence"),
    [
        (Options(epochs=2), "the epochs were overridden (2)"),
        (Options(tier="smoke"), "the sample has no bound for it"),
    ],
)
def test_other_conditions_are_not_compared(
    tmp_path: Path, trials: FakeTrials, options: Options, evidence: str
) -> None:
    """The value is told, and neither passes nor fails."""
    verdict = new_evaluator(tmp_path, options, FLOOR).verdict(CASE, "test_accuracy")
    assert (verdict.outcome, verdict.reason) == ("not comparable", evidence)
    assert (verdict.estimate, verdict.n, verdict.passed) == (0.875, 1, False)
    assert trials.seeds == [0]


def test_value_that_is_not_there_is_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A diverged trial of an override has no value to tell."""
    pretend(monkeypatch, partial(trial, outcome="diverged", test_accuracy=None))
    verdict = new_evaluator(tmp_path, Options(epochs=2), FLOOR).verdict(CASE, "test_accuracy")
    assert (verdict.outcome, verdict.estimate) == ("not comparable", None)


@pytest.mark.parametrize("options", [Options(epochs=2), Options(tier="smoke")])
def test_a_curve_that_no_bound_fits_tells_its_end(
    tmp_path: Path, trials: FakeTrials, options: Options
) -> None:
    """On the sample, or with other epochs, there is no band for an epoch."""
    verdict = new_evaluator(tmp_path, options, COUNT).verdict(CASE, "training_loss_by_epoch")
    assert (verdict.outcome, verdict.n) == ("not comparable", 1)
    assert verdict.estimate == pytest.approx(1 - 0.893)
    assert len(trials.ran) == 1


@pytest.mark.parametrize(("bound", "outcome"), [(EASY, "pass"), (HARD, "fail")])
def test_sample_has_bounds_of_its_own(
    tmp_path: Path, trials: FakeTrials, bound: Bound, outcome: str
) -> None:
    """In the smoke tier the bound for all cases counts, and the case's own does not."""
    own = HARD if bound is EASY else EASY
    judge = new_evaluator(tmp_path, Options(tier="smoke"), own, smoke=[bound])
    assert judge.verdict(CASE, "test_accuracy").outcome == outcome
    assert len(trials.ran) == 1


@pytest.mark.parametrize("options", [Options(epochs=2), Options(tier="smoke"), Options()])
def test_parameters_are_judged_under_any_conditions(
    tmp_path: Path, trials: FakeTrials, options: Options
) -> None:
    """A count does not depend on data or epochs."""
    assert new_evaluator(tmp_path, options, COUNT).verdict(CASE, "parameters").passed
    assert len(trials.ran) == 1


@pytest.mark.parametrize("bound", [COUNT, SMALL])
@pytest.mark.parametrize("options", [Options(tier="full"), Options(seeds=3)])
def test_model_that_is_only_built_is_judged_at_once(
    tmp_path: Path, trials: FakeTrials, bound: Bound, options: Options
) -> None:
    """No number of seeds makes a count more certain."""
    judge = new_evaluator(tmp_path, options, bound, need=Need(case=CASE, trained=False))
    assert judge.verdict(CASE, "parameters").outcome == "pass"
    assert [job.spec.epochs for job in trials.ran] == [0]


@pytest.mark.parametrize(("accuracy", "outcome"), [(0.8035, "undecided"), (0.81, "pass")])
def test_few_seeds_that_do_not_settle_it_leave_it_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accuracy: float, outcome: str
) -> None:
    """One seed two scatters low is no failure, though no other may come: that takes six."""
    pretend(monkeypatch, partial(trial, test_accuracy=accuracy))
    verdict = new_evaluator(tmp_path, Options(seeds=1), CALIBRATED).verdict(CASE, "test_accuracy")
    assert (verdict.outcome, verdict.n) == (outcome, 1)


def test_limits_of_a_first_seed_are_not_those_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later one is weighed with those before it, and need not fail alone."""
    trials = pretend(monkeypatch, partial(trial, test_accuracy=0.8049))
    judge = new_evaluator(tmp_path, None, CALIBRATED)
    (first,) = judge.planned[CASE.name]
    limited = replace(first, spec=replace(first.spec, loss_limits=((0.1, 0.2),)))
    judge.planned = {CASE.name: [limited]}
    judge.verdict(CASE, "test_accuracy")
    assert [bool(each.spec.loss_limits) for each in trials.ran] == [True, *[False] * 5]
