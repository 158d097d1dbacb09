"""Trials whose recipe names callbacks: what each did, and what is left of it."""

from __future__ import annotations

import io
import tempfile
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trials import small

from bench.cases import CASES
from fitting_room import data
from fitting_room.lab.scheduler import job_of
from fitting_room.record import Record
from fitting_room.spec import TrialSpec
from fitting_room.store.key import TRAINING_PATH, training_path


def watching(**recipe: Any) -> TrialSpec:
    """Return the spec of a small trial that holds out a tenth of the training images."""
    spec = small(epochs=8)
    recipe = {"validation_fraction": 0.1, **recipe}
    return replace(spec, case=replace(spec.case, recipe=replace(spec.case.recipe, **recipe)))


@cache
def answer(**recipe: Any) -> tuple[Record, Path]:
    """Run such a trial as its process does; return its record, and where its model is."""
    from fitting_room.trial.__main__ import _record

    keep = Path(tempfile.mkdtemp()) / "model.keras"
    job = replace(job_of(watching(**recipe)), keep=str(keep))
    with warnings.catch_warnings():
        # Keras' own ReduceLROnPlateau turns a variable into an array as NumPy 2 deprecates.
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        return _record(job, {"start": 0.0}, io.BytesIO(), 0.0), keep


def scored(file: Path) -> tuple[float, float]:
    """Return accuracy and loss of a saved model on the test images."""
    import keras

    from fitting_room.trial.fit import prepare
    from fitting_room.trial.score import score

    spec = small()
    arrays = data.load(spec.dataset)
    images = prepare(arrays.test_images, spec.case.recipe)
    found = score(keras.models.load_model(file), images, np.asarray(arrays.test_labels))
    return found.accuracy, found.loss


def three() -> tuple[Record, Path]:
    """Train with all three callbacks: a large rate overfits the few images after an epoch or so."""
    return answer(
        learning_rate=0.02, keep_best=True, plateau_factor=0.5, plateau_patience=1,
        stop_metric="accuracy", stop_threshold=0.9, stop_patience=3,
    )  # fmt: skip


@pytest.mark.keras
def test_the_record_says_what_each_callback_did() -> None:
    """Stopped where the metric had held on, best where its loss is lowest, rates step by step."""
    record, _ = three()
    assert record.callbacks
    accuracies = [epoch.training_accuracy or 0 for epoch in record.epochs]
    losses = [epoch.validation_loss or 0 for epoch in record.epochs]
    assert record.callbacks.stopped_epoch == len(record.epochs) < 8
    assert [accuracy >= 0.9 for accuracy in accuracies[-4:]] == [True] * 4
    assert accuracies[-5] < 0.9
    assert record.callbacks.best_epoch == 1 + int(np.argmin(losses)) < len(losses)
    rates = record.callbacks.learning_rates
    assert (len(rates), rates[0]) == (len(losses), pytest.approx(0.02))
    assert rates[-1] <= rates[0] / 2
    assert record.reason == f"reached its threshold after epoch {len(record.epochs)}"


@pytest.mark.keras
def test_a_checkpoint_scores_what_was_recorded() -> None:
    """The best model, loaded back, has the figures of its epoch to the last bit, the last its."""
    record, keep = three()
    assert record.callbacks and record.callbacks.best_epoch
    best = record.epochs[record.callbacks.best_epoch - 1]
    assert scored(keep.with_name("model-best.keras")) == (best.test_accuracy, best.test_loss)
    assert scored(keep) == (record.test_accuracy, record.test_loss)
    assert best.test_loss != record.test_loss


@pytest.mark.keras
def test_a_checkpoint_of_a_tuned_recipe_scores_what_was_recorded() -> None:
    """What moves the training images is no part of the model that is kept as the best."""
    record, keep = answer(learning_rate=0.02, keep_best=True, shift_pixels=1.0)
    assert record.spec.case.recipe.tuned
    assert record.callbacks and record.callbacks.best_epoch
    best = record.epochs[record.callbacks.best_epoch - 1]
    assert scored(keep.with_name("model-best.keras")) == (best.test_accuracy, best.test_loss)
    assert best.test_loss != record.test_loss


@pytest.mark.keras
def test_held_out_images_are_not_trained_on() -> None:
    """A tenth of 1,000 leaves 900, in order; what is held out keeps its labels."""
    from fitting_room.trial.fit import TrainingImages
    from fitting_room.trial.watched import split

    whole = TrainingImages(images=np.zeros((1000, 1, 1, 1)), labels=np.arange(1000))
    kept, held_out = split(whole, watching().case.recipe)
    assert held_out is not None
    assert np.array_equal(np.concatenate([kept.labels, held_out.labels]), whole.labels)
    assert (len(kept.images), len(held_out.images)) == (900, 100)


def test_only_a_recipe_with_callbacks_is_trained_by_their_code() -> None:
    """The numbers of all others do not depend on it."""
    plain = CASES["mnist-dense_128"]
    assert training_path(plain) == TRAINING_PATH
    assert len(training_path(watching().case)) == len(TRAINING_PATH) + 2
    keys = {job_of(watching(stop_patience=n)).key for n in (0, 1)}
    assert len(keys) == 2
