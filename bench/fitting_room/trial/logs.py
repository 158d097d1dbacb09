"""A trial in TensorBoard: Keras' own callback, its test figures beside them, and HParams.

The trial shares its machine with the writing, so its times are not kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from fitting_room.record import Epoch, PartialRecord
from fitting_room.spec import TrialSpec
from fitting_room.trial.callbacks import Logs


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
        super().on_epoch_end(epoch, {**(logs or {}), **_figures(last)})


def logged(
    train: Callable[..., None], folder: Path, spec: TrialSpec, measured: PartialRecord
) -> Callable[..., None]:
    """Return a function that trains as ``train`` does, with a log of the trial in ``folder``.

    HParams stand where Keras writes what is trained: one run of TensorBoard a trial.
    """
    from tensorboard.plugins.hparams import api  # loads TensorFlow, whatever the backend

    def run(*arguments: Any, callbacks: Sequence[Any], **settings: Any) -> None:
        name = f"{folder.parent.name}/{folder.name}"
        told = api.KerasCallback(str(folder / "train"), hyperparameters(spec), trial_id=name)
        logs = [TrialLogs(folder, measured), told]
        train(*arguments, callbacks=[*callbacks, *logs], **settings)

    return run


def hyperparameters(spec: TrialSpec) -> dict[str, bool | int | float | str]:
    """Return every setting of a trial by name; those left to a library are not among them."""
    case = spec.case
    recipe = {
        field.name: getattr(case.recipe, field.name) for field in dataclasses.fields(case.recipe)
    }
    found: dict[str, object] = {
        "task": case.task,
        "architecture": case.architecture,
        "seed": spec.seed,
        "data": "sample" if spec.dataset.sample else "whole",
        "backend": spec.backend,
        "device": spec.device,
        **recipe,
        "epochs": spec.epochs,
        **case.arguments,
    }
    return {
        name: value if isinstance(value, bool | int | float | str) else str(value)
        for name, value in found.items()
        if value is not None
    }


def write_score(folder: Path, measured: PartialRecord) -> None:
    """Write how the trained model was scored: after an average of weights, not the last epoch."""
    from tensorflow import summary  # whatever the backend, TensorBoard's writers are TensorFlow's

    with summary.create_file_writer(str(folder / "train")).as_default():
        for name, value in _figures(measured).items():
            summary.scalar(name, value, step=len(measured.epochs) - 1)


def _figures(found: Epoch | PartialRecord) -> dict[str, float]:
    figures = {"test_accuracy": found.test_accuracy, "test_loss": found.test_loss}
    return {name: value for name, value in figures.items() if value is not None}
