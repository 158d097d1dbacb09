"""What a trial learns from, whoever trains, and what its model is and does.

That is the recipe's part of the images, prepared; scores and confidence, parameters and FLOPs, and
seconds of inference.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fitting_room.data import Arrays
from fitting_room.data.arrays import scaled
from fitting_room.errors import UserError
from fitting_room.metrics import computed
from fitting_room.record import Confidence, Inference, Mistake, PartialRecord, Size, pack_classes
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


Predict = Callable[[np.ndarray], Any]
"""A function from images, float32, as a model takes them, to what NumPy can hold."""

BATCH_SIZE = 1000
"""Images per step of evaluation and prediction; large, since nothing is learned from them."""

SMALLEST = 1e-7
"""Probabilities are kept this far from 0 before the logarithm, as Keras does."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a model is worth on held-out images."""

    accuracy: float
    loss: float
    """Mean sparse categorical cross-entropy, nats."""
    classes: np.ndarray
    """Most probable class of each image, shape (n,), uint8."""


def score(model: Any, images: np.ndarray, labels: np.ndarray) -> Score:
    """Predict ``images``, float32, as a model takes them; hold them against ``labels``, (n,)."""
    probabilities = model.predict(images, batch_size=BATCH_SIZE, verbose=0)
    return score_probabilities(np.asarray(probabilities, np.float64), labels)


def score_probabilities(probabilities: np.ndarray, labels: np.ndarray) -> Score:
    """Score class probabilities, shape (n, classes), float64, against ``labels``, shape (n,)."""
    of_truth = probabilities[np.arange(len(labels)), labels]
    classes = probabilities.argmax(axis=1).astype(np.uint8)
    return Score(
        accuracy=float(np.mean(classes == labels)),
        loss=float(-np.mean(np.log(np.clip(of_truth, SMALLEST, 1 - SMALLEST)))),
        classes=classes,
    )


ONE = 0.02
"""How far the sum of an image's probabilities may be from 1: bfloat16 comes no closer."""


def check_probabilities(found: np.ndarray) -> None:
    """Refuse what is no probability of each class, shape (n, classes), floats.

    Raises:
        UserError: Some are negative or not finite, or those of an image do not sum to 1.
    """
    sums = found.sum(axis=1, dtype=np.float64)
    wrong = np.flatnonzero(~((found >= 0).all(axis=1) & (np.abs(sums - 1) <= ONE)))
    if len(wrong) == 0:  # a NaN would be wrong
        return
    first = wrong[0]
    if not np.isfinite(sums[first]):
        what = "are not finite"
    else:
        what = "are negative" if found[first].min() < 0 else f"sum to {sums[first]:.4g}"
    raise UserError(
        f"probabilities of test image {first} {what}, and {len(wrong)} of {len(found)} images have "
        "none; hand over what softmax gives"
    )


BINS = 15
"""The number of equal bins: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017."""

SHOWN = 10
"""Leading test images whose probabilities are kept, to be shown seed by seed."""

MISTAKES = 25
"""Wrong answers that are kept, the surest first."""

DIGITS = 4
"""Decimals of a probability that is kept: what a picture of it can show."""


def confidence(probabilities: np.ndarray, labels: np.ndarray) -> Confidence:
    """Summarise class probabilities, shape (n, classes), float, of images with ``labels``, (n,)."""
    classes, surest = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = classes == labels
    bins = np.minimum((surest * BINS).astype(int), BINS - 1)
    images = np.bincount(bins, minlength=BINS)
    sums = np.bincount(bins, weights=surest, minlength=BINS)
    wrong = np.flatnonzero(~right)
    wrong = wrong[np.argsort(-surest[wrong], kind="stable")][:MISTAKES]
    sure = surest.round(DIGITS)
    return Confidence(
        images=tuple(images.tolist()),
        right=tuple(np.bincount(bins[right], minlength=BINS).tolist()),
        mean=tuple((sums / np.maximum(images, 1)).tolist()),
        first=tuple(tuple(row) for row in probabilities[:SHOWN].round(DIGITS).tolist()),
        mistakes=tuple(
            Mistake(image=int(i), predicted=int(classes[i]), probability=float(sure[i]))
            for i in wrong
        ),
    )


def keep_score(
    measured: PartialRecord,
    found: np.ndarray,
    labels: np.ndarray,
    *,
    metrics: Mapping[str, str] = {},
) -> None:
    """Put what predictions of the test images are worth on record.

    Args:
        measured: Gets it.
        found: Class probabilities, shape (n, classes), or class numbers, shape (n,), integers.
        labels: Shape (n,).
        metrics: Of the project's own, name → ``module:function``; they take probabilities.
    """
    if found.ndim == 1:
        measured.test_accuracy = float(np.mean(found == labels))
        measured.predictions = pack_classes(found)
        return
    exact = np.asarray(found, np.float64)
    score = score_probabilities(exact, labels)
    measured.test_accuracy = score.accuracy
    measured.test_loss = finite(score.loss)
    measured.predictions = pack_classes(score.classes)
    measured.confidence = confidence(exact, labels)
    if metrics:
        measured.metrics |= computed(metrics, labels, exact)


@contextmanager
def phase(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add the wall time of the block to ``seconds[name]``, also when it raises."""
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began


def finite(value: Any) -> float | None:
    """Return ``value`` as a float, or None where it is missing, infinite or not a number."""
    return float(value) if value is not None and math.isfinite(value) else None


def size(model: Any) -> Size:
    """Count a built Keras model's parameters and the operations of one image's forward pass."""
    return Size(
        trainable_parameters=_count(model.trainable_weights),
        non_trainable_parameters=_count(model.non_trainable_weights),
        flops_per_image=sum(_flops(layer) for layer in model.layers),
    )


def training_flops(model: Any) -> int:
    """Count the operations of one training step of a Keras model, for each of its images.

    They are those that ``size`` counts, once forward, once for the gradient of the weights if they
    are trained, and once for that of the input if a layer before it is trained. Other layers, the
    loss and the optimizer are not counted. TensorFlow's own counter is no help: for convolutions
    without padding it takes gradients to cost as much as with it.
    """
    flops, goes_on = 0, False
    for layer in model.layers:
        trained = bool(layer.trainable_weights)
        flops += _flops(layer) * (1 + trained + goes_on)
        goes_on |= trained
    return flops


def _count(weights: list[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _flops(layer: Any) -> int:
    """2 per multiply-add: kernel weights, times the places a convolution applies them to."""
    from keras import layers

    if isinstance(layer, layers.Dense):
        return 2 * int(math.prod(layer.kernel.shape))
    if isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D)):
        height, width = layer.output.shape[1:3]
        return 2 * int(math.prod(layer.kernel.shape) * height * width)
    return 0


CHUNKS = 10
FEW_CHUNKS = 3
"""The chunks of a trial beside others: such times are never published."""
CALLS = 20
"""Calls of one image per chunk: a single one is too short for the clock."""


def measure_inference(
    predict: Predict,
    images: np.ndarray,
    clock: Callable[[], float] = time.perf_counter,
    *,
    alone: bool = True,
) -> Inference:
    """Time a function on ``images``, float32, as a model takes them, after a warm-up."""
    chunks = CHUNKS if alone else FEW_CHUNKS
    one, many = images[:1], images[:BATCH_SIZE]
    latency = [_seconds(predict, one, CALLS, clock) / CALLS for _ in range(1 + chunks)]
    batch = [_seconds(predict, many, 1, clock) for _ in range(1 + chunks)]
    return Inference(
        latency_seconds=tuple(latency[1:]),  # the first chunk traces and warms up
        batch_seconds=tuple(batch[1:]),
        batch_size=len(many),
    )


def _seconds(predict: Predict, images: np.ndarray, calls: int, clock: Callable[[], float]) -> float:
    began = clock()
    for _ in range(calls):
        np.asarray(predict(images))  # once it is NumPy's, the device has finished
    return clock() - began


def save_whole(save: Callable[[Path], object], file: Path) -> None:
    """Save a model whole or, as on a full disk, not at all: the parent misses it, and says so."""
    try:
        save(file)
    except OSError:
        file.unlink(missing_ok=True)
