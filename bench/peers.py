"""Plain loops that train what ``dense_128`` and ``cnn_64`` train: peers of this bench's training.

``python -m bench speed --peers`` times them beside it. Each is a trainer as ``docs/models.md``
describes it, and loads its framework when it is called. All begin with weights as Keras draws them,
and take the same steps of Adam.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

LOOPS = {
    "PyTorch loop": "bench.peers:torch_loop",
    "JAX loop": "bench.peers:jax_loop",
    "JAX loop with lax.scan": "bench.peers:jax_scan",
}

PEERS = dict.fromkeys(("fashion_mnist-dense_128", "fashion_mnist-cnn_64"), LOOPS)
"""Case → words → trainer."""

EPSILON = 1e-7
"""The default of Keras' Adam."""

TESTED = 1000
"""Images that are scored at a time."""


def torch_network(filters: int = 0, units: int = 128) -> Any:
    """Return two blocks of convolution and pooling, if it has filters, and a dense head."""
    from torch import nn

    body: list[Any] = []
    for channels in (1, filters) if filters else ():
        body += [nn.Conv2d(channels, filters, 3), nn.ReLU(), nn.MaxPool2d(2)]
    flat = 25 * filters or 28 * 28
    head = [nn.Flatten(), nn.Linear(flat, units), nn.ReLU(), nn.Linear(units, 10)]
    network = nn.Sequential(*body, *head)
    for name, values in network.named_parameters():
        (nn.init.zeros_ if name.endswith("bias") else nn.init.xavier_uniform_)(values)
    return network


def torch_loop(job: Any, data: Any, report: Any) -> None:
    """Train step by step, as PyTorch's tutorials do."""
    import torch
    from torch.nn import functional

    torch.manual_seed(job.seed)
    given = map(torch.from_numpy, (data.images, data.labels, data.test_images))
    images, labels, test_images = given
    images, test_images = images.movedim(3, 1), test_images.movedim(3, 1)
    network = torch_network(**job.case.arguments)
    report.parameters(sum(each.numel() for each in network.parameters()))
    rate = job.case.recipe.learning_rate
    optimizer = torch.optim.Adam(network.parameters(), lr=rate, eps=EPSILON)
    for number in range(1, job.epochs + 1):
        loss_sum, right = torch.zeros(()), torch.zeros(())
        for batch in torch.randperm(len(images)).split(job.case.recipe.batch_size):
            logits = network(images[batch])
            loss = functional.cross_entropy(logits, labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.detach() * len(batch)
            right += (logits.argmax(dim=1) == labels[batch]).sum()
        n = len(images)
        report.epoch(number, loss=float(loss_sum) / n, accuracy=float(right) / n)
    with torch.no_grad():
        found = [network(part).softmax(dim=1) for part in test_images.split(TESTED)]
    report.predictions(torch.cat(found).numpy())


def jax_network(key: Any, filters: int = 0, units: int = 128) -> list[Any]:
    """Return the kernels and biases of the same network."""
    import jax

    shapes = [(3, 3, 1, filters), (3, 3, filters, filters)] if filters else []
    shapes += [(25 * filters or 28 * 28, units), (units, 10)]  # type: ignore[list-item]
    glorot = jax.nn.initializers.glorot_uniform()
    keys = jax.random.split(key, len(shapes))
    return [
        (glorot(key, shape), jax.numpy.zeros(shape[-1]))
        for key, shape in zip(keys, shapes, strict=True)
    ]


def jax_logits(weights: list[Any], images: Any) -> Any:
    """Return shape (n, 10) of images, shape (n, 28, 28, 1)."""
    import jax
    from jax import lax

    order = ("NHWC", "HWIO", "NHWC")
    for kernel, bias in weights[:-2]:
        images = lax.conv_general_dilated(images, kernel, (1, 1), "VALID", dimension_numbers=order)
        images, window = jax.nn.relu(images + bias), (1, 2, 2, 1)
        images = lax.reduce_window(images, -np.inf, lax.max, window, window, "VALID")
    (kernel, bias), (last, shift) = weights[-2:]
    return jax.nn.relu(images.reshape(len(images), -1) @ kernel + bias) @ last + shift


def jax_step(rate: float) -> Callable[[Any, Any], Any]:
    """Return a step of Adam: state and batch to the state after it, and what came of the batch."""
    import jax
    from jax import numpy as jnp

    def loss(weights: Any, images: Any, labels: Any) -> Any:
        found = jax_logits(weights, images)
        truth = jnp.take_along_axis(jax.nn.log_softmax(found), labels[:, None], axis=1)
        return -truth.mean(), (found.argmax(axis=1) == labels).sum()

    def step(state: Any, batch: Any) -> Any:
        weights, means, squares, number = state
        (value, right), slope = jax.value_and_grad(loss, has_aux=True)(weights, *batch)
        means = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, means, slope)
        squares = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, squares, slope)
        size = rate * jnp.sqrt(1 - 0.999**number) / (1 - 0.9**number)
        weights = jax.tree.map(
            lambda w, m, v: w - size * m / (jnp.sqrt(v) + EPSILON), weights, means, squares
        )
        return (weights, means, squares, number + 1), (value * len(batch[1]), right)

    return step


def jax_loop(job: Any, data: Any, report: Any) -> None:
    """Train by a compiled step, a call a batch."""
    import jax

    step = jax.jit(jax_step(job.case.recipe.learning_rate), donate_argnums=0)
    size = job.case.recipe.batch_size

    def epoch(state: Any, order: np.ndarray) -> Any:
        found = []
        for batch in np.split(order, range(size, len(order), size)):
            state, told = step(state, (data.images[batch], data.labels[batch]))
            found.append(told)
        return state, np.asarray(jax.device_get(found)).sum(axis=0)

    _train(job, data, report, epoch)


def jax_scan(job: Any, data: Any, report: Any) -> None:
    """Train by ``lax.scan`` over the whole batches of an epoch, in one call on the device."""
    import jax

    step = jax_step(job.case.recipe.learning_rate)
    size = job.case.recipe.batch_size
    images, labels = jax.device_put((data.images, data.labels.astype(np.int32)))

    def scanned(state: Any, images: Any, labels: Any, batches: Any) -> Any:
        def one(state: Any, batch: Any) -> Any:
            return step(state, (images[batch], labels[batch]))

        state, found = jax.lax.scan(one, state, batches)
        return state, jax.tree.map(lambda each: each.sum(), found)

    train = jax.jit(scanned)

    def epoch(state: Any, order: np.ndarray) -> Any:
        whole = len(order) // size * size
        state, found = train(state, images, labels, order[:whole].reshape(-1, size))
        if whole == len(order):
            return state, found
        state, last = train(state, images, labels, order[None, whole:])
        return state, np.add(found, last)

    _train(job, data, report, epoch)


def _train(job: Any, data: Any, report: Any, epoch: Callable[[Any, np.ndarray], Any]) -> None:
    import jax

    weights = jax_network(jax.random.key(job.seed), **job.case.arguments)
    report.parameters(sum(each.size for each in jax.tree.leaves(weights)))
    nought = jax.tree.map(np.zeros_like, weights)
    state = jax.device_put((weights, nought, nought, np.float32(1)))
    n, rng = len(data.images), np.random.default_rng(job.seed)
    for number in range(1, job.epochs + 1):
        state, (loss, right) = epoch(state, rng.permutation(n))
        report.epoch(number, loss=float(loss) / n, accuracy=float(right) / n)
    logits = jax.jit(jax_logits)
    parts = np.split(data.test_images, range(TESTED, len(data.test_images), TESTED))
    report.predictions(np.concatenate([jax.nn.softmax(logits(state[0], part)) for part in parts]))
