"""The longer training path: schedules, averages, smoothing and augmentation around ``fit``.

A recipe that asks for none of them never comes here. Of ``models`` only the pieces that a recipe
names are used, by name, so that its digest covers those and no others.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import keras

from fitting_room.recipe import Recipe
from fitting_room.trial import fit

UNDECAYED = ["bias", "beta", "gamma"]
"""Variables that weight decay leaves alone."""

OPTIONS = ("beta_1", "beta_2", "momentum", "nesterov", "adam_lr_ratio")
"""Fields of a recipe that are arguments of its optimizer, where they are not None."""


def build(
    builder: str,
    arguments: Mapping[str, Any],
    recipe: Recipe,
    *,
    seed: int,
    steps: int,
    epochs: int,
) -> tuple[Any, Any]:
    """Return the model as ``fit.build`` does, and what is to be trained in its place.

    The second shares the weights of the first, changes images before they reach it, and is compiled
    as the recipe says. What the first has is all that is counted and used afterwards.
    """
    plain = replace(recipe, optimizer="sgd", beta_1=None)  # compiled anew below
    model = fit.build(builder, arguments, plain, seed=seed, steps=steps)
    images = keras.Input(model.input_shape[1:])
    changed = images
    for layer in _augmentation(recipe, steps):
        changed = layer(changed)
    trained = keras.Model(images, model(changed))
    trained.compile(
        optimizer=_optimizer(recipe, steps * max(epochs, 1)),
        loss=_loss(recipe),
        metrics=["accuracy"],
        **fit._execution(recipe, steps),
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


def _optimizer(recipe: Recipe, steps: int) -> Any:
    """Return the optimizer for so many steps in all."""
    rate: Any = recipe.learning_rate
    if recipe.schedule != "constant":
        rate = _piece(recipe, f":{recipe.schedule}")(rate, steps, recipe.warm_up)
    config = {name: value for name in OPTIONS if (value := getattr(recipe, name)) is not None}
    config |= {"learning_rate": rate, "weight_decay": recipe.weight_decay or None}
    if recipe.weight_average:
        config |= {"use_ema": True, "ema_momentum": recipe.weight_average}
    if ":" in recipe.optimizer:
        optimizer = _piece(recipe, recipe.optimizer)(**config)
    else:
        optimizer = type(keras.optimizers.get(recipe.optimizer))(**config)
    if recipe.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=UNDECAYED)
    return optimizer
