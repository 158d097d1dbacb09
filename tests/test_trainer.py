"""Own trainers: what becomes of what they tell, and how lies and failures end."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cluster_world import until
from imports import ROOT
from trials import small

from fitting_room import data
from fitting_room.errors import UserError
from fitting_room.lab.probe import look
from fitting_room.lab.process import run_trial
from fitting_room.lab.scheduler import job_of, saves_model
from fitting_room.metrics import Metric
from fitting_room.record import PartialRecord, Record, unpack_classes
from fitting_room.report.model import card
from fitting_room.spec import TrialSpec
from fitting_room.store.digest import Sources
from fitting_room.store.key import provenance, training_path
from fitting_room.store.records import Models
from fitting_room.trial.trainer import Report

ROWS = 8
EVEN = np.full((ROWS, 10), 0.1)


def spec_of(trainer: str, *, epochs: int = 2, **changes: Any) -> TrialSpec:
    """Return the spec of a small trial that an own trainer runs."""
    spec = small(epochs=epochs, **changes)
    builder = "tests.own_trainers:nothing"
    return replace(spec, case=replace(spec.case, builder=builder, trainer=trainer))


def answer(name: str, **changes: Any) -> Record:
    """Run a trial by a trainer of ``own_trainers``, in a process of its own."""
    return run_trial(job_of(spec_of(f"tests.own_trainers:{name}", **changes)))


def test_what_a_trainer_tells_is_on_record() -> None:
    """Epochs, metrics, parameters and scores of each epoch; Keras is not even loaded."""
    record = answer("honest")
    assert (record.outcome, record.reason) == ("completed", "trained for 2 epochs")
    assert [epoch.training_loss for epoch in record.epochs] == [1.0, 0.5]
    assert [epoch.test_accuracy for epoch in record.epochs] == [record.test_accuracy] * 2
    assert record.metrics == {"loads_keras": 0.0, "pixels": 784.0}
    assert record.inference and record.inference.batch_size == 500
    assert [epoch.metrics for epoch in record.epochs] == [{"margin": 0.25}, {"margin": 0.5}]
    assert Metric(name="margin", per_epoch=True)(record) == 0.5
    assert record.size and record.size.parameters == 9
    assert record.test_loss == pytest.approx(math.log(10), abs=1e-6)
    assert record.confidence and record.confidence.first[0] == (0.1,) * 10
    assert set(record.seconds) >= {"import", "load", "train", "evaluate", "inference", "total"}


def test_probabilities_will_do_where_nothing_is_to_be_timed() -> None:
    """They are scored alike, and there is no function whose seconds could be taken."""
    record = answer("brief")
    assert record.test_loss == pytest.approx(math.log(10), abs=1e-6)
    assert record.inference is None


@pytest.mark.parametrize("trainer", ["tests.own_trainers:honest", "bench.docs.pytorch_loop:train"])
def test_a_model_that_a_trainer_saves_is_asked_by_its_own_code(
    trainer: str, tmp_path: Path
) -> None:
    """What ``load_model`` returns predicts what the record has; its card names it, and no Keras."""
    if "torch" in trainer and importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    spec, models = spec_of(trainer, arguments={"units": 8}), Models(tmp_path, card)
    with models.part(spec) as part:
        record = run_trial(replace(job_of(spec), keep=str(part)))
        kept = models.put(record, part)
    found = look(kept.file, spec, data.load(spec.dataset).test_images[:50])
    answers = unpack_classes(record.predictions or "")[:50]
    assert found.probabilities.argmax(axis=1).tolist() == answers.tolist()
    text = kept.file.with_suffix(".md").read_text("utf-8")
    assert f"from {trainer.partition(':')[0]} import load_model" in text
    assert f'predict = load_model(Path("{kept.file.name}"))' in text
    assert kept.file.suffix == ".model"
    assert "keras" not in text


def test_a_trainer_without_a_loader_saves_no_model() -> None:
    """Its module is read, and not imported."""
    names = ("bench.docs.pytorch_loop:train", "bench.docs.scikit_learn:train")
    assert [saves_model(spec_of(name).case, ROOT) for name in names] == [True, False]


@pytest.mark.parametrize(
    ("module", "package", "arguments", "epochs"),
    [
        ("pytorch_loop", "torch", {"units": 32}, 5),
        ("jax_loop", "jax", {"units": 32}, 5),
        ("scikit_learn", "sklearn", {"C": 0.1}, 1),
    ],
)
def test_examples_learn_and_are_scored_like_keras(
    module: str, package: str, arguments: dict[str, Any], epochs: int
) -> None:
    """More than half of the sample's test images are right, by the predictions that are kept."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    spec = spec_of(f"bench.docs.{module}:train", epochs=epochs, learning_rate=0.01)
    spec = replace(spec, case=replace(spec.case, arguments=arguments))
    record = run_trial(job_of(spec))
    assert (record.outcome, len(record.epochs)) == ("completed", epochs), record.reason
    truth = data.load(spec.dataset).test_labels
    assert record.predictions and record.size and record.test_loss
    assert record.test_accuracy == np.mean(unpack_classes(record.predictions) == truth) > 0.5
    losses = [epoch.training_loss or 0 for epoch in record.epochs]
    assert losses == sorted(losses, reverse=True)


def test_a_trainer_leaves_no_process_behind(tmp_path: Path) -> None:
    """Megabytes of output and a fork that goes on change nothing; its processes are killed."""
    file = tmp_path / "pid"
    record = answer("unruly", arguments={"file": str(file)})
    assert (record.outcome, len(record.epochs)) == ("completed", 2)
    state = Path("/proc") / file.read_text() / "stat"
    assert until(lambda: not state.exists() or ") Z" in state.read_text(), patience_s=10)


@pytest.mark.parametrize(
    ("name", "outcome", "reason"),
    [
        ("hanging", "timed out", "still running after its time limit of 2 s"),
        ("diverging", "diverged", "the training loss was no finite number in epoch 1"),
        ("leaving", "crashed", "tests.own_trainers:leaving: it called exit(0)"),
        ("missing", "crashed", "tests.own_trainers has no function 'missing'"),
        ("enormous", "crashed", "no record can hold what it told: Expected `float` <= 3.5e+38"),
        ("vanishing", "crashed", "its process ended with status 0: it said nothing"),
        ("deaf", "diverged", "the training loss was no finite number in epoch 1"),
        ("scribbling", "crashed", "its process answered what is no message"),
        ("stubborn", "timed out", "still running after its time limit of 2 s"),
        ("orphaning", "crashed", "its process was killed by SIGKILL"),
    ],
)
def test_a_failure_says_what_it_was(
    name: str, outcome: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its record is no result, and the wait for it has an end."""
    monkeypatch.setattr("fitting_room.lab.process.GRACE_S", 1.0)
    limit = 2.0 if name in ("hanging", "stubborn") else None
    spec = spec_of(f"tests.own_trainers:{name}", time_limit_s=limit)
    job = replace(job_of(spec_of("tests.own_trainers:honest")), spec=spec)
    record = run_trial(job)
    assert record.outcome == outcome
    assert reason in record.reason


def three_epochs(report: Report) -> None:
    """Tell one epoch more than was asked for."""
    for number in (1, 2, 3):
        report.epoch(number, loss=1.0)


def too_late(report: Report) -> None:
    """Train on after the predictions, which would then be of an epoch before the last."""
    report.epoch(1, loss=1.0)
    report.predictions(EVEN)
    report.epoch(2, loss=0.5)


def twice(report: Report) -> None:
    """Hand over predictions two times."""
    report.predictions(EVEN)
    report.predictions(EVEN)


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (lambda report: report.epoch(2, loss=1.0), "epoch 2 where epoch 1 was due"),
        (three_epochs, "epoch 3, and was asked for 2"),
        (too_late, "epoch 2 after its predictions"),
        (lambda report: report.epoch(1, loss=1.0, accuracy=97), "a fraction, not 97"),
        (lambda report: report.epoch(1, loss=1.0, seconds=60), "60 s as it says"),
        (lambda report: report.metric("test_loss", 1.0), "'test_loss' is measured here"),
        (lambda report: report.metric("f1", math.nan), "'f1' must be a finite number"),
        (lambda report: report.parameters(-1), "no -1 parameters"),
        (lambda report: report.predictions(EVEN[1:]), "8 rows, not the shape (7, 10)"),
        (lambda report: report.predictions(EVEN * 2), "image 0 sum to 2, and 8 of 8 images"),
        (lambda report: report.predictions(EVEN * math.nan), "image 0 are not finite"),
        (lambda report: report.predictions(-EVEN), "image 0 are negative"),
        (lambda report: report.predictions(EVEN[:, 0]), "not float64 of shape (8,)"),
        (lambda report: report.predictions(np.full(ROWS, 10)), "0 to 9, not 10"),
        (lambda report: report.predictions([[1], [1, 2]]), "predictions are no NumPy array"),
        (twice, "handed over predictions twice"),
        (lambda report: report.finish(), "told no epoch"),
        (lambda report: report.epoch(1, loss=1.0) or report.finish(), "no predictions: call"),
    ],
)
def test_a_lie_is_refused(lie: Callable[[Report], None], said: str) -> None:
    """The message says what was told, and what can be true."""
    report = Report(small(epochs=2), PartialRecord(), (EVEN, np.zeros(ROWS, int)), lambda _: None)
    with pytest.raises(UserError) as refused:
        lie(report)
    assert said in str(refused.value)


def test_class_numbers_are_enough_for_an_accuracy() -> None:
    """Then there is neither a loss nor a confidence."""
    measured = PartialRecord()
    report = Report(small(), measured, (EVEN, np.arange(ROWS)), lambda _: None)
    report.predictions(np.array([0, 1, 2, 3, 0, 0, 0, 0]))
    assert (measured.test_accuracy, measured.test_loss, measured.confidence) == (0.5, None, None)


def test_digest_and_versions_are_those_of_the_trainer() -> None:
    """Each trainer has its own, and Keras' path and version have no part in it."""
    names = ("honest", "hanging")
    paths = [training_path(spec_of(f"tests.own_trainers:{name}").case) for name in names]
    digests = {Sources(ROOT).digest(path) for path in paths}
    assert len(digests) == 2
    origin = provenance(spec_of("tests.own_trainers:honest"), root=ROOT)
    assert set(origin.versions) == {"python", "numpy"}


@pytest.mark.parametrize(("trainer", "said"), [("mine", "module:function"), ("a:b", "callbacks")])
def test_a_case_refuses_what_cannot_be_trained(trainer: str, said: str) -> None:
    """A trainer is named whole, and callbacks of Keras are nothing to it."""
    case = small().case
    with pytest.raises(ValueError, match=said):
        recipe = replace(case.recipe, validation_fraction=0.1 if trainer == "a:b" else 0.0)
        replace(case, trainer=trainer, recipe=recipe)


def test_a_trainer_that_is_not_there_is_told_before_anything_runs() -> None:
    """The message names the case and its trainer."""
    with pytest.raises(UserError, match=r"trainer of .*, 'tests\.none:train'"):
        provenance(spec_of("tests.none:train"), root=ROOT)
