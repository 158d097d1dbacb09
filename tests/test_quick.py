"""The quick tier: the beginning of a recipe's own training, judged by what is known by then."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import ANY

import msgspec
import numpy as np
import pytest
from records import make_band, make_record
from scheduler_world import (
    CASE,
    CURVE,
    DATASET,
    ORIGIN,
    FakeTrials,
    bands,
    get,
    new_evaluator,
    trial,
)
from trials import assigned

from conftest import Bench
from fitting_room import plugin
from fitting_room.analysis.sides import facts_of
from fitting_room.analysis.trials import one_per_seed, publishable, rows, trained
from fitting_room.cli.calibrate import published
from fitting_room.judge.verdict import Bound, Outcome
from fitting_room.lab.estimate import Estimate
from fitting_room.lab.evaluator import Evaluator, outline
from fitting_room.lab.plan import Need, Options, plan, specify
from fitting_room.lab.process import run_trial
from fitting_room.record import Job, Listener, PartialRecord, Record
from fitting_room.report.summary import summary
from fitting_room.spec import TrialSpec
from fitting_room.store.key import quality_key
from fitting_room.trial.trainer import Ended, Report

QUICK = Options(tier="quick")
SPEC = specify(CASE, 0, QUICK, DATASET)


def quick_record(seed: int = 0, **known: object) -> Record:
    """Return the record of a trial that was stopped after two epochs."""
    record = make_record(case=CASE, seed=seed, test_accuracy=None, test_loss=None, **known)  # type: ignore[arg-type]
    spec = replace(record.spec, stop_after=2)
    return replace(record, spec=spec, epochs=record.epochs[:2], predictions=None, key="quick")


def stopped(job: Job, listen: Listener, shift: float = 0.0) -> Record:
    """Train as far as the spec says; ``shift`` is added to the training loss of every epoch."""
    whole = trial(job, listen, training_accuracy=0.893 - shift)
    return replace(whole, epochs=whole.epochs[: job.spec.last_epoch])


@pytest.fixture(scope="module")
def pair() -> tuple[Record, Record]:
    """Train on the sample, whole and stopped after two of five epochs, each in a process."""
    whole, quick = assigned(epochs=5), assigned(epochs=5, stop_after=2)
    return run_trial(whole), run_trial(quick)


def test_a_quick_trial_is_the_beginning_of_the_whole_one(pair: tuple[Record, Record]) -> None:
    """Its losses are those of the whole one's first two epochs, to the last bit."""
    whole, quick = pair
    assert (quick.outcome, quick.reason) == ("completed", "stopped after epoch 2 of 5, as asked")
    assert len(whole.epochs) == 5
    assert [e.training_loss for e in quick.epochs] == [e.training_loss for e in whole.epochs[:2]]


def test_a_quick_trial_asks_no_test_image(pair: tuple[Record, Record]) -> None:
    """It has neither a score after an epoch nor predictions at the end, and the whole one has."""
    told = [
        (record.test_accuracy, record.predictions, record.epochs[0].test_accuracy)
        for record in pair
    ]
    assert None not in told[0]
    assert told[1] == (None, None, None)


def test_own_trainers_are_stopped_too() -> None:
    """The second epoch that they tell ends them, and nothing is asked of the test images."""
    asked, measured = list[int](), PartialRecord()
    test = np.zeros((3, 28, 28, 1)), np.zeros(3, np.int64)
    report = Report(SPEC, measured, test, lambda _: None)
    report.epoch(1, loss=1.0, predictions=lambda _: asked.append(1))
    with pytest.raises(Ended):
        report.epoch(2, loss=0.5, predictions=lambda _: asked.append(2))
    assert ([epoch.training_loss for epoch in measured.epochs], asked) == ([1.0, 0.5], [])


def test_quick_trials_have_keys_of_their_own() -> None:
    """What is stopped never stands for what is not; a spec without a stop is written as before."""
    whole = specify(CASE, 0, Options(), DATASET)
    assert quality_key(SPEC, ORIGIN) != quality_key(whole, ORIGIN)
    assert quality_key(SPEC.whole, ORIGIN) == quality_key(whole, ORIGIN)
    assert b"stop_after" not in msgspec.json.encode(whole)
    assert msgspec.json.decode(msgspec.json.encode(SPEC), type=TrialSpec) == SPEC


def test_a_whole_trial_serves_a_quick_one_and_not_the_other_way_round(
    tmp_path: Path, trials: FakeTrials
) -> None:
    """After an accept run nothing is trained; after a quick run accept trains all of it."""
    trials.make = stopped
    quick = get(tmp_path, SPEC)
    whole = get(tmp_path, SPEC.whole)
    assert [job.spec.stop_after for job in trials.ran] == [2, msgspec.UNSET]
    assert (len(quick.epochs), len(whole.epochs)) == (2, CASE.recipe.epochs)
    assert get(tmp_path / "other", SPEC.whole).spec == get(tmp_path / "other", SPEC).spec
    assert len(trials.ran) == 3


def judge_of(folder: Path, *bounds: Bound) -> Evaluator:
    """Return the evaluator of a quick run with bands on the learning curve."""
    judge = new_evaluator(folder, QUICK, *bounds)
    judge.bounds = replace(judge.bounds, curves={CASE.name: {CURVE: bands()}})
    return judge


@pytest.mark.parametrize(("shift", "outcome"), [(0.0, "pass"), (0.1, "fail")])
def test_bands_of_the_first_epochs_decide(
    tmp_path: Path, trials: FakeTrials, shift: float, outcome: Outcome
) -> None:
    """A loss like those that made the bands passes, and one far off fails, with two epochs run."""
    trials.make = partial(stopped, shift=shift)
    verdict = judge_of(tmp_path).verdict(CASE, CURVE)
    assert (verdict.outcome, verdict.epoch in (1, 2)) == (outcome, True)
    assert len(judge_of(tmp_path).records(CASE, 1)[0].epochs) == 2


def test_later_epochs_of_a_whole_trial_do_not_count(tmp_path: Path, trials: FakeTrials) -> None:
    """A stored whole trial that leaves its band in epoch 3 passes the quick tier."""

    def late(job: Job, listen: Listener) -> Record:
        whole = trial(job, listen)
        wrong = (replace(e, training_loss=9.0) if e.number > 2 else e for e in whole.epochs)
        return replace(whole, epochs=tuple(wrong))

    trials.make = late
    get(tmp_path, SPEC.whole)
    assert judge_of(tmp_path).verdict(CASE, CURVE).passed
    accept = new_evaluator(tmp_path)
    accept.bounds = judge_of(tmp_path).bounds
    assert accept.verdict(CASE, CURVE).outcome == "fail"


@pytest.mark.parametrize("drop", [0.01, 0.02])
def test_the_drop_is_judged(tmp_path: Path, trials: FakeTrials, drop: float) -> None:
    """The loss of a made-up trial falls by 0.01 from the first epoch to the second."""
    trials.make = stopped
    bound = make_band(drop, 0.004, sd=0.001, metric="drop_in_training_loss")
    assert judge_of(tmp_path, bound).verdict(CASE, bound.metric).passed == (drop == 0.01)


@pytest.mark.parametrize(
    "metric", ["test_accuracy", "test_loss", "training_accuracy", "epochs_to_target", "own_metric"]
)
def test_what_is_known_later_is_not_judged(tmp_path: Path, trials: FakeTrials, metric: str) -> None:
    """It says so, and asks for no trial."""
    verdict = judge_of(tmp_path).verdict(CASE, metric)
    assert (verdict.outcome, verdict.records, trials.ran) == ("not comparable", (), [])
    assert verdict.reason == "the quick tier, which stops after epoch 2, does not judge it"


def test_an_open_verdict_adds_quick_seeds(tmp_path: Path, trials: FakeTrials) -> None:
    """One diverged seed calls for others, each stopped like the first, until the case is clear."""

    def make(job: Job, listen: Listener) -> Record:
        if job.spec.seed:
            return stopped(job, listen)
        lost = trial(job, listen, outcome="diverged")
        return replace(lost, epochs=(replace(lost.epochs[0], training_loss=None),))

    trials.make = make
    verdict = judge_of(tmp_path).verdict(CASE, CURVE)
    told = [(job.spec.seed, job.spec.stop_after, job.spec.inference) for job in trials.ran]
    assert told == [(seed, 2, False) for seed in range(verdict.n)]
    assert (verdict.outcome, verdict.n > 1) == ("pass", True)


def test_nothing_is_timed() -> None:
    """A test of seconds asks for no forward pass, and for no machine of its own."""
    needs = [Need(case=CASE, timed=True), Need(case=CASE)]
    (planned,) = plan(needs, QUICK, {CASE.task: DATASET})[CASE.name]
    assert (planned.timed, planned.spec.inference, planned.spec.alone) == (False, False, False)


def test_header_tells_where_trials_stop(tmp_path: Path) -> None:
    """The tier's line has it, and that figures are not for publication."""
    told = "each trial stopped after epoch 2 of its recipe - figures are not for publication"
    line = f"tier: quick, 1 seed a case, up to 6 while a verdict is open, {told}"
    assert line in outline(judge_of(tmp_path))


def test_estimate_is_for_the_epochs_that_run() -> None:
    """Two epochs unscored, and what lies around them but the forward pass and the calibration."""
    record = make_record(case=CASE, epoch_seconds=[2.0] * 10)
    spent = {"train": 20.0, "evaluate": 2.0, "inference": 3.0, "calibration": 1.0}
    known = replace(record, seconds={**spent, "total": 36.0})
    side = {(CASE.name, "cpu"): [known]}
    quick = replace(known.spec, stop_after=2)
    assert Estimate(side, {}).seconds(quick) == pytest.approx(10 + 2 * 2.0)
    assert Estimate(side, {}).seconds(known.spec) == pytest.approx(36.0)


def test_quick_records_are_published_nowhere() -> None:
    """Not by the rule for tables, not as a reference, and not as a side of a comparison."""
    record = quick_record()
    assert (publishable(record), publishable(make_record(case=CASE))) == (False, True)
    with pytest.raises(ValueError, match="is a quick one, and no reference"):
        published(record, alone=True)
    assert facts_of([record]) == {}
    whole = make_record(case=CASE, started="2026-01-01T12:00:00+00:00")
    facts = facts_of([record, whole])[CASE.name]
    assert facts.records == (whole,)
    assert facts.notes == (f"{CASE.name}: left out: 1 stopped early, as in the quick tier",)


def test_a_whole_record_comes_before_a_quick_one() -> None:
    """A quick record of the seed that started later changes nothing; alone it is no result."""
    whole = make_record(case=CASE)
    later = quick_record(started="2026-04-01T12:00:00+00:00")
    assert one_per_seed([whole, later]) == trained([later, whole]) == [whole]
    assert (one_per_seed([later]), trained([later])) == ([later], [])


def test_the_table_is_marked() -> None:
    """It warns above, and has in the cells why there is no figure."""
    records = [quick_record()]
    found = rows([CASE], records, {}, {})
    text = summary(found, records)
    warning = "> **Not for publication**: single_conv_32 (stopped after epoch 2)."
    assert (warning in text, found[0].training_accuracy) == (True, None)
    assert "| stopped after epoch 2 |" in " ".join(text.split())


def test_suites_say_what_they_skip(
    run: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trials: FakeTrials
) -> None:
    """A line for what the tier does not judge, and one for what it does not time."""
    trials.make = stopped
    monkeypatch.setattr(plugin, "_dataset", lambda *_: DATASET)
    which = f"{CASE.name} and (test_loss or test_epoch_time)"
    done = run("-k", which, "-rs", tier="quick", results=tmp_path)
    assert done.parseoutcomes() == {"skipped": 2, "deselected": ANY}
    done.stdout.fnmatch_lines_random(
        [
            "*test_loss: not comparable: the quick tier, which stops after epoch 2, does not*",
            "*single_conv_32: nothing is timed in the quick tier*",
        ],
    )
