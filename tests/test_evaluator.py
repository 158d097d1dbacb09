"""The evaluator: as few trials as a verdict takes, under any options."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from bench_runs import PATIENCE_S
from cluster_world import until
from scheduler_world import (
    CASE,
    CURVE,
    FakeTrials,
    bands,
    new_evaluator,
    pretend,
    trial,
)

from fitting_room.errors import UserError
from fitting_room.judge.verdict import Bound, Verdict, verdict_on
from fitting_room.lab import evaluator
from fitting_room.lab.evaluator import TrialFailedError
from fitting_room.lab.plan import MOST_SEEDS, Need, Options
from fitting_room.record import Job, Listener, Record

FLOOR = Bound(metric="test_accuracy", at_least=0.8, reason="a round figure")
CALIBRATED = replace(FLOOR, mean=0.81, sd=0.0026, reference_seeds=20)
EASY, HARD = replace(FLOOR, at_least=0.3), replace(FLOOR, at_least=0.99)
SLOWEST = Bound(metric="epochs_to_target", at_most=7, reason="published")
COUNT = Bound(metric="parameters", exactly=101_770, reason="counted by hand")
SMALL = Bound(metric="parameters", at_most=200_000, reason="must fit")
SMOKE, TWO_EPOCHS = Options(tier="smoke"), Options(epochs=2)


def open_until(n: int) -> Callable[..., Verdict]:
    """Return a judge who is undecided before the ``n``-th seed."""

    def judge(values: Sequence[float | None], bound: Bound, **_: object) -> Verdict:
        return verdict_on(bound, "undecided" if len(values) < n else "pass", values, "so")

    return judge


Judged = Callable[..., Verdict]


@pytest.fixture
def judged(tmp_path: Path, trials: FakeTrials) -> Judged:
    """Judge a metric of the case by bounds, with trials that give what is told."""

    def judged(
        metric: str,
        *bounds: Bound,
        options: Options | None = None,
        smoke: Sequence[Bound] = (),
        **known: object,
    ) -> Verdict:
        trials.make = partial(trial, **known)
        return new_evaluator(tmp_path, options, *bounds, smoke=smoke).verdict(CASE, metric)

    return judged


@pytest.mark.parametrize(
    ("open_for", "outcome", "seeds"),
    [(1, "pass", 1), (4, "pass", 4), (99, "undecided", MOST_SEEDS)],
)
def test_seeds_are_added_only_while_the_verdict_is_open(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    trials: FakeTrials,
    open_for: int,
    outcome: str,
    seeds: int,
) -> None:
    """One by one, up to the most that the options allow; one slot trains nothing ahead."""
    monkeypatch.setattr(evaluator, "judge", open_until(open_for))
    run = new_evaluator(tmp_path, None, FLOOR)
    verdict = run.verdict(CASE, "test_accuracy")
    assert (verdict.outcome, verdict.n) == (outcome, seeds)
    assert (trials.seeds, run.speculation) == (list(range(seeds)), "")


@pytest.mark.parametrize("options", [Options(seeds=2), Options(tier="full", seeds=2)])
def test_number_of_seeds_that_was_asked_for_is_kept(
    judged: Judged, monkeypatch: pytest.MonkeyPatch, trials: FakeTrials, options: Options
) -> None:
    """An open verdict asks for no more than what the user wants."""
    monkeypatch.setattr(evaluator, "judge", open_until(9))
    assert judged("test_accuracy", FLOOR, options=options).n == 2
    assert trials.seeds == [0, 1]


def test_seed_that_missed_its_target_calls_for_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real judge, on a first seed that never reached 99.5 % and two that did."""

    def make(job: Job, listen: Listener) -> Record:
        last = 0.996 if job.spec.seed else 0.99
        return trial(job, listen, training_accuracy=[0.9, last])

    trials = pretend(monkeypatch, make)
    verdict = new_evaluator(tmp_path, None, SLOWEST).verdict(CASE, "epochs_to_target")
    assert (verdict.outcome, verdict.n, trials.seeds) == ("pass", 3, [0, 1, 2])


def test_trials_are_waited_for_as_the_caller_wants_it(tmp_path: Path, trials: FakeTrials) -> None:
    """A verdict's trial is waited for by the function given, once."""
    waited: list[Record] = []

    def wait(future: object) -> Record:
        waited.append(future.result(timeout=PATIENCE_S))  # type: ignore[attr-defined]
        return waited[-1]

    judge = new_evaluator(tmp_path, None, COUNT)
    judge.wait = wait
    assert judge.verdict(CASE, "parameters").passed
    assert (len(waited), len(trials.ran)) == (1, 1)


@pytest.mark.parametrize("outcome", ["crashed", "interrupted", "timed out"])
def test_failed_trial_is_told_with_its_place(judged: Judged, tmp_path: Path, outcome: str) -> None:
    """Case, seed, outcome, reason and folder stand in one sentence."""
    with pytest.raises(TrialFailedError) as told:
        judged("test_accuracy", FLOOR, outcome=outcome, reason="it fell over")
    place = tmp_path / CASE.name
    expected = f"{CASE.name}, seed 0: {outcome}, it fell over. Its record is in {place}."
    assert str(told.value) == expected


def test_diverged_trial_is_judged(judged: Judged, trials: FakeTrials) -> None:
    """Training that ran away is a result of the code, and two of them are a failure."""
    verdict = judged("test_accuracy", FLOOR, outcome="diverged", test_accuracy=None)
    assert (verdict.outcome, verdict.estimate, trials.seeds) == ("fail", None, [0, 1])


def test_missing_bound_is_told_before_anything_is_trained(
    judged: Judged, trials: FakeTrials
) -> None:
    """The lines to add are told at once."""
    with pytest.raises(UserError, match=r"test_loss = \{ at_most"):
        judged("test_loss", FLOOR)
    assert trials.ran == []


def test_timed_records_are_those_planned(tmp_path: Path, trials: FakeTrials) -> None:
    """Times need no more seeds than the plan has."""
    records = new_evaluator(tmp_path, Options(seeds=2)).records(CASE, timed=True)
    assert [record.spec.seed for record in records] == [0, 1]
    assert trials.seeds == [0, 1]


def test_error_is_shared_among_all_bounds_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trials: FakeTrials
) -> None:
    """What a bound costs does not depend on which tests are selected."""
    shares = []

    def judge(values: Sequence[float], bound: Bound, *, alpha: float, **_: object) -> Verdict:
        shares.append(alpha)
        return verdict_on(bound, "pass", values, "so")

    monkeypatch.setattr(evaluator, "judge", judge)
    for bounds in ([FLOOR], [FLOOR, COUNT, SLOWEST]):
        new_evaluator(tmp_path, None, *bounds).verdict(CASE, "test_accuracy")
    assert shares[1] < shares[0]
    assert trials.seeds == [0]


@pytest.mark.parametrize(("last", "outcome"), [(0.893, "pass"), (0.7, "fail")])
def test_learning_curve_is_judged_epoch_by_epoch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: float, outcome: str
) -> None:
    """A curve like those that made the bands lies within them, and another does not."""
    pretend(monkeypatch, partial(trial, training_accuracy=last))
    judge = new_evaluator(tmp_path)
    judge.bounds = replace(judge.bounds, curves={CASE.name: {CURVE: bands()}})
    assert judge.verdict(CASE, CURVE).outcome == outcome


def test_trial_that_was_given_up_fails_the_whole_case(judged: Judged) -> None:
    """What it did not come to measure fails for the reason that it was given up for."""
    verdict = judged("test_accuracy", FLOOR, outcome="given up", reason="loss 9 after epoch 1")
    assert (verdict.outcome, verdict.n) == ("fail", 1)
    assert verdict.reason == "seed 0 was given up: loss 9 after epoch 1"


@pytest.mark.parametrize(("best", "outcome"), [(0.999, "pass"), (0.99, "fail")])
def test_epochs_with_a_reference_are_judged_by_the_best_value(
    judged: Judged, best: float, outcome: str
) -> None:
    """One seed far on either side of the target decides, where counting would ask for three."""
    by_two = replace(SLOWEST, at_most=2, mean=0.9985, sd=0.0005, reference_seeds=20)
    verdict = judged("epochs_to_target", by_two, training_accuracy=[0.9, best, 0.98])
    assert (verdict.outcome, verdict.n) == (outcome, 1)
    assert verdict.against == "≤ 2 epochs to ≥ 99.5 %"


@pytest.mark.parametrize(
    ("options", "evidence"),
    [
        (TWO_EPOCHS, "the epochs were overridden (2)"),
        (SMOKE, "the sample has no bound for it"),
    ],
)
@pytest.mark.parametrize(
    ("metric", "value"), [("test_accuracy", 0.875), (CURVE, pytest.approx(1 - 0.893))]
)
def test_other_conditions_are_not_compared(
    judged: Judged, trials: FakeTrials, options: Options, evidence: str, metric: str, value: float
) -> None:
    """The value, or the end of a curve, is told, and neither passes nor fails."""
    verdict = judged(metric, FLOOR, options=options)
    assert (verdict.outcome, verdict.reason) == ("not comparable", evidence)
    assert (verdict.estimate, verdict.n, verdict.passed) == (value, 1, False)
    assert trials.seeds == [0]


def test_value_that_is_not_there_is_not_compared(judged: Judged) -> None:
    """A diverged trial of an override has no value to tell."""
    known = {"outcome": "diverged", "test_accuracy": None}
    verdict = judged("test_accuracy", FLOOR, options=TWO_EPOCHS, **known)
    assert (verdict.outcome, verdict.estimate) == ("not comparable", None)


@pytest.mark.parametrize(("bound", "outcome"), [(EASY, "pass"), (HARD, "fail")])
def test_sample_has_bounds_of_its_own(
    judged: Judged, trials: FakeTrials, bound: Bound, outcome: str
) -> None:
    """In the smoke tier the bound for all cases counts, and the case's own does not."""
    own = HARD if bound is EASY else EASY
    assert judged("test_accuracy", own, options=SMOKE, smoke=[bound]).outcome == outcome
    assert len(trials.ran) == 1


@pytest.mark.parametrize("options", [TWO_EPOCHS, SMOKE, Options()])
def test_parameters_are_judged_under_any_conditions(
    judged: Judged, trials: FakeTrials, options: Options
) -> None:
    """A count does not depend on data or epochs."""
    assert judged("parameters", COUNT, options=options).passed
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
    judged: Judged, accuracy: float, outcome: str
) -> None:
    """One seed two scatters low is no failure, though no other may come: that takes six."""
    known = {"options": Options(seeds=1), "test_accuracy": accuracy}
    verdict = judged("test_accuracy", CALIBRATED, **known)
    assert (verdict.outcome, verdict.n) == (outcome, 1)


def test_limits_of_a_first_seed_are_not_those_of_others(tmp_path: Path, trials: FakeTrials) -> None:
    """A later one is weighed with those before it, and need not fail alone."""
    trials.make = partial(trial, test_accuracy=0.8049)
    judge = new_evaluator(tmp_path, None, CALIBRATED)
    (first,) = judge.planned[CASE.name]
    limited = replace(first, spec=replace(first.spec, loss_limits=((0.1, 0.2),)))
    judge.planned = {CASE.name: [limited]}
    judge.verdict(CASE, "test_accuracy")
    assert [bool(each.spec.loss_limits) for each in trials.ran] == [True, *[False] * 5]


def test_idle_slots_train_seeds_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trials: FakeTrials
) -> None:
    """They are judged in seed order whoever ends first; those that were not needed are told."""
    monkeypatch.setattr(evaluator, "judge", open_until(2))
    released = threading.Event()

    def late(job: Job, listen: Listener) -> Record:
        assert released.wait(PATIENCE_S)
        return trial(job, listen)

    trials.make = late
    run = new_evaluator(tmp_path, Options(), CALIBRATED)
    run.scheduler.executor, run.scheduler.slots = ThreadPoolExecutor(4), 4
    with ThreadPoolExecutor(1) as pool:
        verdict = pool.submit(run.verdict, CASE, "test_accuracy")
        until(lambda: len(trials.ran) == 4)
        released.set()
        first = {job.spec.seed: job.key for job in trials.ran}
        assert verdict.result(PATIENCE_S).records == (first[0], first[1])
    run.scheduler.close()
    asked = len(run.scheduler._futures)  # some may have been given up before they began
    told = f"seeds asked for ahead: {asked - 1}, {asked - 2} of them not needed, "
    assert run.speculation.startswith(told)
