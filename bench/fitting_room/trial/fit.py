"""Keras' trainer: with the images, everything that can change what its trials learn.

Its source, with all it calls, is the training digest of a record. A plain recipe goes through
``training_images``, ``build`` and ``train`` alone. What else a recipe asks for is below them. Only
the pieces that it names are used, so that no other recipe's digest covers them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from fitting_room.record import Callbacks
from fitting_room.spec import Recipe
from fitting_room.training.callbacks import StopAtThreshold
from fitting_room.trial.measure import BATCH_SIZE, TrainingImages
from fitting_room.trial.measure import trial_images as trial_images  # timing asks any commit for it

Logs = Mapping[str, Any] | None


def build(
    builder: str, arguments: Mapping[str, Any], recipe: Recipe, *, seed: int, steps: int
) -> Any:
    """Seed every generator, build the architecture and compile it.

    Args:
        builder: ``module:function`` returning an untrained ``keras.Model``.
        arguments: What to call it with.
        recipe: How it will be trained.
        seed: Of Python, NumPy and the backend: initial weights and the order of the images.
        steps: Batches per epoch; no more are put into one execution.
    """
    keras.utils.set_random_seed(seed)
    keras.config.set_dtype_policy(recipe.precision)
    module, function = builder.split(":")
    model = getattr(importlib.import_module(module), function)(**arguments)
    model.compile(
        optimizer=optimizer(recipe),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        **_execution(recipe, steps),
    )
    return model


def _execution(recipe: Recipe, steps: int) -> dict[str, Any]:
    """How the step is compiled: JAX is useless without XLA, Keras on torch takes neither option."""
    if keras.config.backend() == "torch":
        return {"jit_compile": False, "steps_per_execution": 1}
    return {
        "jit_compile": recipe.jit_compile or keras.config.backend() == "jax",
        "steps_per_execution": min(recipe.steps_per_execution, steps),
    }


def optimizer(recipe: Recipe) -> Any:
    """Return the recipe's Keras optimizer."""
    config: dict[str, Any] = {"learning_rate": recipe.learning_rate}
    if recipe.beta_1 is not None:
        config["beta_1"] = recipe.beta_1
    return keras.optimizers.get({"class_name": recipe.optimizer, "config": config})


def train(
    model: Any,
    data: TrainingImages,
    recipe: Recipe,
    *,
    epochs: int,
    callbacks: list[Callable[..., Any]],
) -> None:
    """Run Keras ``fit``, shuffling before each epoch."""
    model.fit(
        data.images,
        data.labels,
        batch_size=recipe.batch_size,
        epochs=epochs,
        callbacks=callbacks,
        shuffle=True,
        verbose=0,
    )


# `training.callbacks.StopAtThreshold` does this and more. But this is in the training digest of
# every published recipe: changing it would retire all their numbers without changing one of them.
class StopAtAccuracy(keras.callbacks.Callback):
    """Stop after the first epoch whose training accuracy, a fraction, reaches the threshold."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self._threshold = threshold

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare the epoch's training accuracy, as ``fit`` reports it."""
        if (logs or {})["accuracy"] >= self._threshold:
            self.model.stop_training = True


# What tuned recipes go through besides: schedules, averages, smoothing and augmentation.

UNDECAYED = ["bias", "beta", "gamma"]
"""Variables that weight decay leaves alone."""

OPTIONS = ("beta_1", "beta_2", "momentum", "nesterov", "adam_lr_ratio")
"""Fields of a recipe that are arguments of its optimizer, where they are not None."""


def build_tuned(
    builder: str,
    arguments: Mapping[str, Any],
    recipe: Recipe,
    *,
    seed: int,
    steps: int,
    epochs: int,
) -> tuple[Any, Any]:
    """Return the model as ``build`` does, and what is to be trained in its place.

    The second shares the weights of the first, changes images before they reach it, and is compiled
    as the recipe says. What the first has is all that is counted and used afterwards.
    """
    plain = replace(recipe, optimizer="sgd", beta_1=None)  # compiled anew below
    model = build(builder, arguments, plain, seed=seed, steps=steps)
    images = keras.Input(model.input_shape[1:])
    changed = images
    for layer in _augmentation(recipe, steps):
        changed = layer(changed)
    trained = keras.Model(images, model(changed))
    trained.compile(
        optimizer=_tuned_optimizer(recipe, steps * max(epochs, 1)),
        loss=_loss(recipe),
        metrics=["accuracy"],
        **_execution(recipe, steps),
    )
    return model, trained


def _piece(recipe: Recipe, ending: str) -> Any:
    """Return what the recipe's piece of that name stands for."""
    module, name = next(p for p in recipe.pieces if p.endswith(ending)).split(":")
    return getattr(importlib.import_module(module), name)


def _augmentation(recipe: Recipe, steps: int) -> Iterator[Any]:
    if recipe.flip == "random":
        yield _piece(recipe, ":RandomFlip")()
    if recipe.flip == "alternating":
        yield _piece(recipe, ":AlternatingFlip")(steps=steps)
    if recipe.rotate_degrees or recipe.shift_pixels or recipe.zoom:
        yield _piece(recipe, ":RandomAffine")(
            degrees=recipe.rotate_degrees, pixels=recipe.shift_pixels, zoom=recipe.zoom
        )
    if recipe.erase_pixels:
        yield _piece(recipe, ":RandomErasing")(pixels=recipe.erase_pixels)


def _loss(recipe: Recipe) -> Any:
    if not recipe.label_smoothing:
        return "sparse_categorical_crossentropy"
    return _piece(recipe, ":SmoothedCrossentropy")(smoothing=recipe.label_smoothing)


def _tuned_optimizer(recipe: Recipe, steps: int) -> Any:
    """Return the optimizer for so many steps in all."""
    rate: Any = recipe.learning_rate
    if recipe.schedule != "constant":
        rate = _piece(recipe, f":{recipe.schedule}")(rate, steps, recipe.warm_up)
    config = {name: value for name in OPTIONS if (value := getattr(recipe, name)) is not None}
    config |= {"learning_rate": rate, "weight_decay": recipe.weight_decay or None}
    if recipe.weight_average:
        config |= {"use_ema": True, "ema_momentum": recipe.weight_average}
    if ":" in recipe.optimizer:
        made = _piece(recipe, recipe.optimizer)(**config)
    else:
        made = type(keras.optimizers.get(recipe.optimizer))(**config)
    if recipe.weight_decay:
        made.exclude_from_weight_decay(var_names=UNDECAYED)
    return made


# What recipes go through besides that name callbacks, or hold out images for them to watch.


class Rates(keras.callbacks.Callback):
    """Notes the learning rate with which each epoch begins: a plateau changes it in between."""

    def __init__(self) -> None:
        super().__init__()
        self.rates: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note it."""
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

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
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
        """Run Keras ``fit`` as the function ``train`` does, with these callbacks after others."""
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
    """Return the callbacks of a recipe that is ``watched``.

    Args:
        recipe: It names them.
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
