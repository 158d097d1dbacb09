"""Sizes and speeds of a model: parameters, FLOPs and latency."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import layers

from fitting_room.record import Inference, Size


def size(model: Any) -> Size:
    """Count a built model's parameters and the operations of one image's forward pass."""
    return Size(
        trainable_parameters=_count(model.trainable_weights),
        non_trainable_parameters=_count(model.non_trainable_weights),
        flops_per_image=sum(_flops(layer) for layer in model.layers),
    )


def _count(weights: list[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _flops(layer: Any) -> int:
    """2 per multiply-add: kernel weights, times the places a convolution applies them to."""
    if isinstance(layer, layers.Dense):
        return 2 * int(math.prod(layer.kernel.shape))
    if isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D)):
        height, width = layer.output.shape[1:3]
        return 2 * int(math.prod(layer.kernel.shape) * height * width)
    return 0


CHUNKS = 10
FEW_CHUNKS = 3
"""Where others run beside it: such times are never published."""
CALLS = 20
"""Calls of one image per chunk: a single one is too short for the clock."""
BATCH_SIZE = 1000


def measure_inference(
    model: Any,
    images: np.ndarray,
    clock: Callable[[], float] = time.perf_counter,
    *,
    alone: bool = True,
) -> Inference:
    """Time ``predict_on_batch`` on ``images``, shape (n, 28, 28, 1), float32, after a warm-up."""
    chunks = CHUNKS if alone else FEW_CHUNKS
    one, many = images[:1], images[:BATCH_SIZE]
    latency = [_seconds(model, one, CALLS, clock) / CALLS for _ in range(1 + chunks)]
    batch = [_seconds(model, many, 1, clock) for _ in range(1 + chunks)]
    return Inference(
        latency_seconds=tuple(latency[1:]),  # the first chunk traces and warms up
        batch_seconds=tuple(batch[1:]),
        batch_size=len(many),
    )


def _seconds(model: Any, images: np.ndarray, calls: int, clock: Callable[[], float]) -> float:
    began = clock()
    for _ in range(calls):
        model.predict_on_batch(images)  # returns NumPy, so the device has finished
    return clock() - began
