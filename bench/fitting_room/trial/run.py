"""One trial from its spec to its record; runs in the child process."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from fitting_room import data
from fitting_room.job import best_file
from fitting_room.machine import calibration_seconds
from fitting_room.record import Epoch, PartialRecord, Resolved, pack_classes
from fitting_room.spec import TrialSpec
from fitting_room.training.callbacks import EpochClock
from fitting_room.trial import fit, tuned, watched
from fitting_room.trial.callbacks import EpochLog, StopAtAccuracy, finite
from fitting_room.trial.logs import logged, write_score
from fitting_room.trial.measure import measure_inference, size
from fitting_room.trial.probe import threads
from fitting_room.trial.score import BATCH_SIZE, confidence, score

Test = tuple[np.ndarray, np.ndarray]
"""The test images as the model sees them, shape (n, 28, 28, 1), float32, and their labels, (n,)."""


def run(
    spec: TrialSpec,
    measured: PartialRecord,
    tell: Callable[[Epoch], None],
    keep: Path | None = None,
    log: Path | None = None,
) -> None:
    """Train and measure as ``spec`` says; put all that is found into ``measured`` as it comes.

    The trained model is saved as ``keep``, and the best one of a recipe that wants it beside it;
    what TensorBoard shows is written into the folder ``log``.
    """
    seconds = measured.seconds
    recipe = spec.case.recipe
    with phase(seconds, "load"):
        training, held_out, test = _load(spec)
    steps = -(-len(training.labels) // recipe.batch_size)
    with phase(seconds, "build"):
        model, trained = _build(spec, steps)
    measured.size = size(model)
    measured.resolved = _resolved(model, steps)
    if spec.epochs:
        with tempfile.TemporaryDirectory() as scratch:
            best = best_file(keep or Path(scratch, "model.keras"))
            watch = watched.watch(recipe, model, held_out, best) if recipe.watched else None
            train = watch.train if watch else fit.train
            train = logged(train, log, spec, measured) if log else train
            _train(spec, trained, training, train, test, measured, tell)
        measured.callbacks = watch.told() if watch else None
        if log:
            write_score(log, measured)
    if spec.inference:
        with phase(seconds, "inference"):
            measured.inference = measure_inference(model, test[0], alone=spec.alone)
    if spec.alone:
        with phase(seconds, "calibration"):
            measured.calibration_seconds = calibration_seconds()
    if keep and measured.test_accuracy is not None:
        _save(model, keep)


def _load(spec: TrialSpec) -> tuple[fit.TrainingImages, fit.TrainingImages | None, Test]:
    """Return what is trained on, what the recipe holds out of it, and the test images."""
    recipe = spec.case.recipe
    arrays = data.load(spec.dataset)
    images, labels = arrays.train_images, arrays.train_labels
    training = fit.training_images(images, labels, recipe, seed=spec.seed)
    test = fit.prepare(arrays.test_images, recipe), np.asarray(arrays.test_labels)
    return (*watched.split(training, recipe), test) if recipe.watched else (training, None, test)


def _build(spec: TrialSpec, steps: int) -> tuple[Any, Any]:
    """Return the model, and what is trained: itself, or what a tuned recipe puts around it."""
    case, seed = spec.case, spec.seed
    if case.recipe.tuned:
        return tuned.build(
            case.builder, case.arguments, case.recipe, seed=seed, steps=steps, epochs=spec.epochs
        )
    model = fit.build(case.builder, case.arguments, case.recipe, seed=seed, steps=steps)
    return model, model


def _resolved(model: Any, steps: int) -> Resolved:
    return Resolved(
        jit_compile=bool(model.jit_compile),
        precision=model.dtype_policy.name,
        threads=threads(),
        steps_per_epoch=steps,
    )


def _train(
    spec: TrialSpec,
    model: Any,
    training: fit.TrainingImages,
    train: Callable[..., None],
    test: Test,
    measured: PartialRecord,
    tell: Callable[[Epoch], None],
) -> None:
    clock = EpochClock()
    scorer = (lambda: score(model, *test)) if spec.evaluate_each_epoch else None

    def keep(epoch: Epoch) -> None:
        measured.epochs = (*measured.epochs, epoch)
        tell(epoch)

    log = EpochLog(clock, score=scorer, tell=keep, give_up=spec.leaves)
    recipe = spec.case.recipe
    stop = [StopAtAccuracy(recipe.stop_at_accuracy)] if recipe.stop_at_accuracy else []
    seconds = measured.seconds
    if spec.order_seed is not None:
        keras.utils.set_random_seed(spec.order_seed)
    with phase(seconds, "fit_overhead"):
        train(model, training, recipe, epochs=spec.epochs, callbacks=[clock, log, *stop])
    epochs = measured.epochs
    seconds["train"] = sum(epoch.seconds for epoch in epochs)
    seconds["evaluate"] = sum(epoch.evaluate_seconds for epoch in epochs)
    seconds["fit_overhead"] -= seconds["train"] + seconds["evaluate"]
    loss = epochs[-1].training_loss
    if loss is None or spec.leaves(len(epochs), loss):
        return  # there is nothing worth scoring
    with phase(seconds, "evaluate"):
        # An average of weights takes their place when `fit` ends: after the last epoch's score.
        known = None if recipe.weight_average else log.last_score
        final = known or score(model, *test)
        measured.test_accuracy = final.accuracy
        measured.test_loss = finite(final.loss)
        measured.predictions = pack_classes(final.classes)
        probabilities = model.predict(test[0], batch_size=BATCH_SIZE, verbose=0)
        measured.confidence = confidence(np.asarray(probabilities, np.float64), test[1])


def _save(model: Any, file: Path) -> None:
    """Save it whole or, as on a full disk, not at all: the parent misses the file, and says so."""
    try:
        model.save(file)
    except OSError:
        file.unlink(missing_ok=True)


@contextmanager
def phase(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add the wall time of the block to ``seconds[name]``, also when it raises."""
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began
