"""What TensorBoard shows of a trial besides its record: graph, weights, images.

Its scalars are the record's own, written where the record is known. All of it is written between
epochs, outside the clock; yet the trial shares its machine with the writing, so its times are
not kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tensorboard.plugins.graph.keras_util import keras_model_to_graph_def

from bench.harness.record import Confidence, Mistake
from bench.harness.trial.callbacks import Logs

SHOWN = 16
"""Images of a kind."""


class TrialLogs(keras.callbacks.TensorBoard):
    """Keras' own writer of graph and weight histograms, idle while the clock runs.

    Histograms are of the weights before training (step 0) and after each epoch, from 1.
    """

    def __init__(self, folder: Path, model: Any) -> None:
        super().__init__(log_dir=folder, histogram_freq=1, write_graph=True)
        self._shown = model

    def set_model(self, model: Any) -> None:
        """Show the architecture, whatever is trained around it."""
        super().set_model(self._shown)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Write the graph of operations and the initial weights."""
        super().on_train_begin(logs)
        with self.summary.create_file_writer(f"{self.log_dir}/train").as_default():
            self.summary.graph(_graph(self._shown))
        super().on_epoch_end(0)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Do nothing: the clock runs."""

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Do nothing: the clock runs."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the weights; the figures come with the record."""
        super().on_epoch_end(epoch + 1)


def _graph(model: Any) -> Any:
    """Return the operations of a forward pass, or of other backends than TensorFlow the layers."""
    import tensorflow as tf

    if keras.config.backend() != "tensorflow":
        layers = keras_model_to_graph_def(json.loads(model.to_json()))
        return tf.compat.v1.GraphDef.FromString(layers.SerializeToString())
    given = tf.TensorSpec(model.inputs[0].shape, model.inputs[0].dtype)
    forward = tf.function(lambda images: model(images, training=False))
    return forward.get_concrete_function(given).graph


def logged(train: Callable[..., None], folder: Path, model: Any) -> Callable[..., None]:
    """Return a function that trains as ``train`` does, with a log of ``model`` in ``folder``."""

    def run(*arguments: Any, callbacks: Sequence[Any], **settings: Any) -> None:
        train(*arguments, callbacks=[*callbacks, TrialLogs(folder, model)], **settings)

    return run


def write_images(
    folder: Path,
    training: np.ndarray,
    test: tuple[np.ndarray, np.ndarray],
    measured: Mapping[str, Any],
) -> None:
    """Write what the model was shown first, and the test images it was most surely wrong about.

    Args:
        folder: Of the trial.
        training: Training images as the model sees them, shape (n, 28, 28, 1), float32.
        test: Test images, likewise, and their labels, shape (n,).
        measured: Fields of the record so far: its mistakes, if it was scored, and its epochs.
    """
    from tensorflow import summary  # whatever the backend, TensorBoard's writers are TensorFlow's

    write = partial(summary.image, max_outputs=SHOWN)
    with summary.create_file_writer(str(folder / "train")).as_default():
        write("training images", _grey(training[:SHOWN]), step=0)
    confidence: Confidence | None = measured.get("confidence")
    mistakes = confidence.mistakes[:SHOWN] if confidence else ()
    if mistakes:
        chosen = _grey(test[0][[mistake.image for mistake in mistakes]])
        told = "; ".join(_words(mistake, test[1]) for mistake in mistakes)
        with summary.create_file_writer(str(folder / "test")).as_default():
            step, told = len(measured["epochs"]), f"In order: {told}."
            write("surest mistakes", chosen, step=step, description=told)


def _grey(images: np.ndarray) -> np.ndarray:
    """Return images with values from 0 to 1, whatever the scale of their pixels."""
    return np.asarray(images / max(float(images.max()), 1.0), np.float32)


def _words(mistake: Mistake, labels: np.ndarray) -> str:
    truth = int(labels[mistake.image])
    sure = f"{mistake.probability:.1%}".replace("%", " %")
    return f"image {mistake.image}, a {truth}, taken for {mistake.predicted} ({sure})"
