"""Trials whose recipe names callbacks, or holds out training images for them to watch.

Other recipes never come here, so nothing here can retire their numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from fitting_room.recipe import Recipe
from fitting_room.record import Callbacks
from fitting_room.training.callbacks import StopAtThreshold
from fitting_room.trial.fit import TrainingImages
from fitting_room.trial.score import BATCH_SIZE


def split(training: TrainingImages, recipe: Recipe) -> tuple[TrainingImages, TrainingImages | None]:
    """Return what is trained on, and the trailing part that the recipe holds out, if any."""
    kept = len(training.labels) - round(len(training.labels) * recipe.validation_fraction)
    if kept == len(training.labels):
        return training, None
    return (
        TrainingImages(images=training.images[:kept], labels=training.labels[:kept]),
        TrainingImages(images=training.images[kept:], labels=training.labels[kept:]),
    )


class Rates(keras.callbacks.Callback):
    """Notes the learning rate with which each epoch begins."""

    def __init__(self) -> None:
        super().__init__()
        self.rates: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Note it: a plateau changes it between epochs."""
        self.rates.append(float(self.model.optimizer.learning_rate))


class KeepBest(keras.callbacks.ModelCheckpoint):
    """Saves a model after every epoch that is the best so far, whatever ``fit`` trains it in."""

    def __init__(self, model: Any, path: Path) -> None:
        super().__init__(path, monitor="val_loss", mode="min", save_best_only=True)
        self._own = model
        self.epoch: int | None = None
        """The best so far, from 1."""

    def set_model(self, model: Any) -> None:
        """Keep the architecture alone: what a tuned recipe puts around it only trains."""
        super().set_model(self._own)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Save it if its validation loss is the lowest so far."""
        before = self.best
        super().on_epoch_end(epoch, logs)
        if self.best != before:
            self.epoch = epoch + 1


@dataclass(frozen=True, kw_only=True)
class Watch:
    """The callbacks that a recipe names, and what they watch, over one training."""

    held_out: TrainingImages | None
    rates: Rates
    stop: StopAtThreshold | None
    best: KeepBest | None

    def train(
        self,
        model: Any,
        data: TrainingImages,
        recipe: Recipe,
        *,
        epochs: int,
        callbacks: list[Any],
    ) -> None:
        """Run Keras ``fit`` as ``fit.train`` does, with these callbacks after the others."""
        model.fit(
            data.images,
            data.labels,
            batch_size=recipe.batch_size,
            epochs=epochs,
            validation_data=self.held_out and (self.held_out.images, self.held_out.labels),
            validation_batch_size=BATCH_SIZE,
            callbacks=[*callbacks, self.rates, *_plateau(recipe), *self._kept()],
            shuffle=True,
            verbose=0,
        )

    def _kept(self) -> list[Any]:
        return [each for each in (self.best, self.stop) if each is not None]

    def told(self) -> Callbacks:
        """Return what they did."""
        return Callbacks(
            stopped_epoch=self.stop.stopped_epoch if self.stop else None,
            best_epoch=self.best.epoch if self.best else None,
            learning_rates=tuple(self.rates.rates),
        )


def watch(recipe: Recipe, model: Any, held_out: TrainingImages | None, best: Path) -> Watch:
    """Return the recipe's callbacks.

    Args:
        recipe: One that is ``watched``.
        model: The architecture, of which the best is kept.
        held_out: What is scored after each epoch, if anything.
        best: The file that it is kept in; ends in ``.keras``.
    """
    stop = None
    if recipe.stop_metric:
        stop = StopAtThreshold(
            recipe.stop_metric,
            recipe.stop_threshold,
            direction="below" if recipe.stop_direction == "below" else "above",
            patience=recipe.stop_patience,
        )
    keep = KeepBest(model, best) if recipe.keep_best else None
    return Watch(held_out=held_out, rates=Rates(), stop=stop, best=keep)


def _plateau(recipe: Recipe) -> list[Any]:
    if recipe.plateau_factor is None:
        return []
    return [
        keras.callbacks.ReduceLROnPlateau(
            monitor="val_loss" if recipe.validation_fraction else "loss",
            factor=recipe.plateau_factor,
            patience=recipe.plateau_patience,
        )
    ]
