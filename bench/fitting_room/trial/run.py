"""One trial from its spec to its record; runs in the child process."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from fitting_room import data
from fitting_room.errors import UserError
from fitting_room.machine import calibration_seconds, other_cores, usage
from fitting_room.record import Epoch, PartialRecord, Resolved, best_file
from fitting_room.spec import AUGMENTATION, TASKS, Case, TrialSpec
from fitting_room.training.callbacks import EpochClock
from fitting_room.trial import fit, measure
from fitting_room.trial.fit import Logs
from fitting_room.trial.measure import (
    TrainingImages,
    check_probabilities,
    finite,
    keep_score,
    phase,
)
from fitting_room.trial.probe import threads

Tell = Callable[[Epoch], None]
Test = tuple[np.ndarray, np.ndarray]
"""The test images as the model sees them, float32, and their labels, shape (n,)."""


def run(
    spec: TrialSpec,
    measured: PartialRecord,
    tell: Tell,
    keep: Path | None = None,
    log: Path | None = None,
    metrics: Mapping[str, str] = {},
) -> None:
    """Train and measure as ``spec`` says; put all that is found into ``measured`` as it comes.

    The trained model is saved as ``keep``, and the best one of a recipe that wants it beside it.
    What TensorBoard shows is written into ``log``. ``metrics`` has the name → ``module:function``.
    """
    seconds, recipe = measured.seconds, spec.case.recipe
    with phase(seconds, "load"):
        training, held_out, test = _load(spec)
    steps = -(-len(training.labels) // recipe.batch_size)
    with phase(seconds, "build"):
        model, trained = _build(spec, steps, test[0].shape[1:])
        check_model(model, spec.case, test[0].shape[1:])
    measured.size = measure.size(model)
    measured.resolved = _resolved(model, steps)
    if spec.epochs:
        with tempfile.TemporaryDirectory() as scratch:
            best = best_file(keep or Path(scratch, "model.keras"))
            watch = fit.watch(recipe, model, held_out, best) if recipe.watched else None
            train = watch.train if watch else fit.train
            told = EpochLog(spec, trained, test, measured, tell)
            _train(told, training, train, log, metrics)
        measured.callbacks = watch.told() if watch else None
    if spec.inference:
        with phase(seconds, "inference"):
            measured.inference = measure.measure_inference(
                model.predict_on_batch, test[0], alone=spec.alone
            )
    if spec.alone:
        with phase(seconds, "calibration"):
            measured.calibration_seconds = calibration_seconds()
    if keep and measured.test_accuracy is not None:
        measure.save_whole(model.save, keep)


def _load(spec: TrialSpec) -> tuple[TrainingImages, TrainingImages | None, Test]:
    """Return what is trained on, what the recipe holds out of it, and the test images."""
    arrays, recipe = data.load(spec.dataset), spec.case.recipe
    training, test_images = measure.trial_images(arrays, recipe, spec.seed)
    test = test_images, np.asarray(arrays.test_labels)
    return (*measure.split(training, recipe), test) if recipe.watched else (training, None, test)


def check_model(model: Any, case: Case, shape: tuple[int, ...]) -> None:
    """Refuse a model that takes something else than images of a shape, or answers something else.

    Its last layer alone is looked at here; what it really answers is checked when it is scored.

    Raises:
        UserError: It does.
    """
    task, name = TASKS[case.task], f"The model of {case.name}"
    takes, gives = (getattr(model, f"{end}_shape", None) for end in ("input", "output"))
    known = isinstance(takes, tuple) and len(takes) == 1 + len(shape)
    if takes and not (known and all(a in (None, b) for a, b in zip(takes[1:], shape, strict=True))):
        raise UserError(
            f"{name} takes inputs of shape {takes[1:]}, and {task.title} has {shape}. Let "
            f"{case.builder} begin with keras.Input({shape})."
        )
    end = f'layers.Dense({len(task.classes)}, activation="softmax")'
    if gives and gives[1:] != (len(task.classes),):
        raise UserError(
            f"{name} answers with the shape {gives[1:]}, and {task.title} has "
            f"{len(task.classes)} classes. Let {case.builder} end with {end}."
        )
    if getattr(model.layers[-1], "activation", None) is keras.activations.linear:
        raise UserError(
            f"{name} answers with logits: its last layer has no activation, and a trial is scored "
            f"by probabilities. Let {case.builder} end with {end}."
        )


def _build(spec: TrialSpec, steps: int, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Return the model, and what is trained: itself, or what a tuned recipe puts around it."""
    case, known = spec.case, {"seed": spec.seed, "steps": steps}
    if len(shape) == 1 and (augmented := sorted(AUGMENTATION & case.recipe.changed)):
        raise UserError(
            f"{case.name}: its recipe has {', '.join(augmented)}, which change images, and "
            f"{TASKS[case.task].title} has feature vectors. Take that out."
        )
    if case.recipe.tuned:
        return fit.build_tuned(
            case.builder, case.arguments, case.recipe, epochs=spec.epochs, **known
        )
    model = fit.build(case.builder, case.arguments, case.recipe, **known)
    return model, model


def _resolved(model: Any, steps: int) -> Resolved:
    return Resolved(
        jit_compile=bool(model.jit_compile),
        precision=model.dtype_policy.name,
        threads=threads(),
        steps_per_epoch=steps,
    )


@contextmanager
def untuned() -> Iterator[None]:
    """Let TensorFlow feed a model without tuning how it does; the batches are the same.

    Its tuner sleeps, up to 5 s at once in an epoch of 15 s, and the end of an epoch waits for it.
    Keras has no argument for that, but asks for its options by this name.
    """
    if keras.config.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    made = tf.data.Options

    def options() -> Any:
        found = made()
        found.autotune.enabled = False
        return found

    tf.data.Options = options
    try:
        yield
    finally:
        tf.data.Options = made


class Remembering:
    """Predicts as a model does, and keeps the last answer, so that nobody need ask twice."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.answer: Any = None

    def predict(self, *given: Any, **options: Any) -> Any:
        """Return what the model predicts."""
        self.answer = self._model.predict(*given, **options)
        return self.answer


class EpochLog(keras.callbacks.Callback):
    """Measures each epoch: after the clock, it scores the model if asked to, and tells."""

    def __init__(
        self,
        spec: TrialSpec,
        trained: Any,
        test: Test,
        measured: PartialRecord,
        tell: Tell,
        clock: EpochClock | None = None,
    ) -> None:
        super().__init__()
        self.spec, self.trained, self.test, self.measured = spec, trained, test, measured
        self.clock = clock or EpochClock()
        self.asked = Remembering(trained)
        self._tell, self._before = tell, usage()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Remember what the machine had done by then."""
        self._before = usage()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Append what the epoch gave; stop where its loss is not finite, or as its spec says."""
        value = {name: finite(number) for name, number in (logs or {}).items()}
        loss = value.get("loss")
        measured = Epoch(
            number=epoch + 1,
            seconds=self.clock.seconds,
            cpu_seconds=self.clock.cpu_seconds,
            other_cores=other_cores(self._before, usage()),
            training_accuracy=value.get("accuracy"),
            training_loss=loss,
            validation_accuracy=value.get("val_accuracy"),
            validation_loss=value.get("val_loss"),
        )
        if loss is None or self.spec.ends(epoch + 1, loss):
            self.model.stop_training = True
        elif self.spec.scores_epochs:
            measured = self._scored(measured)
        self.measured.epochs = (*self.measured.epochs, measured)
        self._tell(measured)

    def _scored(self, epoch: Epoch) -> Epoch:
        began = time.perf_counter()
        found = measure.score(self.asked, *self.test)
        return dataclasses.replace(
            epoch,
            test_accuracy=found.accuracy,
            test_loss=finite(found.loss),
            evaluate_seconds=time.perf_counter() - began,
        )


def _train(
    log: EpochLog,
    training: TrainingImages,
    train: Callable[..., None],
    folder: Path | None,
    metrics: Mapping[str, str],
) -> None:
    """Train and, unless its loss or its spec ended it early, score what was trained."""
    spec, measured, recipe = log.spec, log.measured, log.spec.case.recipe
    seconds = measured.seconds
    stop = [fit.StopAtAccuracy(recipe.stop_at_accuracy)] if recipe.stop_at_accuracy else []
    logs = log_callbacks(folder, spec, measured) if folder else []
    if spec.order_seed is not None:
        keras.utils.set_random_seed(spec.order_seed)
    with phase(seconds, "fit_overhead"), untuned():
        callbacks = [log.clock, log, *stop, *logs]
        train(log.trained, training, recipe, epochs=spec.epochs, callbacks=callbacks)
    epochs = measured.epochs
    seconds["train"] = sum(epoch.seconds for epoch in epochs)
    seconds["evaluate"] = sum(epoch.evaluate_seconds for epoch in epochs)
    seconds["fit_overhead"] -= seconds["train"] + seconds["evaluate"]
    loss = epochs[-1].training_loss
    if loss is None or spec.stop_after or spec.leaves(len(epochs), loss):
        return
    with phase(seconds, "evaluate"):
        images, labels = log.test
        # An average of weights takes their place when `fit` ends: after the last epoch's score.
        if recipe.weight_average or log.asked.answer is None:
            with untuned():
                log.asked.predict(images, batch_size=measure.BATCH_SIZE, verbose=0)
        probabilities = log.asked.answer
        check_probabilities(np.asarray(probabilities))
        keep_score(measured, probabilities, labels, metrics=metrics)


# A trial in TensorBoard. It shares its machine with the writing, so its times are not kept.


class TrialLogs(keras.callbacks.TensorBoard):
    """Keras' own callback, told the figures of the test images too.

    They never join the logs of ``fit``, where a recipe's callbacks could learn from them.
    """

    def __init__(self, folder: Path, measured: PartialRecord) -> None:
        super().__init__(log_dir=folder, histogram_freq=1)
        self._measured = measured

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write weights, and the figures of the epoch that is the last one measured."""
        last = self._measured.epochs[-1]
        figures = {"test_accuracy": last.test_accuracy, "test_loss": last.test_loss}
        known = {name: value for name, value in figures.items() if value is not None}
        super().on_epoch_end(epoch, {**(logs or {}), **known})


def log_callbacks(folder: Path, spec: TrialSpec, measured: PartialRecord) -> list[Any]:
    """Return what writes a trial's curves, weights and settings as one run of TensorBoard.

    HParams stand where Keras writes what is trained.
    """
    from tensorboard.plugins.hparams import api  # loads TensorFlow, whatever the backend

    name = f"{folder.parent.name}/{folder.name}"
    told = api.KerasCallback(str(folder / "train"), hyperparameters(spec), trial_id=name)
    return [TrialLogs(folder, measured), told]


def hyperparameters(spec: TrialSpec) -> dict[str, bool | int | float | str]:
    """Return every setting of a trial by name; those left to a library are not among them."""
    case = spec.case
    found: dict[str, Any] = {
        "task": case.task,
        "architecture": case.architecture,
        "seed": spec.seed,
        "data": "sample" if spec.dataset.sample else "whole",
        "backend": spec.backend,
        "device": spec.device,
        **dataclasses.asdict(case.recipe),
        "epochs": spec.epochs,
        **case.arguments,
    }
    return {
        name: value if isinstance(value, bool | int | float | str) else str(value)
        for name, value in found.items()
        if value is not None
    }
