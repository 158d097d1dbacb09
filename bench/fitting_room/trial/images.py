"""What a trial learns from, whoever trains: the recipe's part of the images, prepared."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fitting_room.data import Arrays
from fitting_room.data.check import scaled
from fitting_room.spec import Recipe


@dataclass(frozen=True, kw_only=True)
class TrainingImages:
    """What ``fit`` is given, in memory as a whole."""

    images: np.ndarray
    """Shape (n, height, width, channels) or (n, features), float32."""
    labels: np.ndarray
    """Shape (n,), uint8."""


def prepare(images: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Return images as float32 with an axis more, as grey ones need for channels; scaled or not."""
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


def given(images: np.ndarray, recipe: Recipe) -> np.ndarray:
    """Return images as a model takes them, shape (n, height, width, channels) or (n, features).

    Grey ones, (n, height, width), get an axis of channels. Floats are never scaled.
    """
    floats = images.dtype != np.uint8 and recipe.scale_pixels
    prepared = prepare(images, replace(recipe, scale_pixels=False) if floats else recipe)
    return prepared if images.ndim == 3 else prepared[..., 0]


def trial_images(arrays: Arrays, recipe: Recipe, seed: int) -> tuple[TrainingImages, np.ndarray]:
    """Return what is trained on, and the test images as a model takes them.

    Raises:
        UserError: The recipe wants pixels in 0–1, and images are floats beyond that.
    """
    recipe = scaled(arrays, recipe)
    training = training_images(arrays.train_images, arrays.train_labels, recipe, seed)
    if arrays.train_images.ndim != 3:
        training = replace(training, images=training.images[..., 0])
    return training, given(arrays.test_images, recipe)


def split(training: TrainingImages, recipe: Recipe) -> tuple[TrainingImages, TrainingImages | None]:
    """Return what is trained on, and the trailing part that the recipe holds out, if any."""
    kept = len(training.labels) - round(len(training.labels) * recipe.validation_fraction)
    if kept == len(training.labels):
        return training, None
    return (
        TrainingImages(images=training.images[:kept], labels=training.labels[:kept]),
        TrainingImages(images=training.images[kept:], labels=training.labels[kept:]),
    )
