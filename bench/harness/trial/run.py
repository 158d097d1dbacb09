"""One trial from its spec to its record; runs in the child process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from bench.harness import data
from bench.harness.machine import usable_cores
from bench.harness.record import Epoch, Resolved, pack_classes
from bench.harness.spec import TrialSpec
from bench.harness.trial import fit, tuned
from bench.harness.trial.calibration import calibration_seconds
from bench.harness.trial.callbacks import EpochClock, EpochLog, StopAtAccuracy, finite
from bench.harness.trial.confidence import confidence
from bench.harness.trial.flops import size
from bench.harness.trial.inference import measure_inference
from bench.harness.trial.score import BATCH_SIZE, score

Measured = dict[str, Any]
"""Fields of the record, filled as they become known, so that a trial cut short keeps them."""


def run(spec: TrialSpec, measured: Measured, tell: Callable[[Epoch], None]) -> None:
    """Train and measure as ``spec`` says; put every field of the record into ``measured``."""
    seconds: dict[str, float] = measured["seconds"]
    recipe = spec.case.recipe
    with phase(seconds, "load"):
        arrays = data.load(spec.dataset)
        training = fit.training_images(
            arrays.train_images, arrays.train_labels, recipe, seed=spec.seed
        )
        test_images = fit.prepare(arrays.test_images, recipe)
    steps = -(-len(training.labels) // recipe.batch_size)
    with phase(seconds, "build"):
        model, trained = _build(spec, steps)
    measured["size"] = size(model)
    measured["resolved"] = Resolved(
        jit_compile=bool(model.jit_compile),
        precision=recipe.precision,
        threads=usable_cores(),
        steps_per_epoch=steps,
    )
    if spec.epochs:
        test = (test_images, np.asarray(arrays.test_labels))
        _train(spec, trained, training, test, measured, tell)
    with phase(seconds, "inference"):
        measured["inference"] = measure_inference(model, test_images)
    if spec.alone:
        with phase(seconds, "calibration"):
            measured["calibration_seconds"] = calibration_seconds()


def _build(spec: TrialSpec, steps: int) -> tuple[Any, Any]:
    """Return the model, and what is trained: itself, or what a tuned recipe puts around it."""
    case, seed = spec.case, spec.seed
    if case.recipe.tuned:
        return tuned.build(
            case.builder, case.arguments, case.recipe, seed=seed, steps=steps, epochs=spec.epochs
        )
    model = fit.build(case.builder, case.arguments, case.recipe, seed=seed, steps=steps)
    return model, model


def _train(
    spec: TrialSpec,
    model: Any,
    training: fit.TrainingImages,
    test: tuple[np.ndarray, np.ndarray],
    measured: Measured,
    tell: Callable[[Epoch], None],
) -> None:
    clock = EpochClock()
    scorer = (lambda: score(model, *test)) if spec.evaluate_each_epoch else None

    def keep(epoch: Epoch) -> None:
        measured["epochs"] = (*measured["epochs"], epoch)
        tell(epoch)

    log = EpochLog(clock, score=scorer, tell=keep, give_up=spec.leaves)
    recipe = spec.case.recipe
    stop = [StopAtAccuracy(recipe.stop_at_accuracy)] if recipe.stop_at_accuracy else []
    seconds: dict[str, float] = measured["seconds"]
    if spec.order_seed is not None:
        keras.utils.set_random_seed(spec.order_seed)
    with phase(seconds, "fit_overhead"):
        fit.train(model, training, recipe, epochs=spec.epochs, callbacks=[clock, log, *stop])
    epochs: tuple[Epoch, ...] = measured["epochs"]
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
        measured["test_accuracy"] = final.accuracy
        measured["test_loss"] = finite(final.loss)
        measured["predictions"] = pack_classes(final.classes)
        probabilities = model.predict(test[0], batch_size=BATCH_SIZE, verbose=0)
        measured["confidence"] = confidence(np.asarray(probabilities, np.float64), test[1])


@contextmanager
def phase(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add the wall time of the block to ``seconds[name]``, also when it raises."""
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began
