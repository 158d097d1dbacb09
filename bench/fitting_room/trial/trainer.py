"""Own trainers: what a function that trains is given, what it tells, and what is made of it.

A case names one as ``module:function``. It is called as ``train(job, data, report)`` and trains as
it likes; Keras' ``fit`` in ``run.py`` is what trains a case that names none::

    def train(job: TrialSpec, data: Data, report: Report) -> None:
        model = ...  # by job.seed, job.case.recipe and job.case.arguments
        for number in range(1, job.epochs + 1):
            ...  # learn from data.images and data.labels
            report.epoch(number, loss=..., accuracy=...)
        report.predictions(predict)  # a function from images to the probabilities of each class

The labels of the test images stay here: accuracy, loss and confidence are computed by the code that
scores Keras' models. What a trainer gets wrong is a ``UserError``, and its trial has crashed.
"""

from __future__ import annotations

import importlib
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from fitting_room import data as data_sets
from fitting_room.errors import UserError
from fitting_room.machine import calibration_seconds, other_cores, usage
from fitting_room.metrics import BUILT_IN
from fitting_room.record import Epoch, Figure, PartialRecord, Size
from fitting_room.spec import TASKS, TrialSpec
from fitting_room.trial.measure import (
    BATCH_SIZE,
    Predict,
    check_probabilities,
    finite,
    keep_score,
    measure_inference,
    phase,
    save_whole,
    trial_images,
)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Data:
    """The images of a trial, prepared as the recipe says, without the labels of the last ones."""

    images: np.ndarray
    """Training images, shape (n, height, width, channels) or (n, features), float32."""
    labels: np.ndarray
    """Shape (n,), int64."""
    test_images: np.ndarray
    classes: int
    """How many there are; labels are 0 up to this."""


class Ended(BaseException):
    """Loss or spec says that training is over. No ``Exception``, so that no loop swallows it."""


class Report:
    """Hears a trainer, checks what it says, and writes it down."""

    def __init__(
        self,
        spec: TrialSpec,
        measured: PartialRecord,
        test: tuple[np.ndarray, np.ndarray],
        tell: Callable[[Epoch], None],
        metrics: Mapping[str, str] = {},
        keep: Path | None = None,
    ) -> None:
        self._spec, self._measured, self._tell = spec, measured, tell
        self._images, self._labels = test
        self._metrics, self._keep = metrics, keep
        self._classes = len(TASKS[spec.case.task].classes)
        self._over = False
        self.start()

    def start(self) -> None:
        """Start the clock of the first epoch, or of the next."""
        self._began = (time.perf_counter(), time.process_time(), usage())

    def epoch(
        self,
        number: int,
        *,
        loss: float,
        accuracy: float | None = None,
        seconds: float | None = None,
        predictions: Predict | None = None,
        metrics: Mapping[str, float] = {},
    ) -> None:
        """Tell that an epoch has ended; a loss that is not finite, or the spec, ends the training.

        Args:
            number: From 1, in order.
            loss: Mean over the training images, nats.
            accuracy: The same, a fraction.
            seconds: Of its training steps; else all since the last epoch or the trainer's begin.
            predictions: As below, to score the test images now; its time counts as no training.
            metrics: Of one's own after this epoch, by name; the last ones count.

        Raises:
            UserError: A figure cannot be true.
        """
        self._go_on()
        found = self._ended(number, loss, accuracy, seconds)
        self._over = found.training_loss is None or self._spec.ends(number, float(loss))
        if predictions and self._spec.scores_epochs and not self._over:
            found = self._scored(found, predictions)
        if metrics:
            figures = {name: _figure(name, value) for name, value in metrics.items()}
            found = replace(found, metrics=figures)
        self._measured.epochs = (*self._measured.epochs, found)
        self._tell(found)
        self._go_on()
        self.start()

    def metric(self, name: str, value: float) -> None:
        """Keep a figure of one's own beside those of the bench."""
        self._measured.metrics = {**self._measured.metrics, name: _figure(name, value)}

    def parameters(self, trainable: int, frozen: int = 0) -> None:
        """Tell how many numbers the model has, and how many more training leaves alone."""
        if trainable < 0 or frozen < 0:
            raise UserError(f"a model has no {min(trainable, frozen)} parameters")
        counted = Size(
            trainable_parameters=int(trainable),
            non_trainable_parameters=int(frozen),
            flops_per_image=0,
        )
        self._measured.size = _recorded(counted, Size)

    def predictions(self, found: Any, *, save: Callable[[Path], object] | None = None) -> None:
        """Hand over what the trained model makes of ``data.test_images``, once.

        Args:
            found: A function from images to what NumPy can hold: probabilities, shape (n, classes),
                or class numbers, shape (n,), integers, with which there is neither a loss nor a
                confidence. It is timed, too. Or what it would return for all test images.
            save: Writes the model into a file, where it is to be kept. The trainer's module then
                has a function ``load_model``, from that file to a function like ``found``.

        Raises:
            UserError: They are neither, or handed over twice.
        """
        self._go_on()
        measured, spec = self._measured, self._spec
        if measured.predictions is not None:
            raise UserError("it handed over predictions twice: the first would not count")
        with phase(measured.seconds, "evaluate"):
            keep_score(measured, self._checked(found), self._labels, metrics=self._metrics)
        if callable(found) and spec.inference:
            with phase(measured.seconds, "inference"):
                measured.inference = measure_inference(found, self._images, alone=spec.alone)
        if save and self._keep:
            save_whole(save, self._keep)

    def _go_on(self) -> None:
        """End a trainer that is told so, and one that has not listened."""
        if self._over:
            raise Ended

    def finish(self) -> None:
        """Refuse a training of which nothing can be known."""
        if self._over:
            return
        if self._spec.epochs and not self._measured.epochs:
            raise UserError("it told no epoch: call report.epoch(1, loss=…) after the first")
        if self._spec.epochs and self._measured.predictions is None:
            raise UserError("it handed over no predictions: call report.predictions(…) at its end")

    def _ended(
        self, number: int, loss: float, accuracy: float | None, seconds: float | None
    ) -> Epoch:
        wall, cpu, before = self._began
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        due = len(self._measured.epochs) + 1
        if number != due:
            raise UserError(f"it told epoch {number} where epoch {due} was due")
        if self._measured.predictions is not None:
            raise UserError(f"it told epoch {number} after its predictions, which are of the end")
        if number > self._spec.epochs:
            raise UserError(f"it told epoch {number}, and was asked for {self._spec.epochs}")
        if accuracy is not None and not 0 <= accuracy <= 1:
            raise UserError(f"training accuracy must be a fraction, not {accuracy}")
        if seconds is not None and not 0 < seconds <= wall:
            raise UserError(
                f"epoch {number} took {seconds:g} s as it says, and {wall:.3g} s by the clock"
            )
        took = wall if seconds is None else float(seconds)
        told = Epoch(
            number=int(number),
            seconds=took,
            cpu_seconds=cpu * took / wall,
            other_cores=other_cores(before, usage()),
            training_accuracy=finite(accuracy),
            training_loss=finite(loss),
        )
        return _recorded(told, Epoch)

    def _scored(self, epoch: Epoch, predictions: Predict) -> Epoch:
        began, scores = time.perf_counter(), PartialRecord()
        keep_score(scores, self._checked(predictions), self._labels)
        return replace(
            epoch,
            test_accuracy=scores.test_accuracy,
            test_loss=scores.test_loss,
            evaluate_seconds=time.perf_counter() - began,
        )

    def _checked(self, found: Any) -> np.ndarray:
        """Return probabilities as float64 or classes as integers, or refuse what they cannot be."""
        rows, classes = len(self._labels), self._classes
        images = [self._images[at : at + BATCH_SIZE] for at in range(0, rows, BATCH_SIZE)]
        parts = [found(each) for each in images] if callable(found) else [found]
        try:
            array = np.concatenate([np.asarray(part) for part in parts])
        except Exception as error:
            raise UserError(f"predictions are no NumPy array: {error}") from error
        if array.shape[:1] != (rows,):
            raise UserError(f"predictions must have {rows} rows, not the shape {array.shape}")
        if array.ndim == 1 and np.issubdtype(array.dtype, np.integer):
            wrong = array[(array < 0) | (array >= classes)]
            if len(wrong):
                raise UserError(f"class numbers must be 0 to {classes - 1}, not {wrong[0]}")
            return array
        if array.shape != (rows, classes) or not np.issubdtype(array.dtype, np.floating):
            raise UserError(
                f"predictions must be probabilities of shape ({rows}, {classes}), or integers of "
                f"shape ({rows},), not {array.dtype} of shape {array.shape}"
            )
        check_probabilities(array)
        return array.astype(np.float64)


def _figure(name: str, value: float) -> float:
    """Return a figure of one's own, or refuse a name that is taken and what is no number."""
    if name in {metric.name for metric in BUILT_IN}:
        raise UserError(f"metric {name!r} is measured here: call yours something else")
    if finite(value) is None:
        raise UserError(f"metric {name!r} must be a finite number, not {value}")
    return _recorded(float(value), Figure)


def _recorded(told: T, kind: Any) -> T:
    """Return what a record can hold, or refuse it here: the parent could not even read it."""
    try:
        found: T = msgspec.convert(msgspec.to_builtins(told), kind)
    except msgspec.ValidationError as error:
        raise UserError(f"no record can hold what it told: {error}") from error
    return found


Trainer = Callable[[TrialSpec, Data, Report], None]


def trainer_of(name: str) -> Trainer:
    """Import a trainer.

    Raises:
        UserError: Its module has no such function.
    """
    module, _, function = name.partition(":")
    found: Trainer | None = getattr(importlib.import_module(module), function, None)
    if not callable(found):
        raise UserError(f"{module} has no function {function!r}")
    return found


def prepared(spec: TrialSpec) -> tuple[Data, np.ndarray]:
    """Return what the trainer of a trial is given, and the labels of the test images."""
    arrays = data_sets.load(spec.dataset)
    training, test_images = trial_images(arrays, spec.case.recipe, spec.seed)
    given = Data(
        images=training.images,
        labels=training.labels.astype(np.int64),
        test_images=test_images,
        classes=len(TASKS[spec.case.task].classes),
    )
    return given, np.asarray(arrays.test_labels)


def run(
    train: Trainer,
    spec: TrialSpec,
    measured: PartialRecord,
    tell: Callable[[Epoch], None],
    metrics: Mapping[str, str] = {},
    keep: Path | None = None,
) -> None:
    """Train by a trainer, and put all that is found into ``measured`` as it comes."""
    seconds = measured.seconds
    with phase(seconds, "load"):
        given, labels = prepared(spec)
        test = given.test_images, labels
        report = Report(spec, measured, test, tell, metrics, keep)
    try:
        with phase(seconds, "fit_overhead"):
            _call(train, spec, given, report)
        report.finish()
    except Ended:
        return
    except UserError as error:
        raise UserError(f"{spec.case.trainer}: {error}") from error
    finally:
        seconds["train"] = sum(epoch.seconds for epoch in measured.epochs)
        scoring = sum(epoch.evaluate_seconds for epoch in measured.epochs)
        seconds["evaluate"] = seconds.get("evaluate", 0.0) + scoring
        told = sum(seconds.get(name, 0.0) for name in ("train", "evaluate", "inference"))
        seconds["fit_overhead"] = max(0.0, seconds["fit_overhead"] - told)
    if spec.alone:
        with phase(seconds, "calibration"):
            measured.calibration_seconds = calibration_seconds()


def _call(train: Trainer, spec: TrialSpec, given: Data, report: Report) -> None:
    own = os.getpid()
    random.seed(spec.seed)
    np.random.seed(spec.seed)
    report.start()
    try:
        train(spec, given, report)
    except SystemExit as error:
        raise UserError(f"it called exit({error.code})") from error
    finally:
        if os.getpid() != own:
            os._exit(1)  # a fork, which has no record to tell
