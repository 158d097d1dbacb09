"""The training path: everything that can change what a trial learns is in this file.

Its source, with all it calls here and in ``models``, is the training digest of a record.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from fitting_room.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class TrainingImages:
    """What ``fit`` is given, in memory as a whole."""

    images: np.ndarray
    """Shape (n, 28, 28, 1), float32."""
    labels: np.ndarray
    """Shape (n,), uint8."""


def prepare(images: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Return uint8 ``images``, shape (n, 28, 28), as float32 with a channel axis, scaled or not."""
    scale = 255.0 if recipe.scale_pixels else 1.0
    return np.asarray(images[..., np.newaxis], np.float32) / np.float32(scale)


def training_images(
    images: np.ndarray, labels: np.ndarray, recipe: Recipe, seed: int
) -> TrainingImages:
    """Take the recipe's part of the training images, and permute labels if it is a control."""
    kept = round(len(images) * recipe.train_fraction)
    chosen = np.array(labels[:kept])
    if recipe.shuffle_labels:
        chosen = np.random.default_rng(seed).permutation(chosen)
    return TrainingImages(images=prepare(images[:kept], recipe), labels=chosen)


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
