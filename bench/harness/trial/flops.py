"""Parameters and floating-point operations, counted from the layers."""

from __future__ import annotations

import math
from typing import Any

from keras import layers

from bench.harness.record import Size


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
