"""A plain JAX loop as the trainer of a case: see ``pytorch_loop.py`` for how a case names it."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

Weights = list[tuple[Any, Any]]


def network(key: Any, pixels: int, classes: int, units: int) -> Weights:
    """Return kernels and biases of one hidden layer, by He's initialisation."""
    sizes = [(pixels, units), (units, classes)]
    keys = jax.random.split(key, len(sizes))
    return [
        (jax.random.normal(key, size) * (2 / size[0]) ** 0.5, jnp.zeros(size[1]))
        for key, size in zip(keys, sizes, strict=True)
    ]


def logits(weights: Weights, images: Any) -> Any:
    """Return shape (n, classes) of images of any shape."""
    (kernel, bias), (last, shift) = weights
    return jax.nn.relu(images.reshape(len(images), -1) @ kernel + bias) @ last + shift


@jax.jit
def step(weights: Weights, images: Any, labels: Any, rate: float) -> tuple[Weights, Any, Any]:
    """Take one step of gradient descent; return weights, loss and how many were right before."""

    def loss(weights: Weights) -> tuple[Any, Any]:
        found = logits(weights, images)
        truth = jnp.take_along_axis(jax.nn.log_softmax(found), labels[:, None], axis=1)
        return -truth.mean(), (found.argmax(axis=1) == labels).sum()

    (value, right), slope = jax.value_and_grad(loss, has_aux=True)(weights)
    return jax.tree.map(lambda w, g: w - rate * g, weights, slope), value, right


def train(job: Any, data: Any, report: Any) -> None:
    """Train with plain gradient descent at the recipe's rate."""
    recipe, n, rng = job.case.recipe, len(data.images), np.random.default_rng(job.seed)
    pixels = data.images[0].size
    weights = network(jax.random.key(job.seed), pixels, data.classes, **job.case.arguments)
    report.parameters(sum(each.size for each in jax.tree.leaves(weights)))
    for number in range(1, job.epochs + 1):
        done = []
        for batch in np.array_split(rng.permutation(n), -(-n // recipe.batch_size)):
            images, labels = data.images[batch], data.labels[batch]
            weights, *found = step(weights, images, labels, recipe.learning_rate)
            done.append((float(found[0]) * len(batch) / n, int(found[1]) / n))
        loss, accuracy = np.sum(done, axis=0)
        report.epoch(number, loss=loss, accuracy=accuracy)
    report.predictions(lambda images: jax.nn.softmax(logits(weights, images)))
