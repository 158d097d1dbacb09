"""What a trial learns from, whoever trains: the recipe's part of the images, prepared."""

from __future__ import annotations

from dataclasses import dataclass

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


def split(training: TrainingImages, recipe: Recipe) -> tuple[TrainingImages, TrainingImages | None]:
    """Return what is trained on, and the trailing part that the recipe holds out, if any."""
    kept = len(training.labels) - round(len(training.labels) * recipe.validation_fraction)
    if kept == len(training.labels):
        return training, None
    return (
        TrainingImages(images=training.images[:kept], labels=training.labels[:kept]),
        TrainingImages(images=training.images[kept:], labels=training.labels[kept:]),
    )
