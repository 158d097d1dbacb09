"""The training path, against a plain Keras ``fit`` written out here."""

from __future__ import annotations

from functools import cache
from typing import Any
from unittest import mock

import numpy as np
import pytest

from bench.cases import CASES
from fitting_room import data
from fitting_room.recipe import Recipe

pytestmark = pytest.mark.keras

DENSE = "mnist-dense_128"
CONVOLUTIONAL = "fashion_mnist-cnn_32"
FEW = 160
"""Images of five batches."""
MORE = 330
"""Images of eleven batches, the last one not full."""


def sample_of(name: str) -> Any:
    """Return the arrays of the sample that a case trains on in the smoke tier."""
    return data.load(data.sample(CASES[name].task))


@cache
def trained(name: str, *, images: int = 1000, seed: int = 0, **recipe: Any) -> Any:
    """Train a case as a trial does."""
    from fitting_room.trial import fit

    case, arrays = CASES[name], sample_of(name)
    settings = Recipe(**recipe)
    images_kept, labels = arrays.train_images[:images], arrays.train_labels[:images]
    training = fit.training_images(images_kept, labels, settings, seed)
    steps = -(-images // settings.batch_size)
    model = fit.build(case.builder, case.arguments, settings, seed=seed, steps=steps)
    fit.train(model, training, settings, epochs=settings.epochs, callbacks=[])
    return model


@cache
def plain(name: str, *, images: int = 1000, epochs: int) -> Any:
    """Train a case as the published work does: ``compile`` and ``fit``, and nothing else."""
    import keras

    from models.convolutional import convolutional
    from models.dense import dense

    keras.utils.set_random_seed(0)
    model = dense(units=128) if name == DENSE else convolutional(filters=32)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    arrays = sample_of(name)
    pixels = arrays.train_images[:images, ..., None].astype("float32") / 255
    model.fit(pixels, np.array(arrays.train_labels[:images]), epochs=epochs, verbose=0)
    return model


def apart(one: Any, other: Any) -> float:
    """Return the largest difference between two models' weights."""
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


@pytest.mark.parametrize("name", [DENSE, CONVOLUTIONAL])
def test_many_steps_in_one_execution_learn_what_a_plain_fit_learns(name: str) -> None:
    """After two epochs, of which the last batches are not full, no weight differs by a bit."""
    fast = trained(name, images=MORE, epochs=2, steps_per_execution=75)
    assert fast.steps_per_execution == 11  # all the batches there are
    assert apart(fast, plain(name, images=MORE, epochs=2)) == 0


def test_steps_that_do_not_divide_an_epoch_learn_the_same() -> None:
    """Five of eleven batches an execution leave one for the last, and no weight differs."""
    fast = trained(DENSE, images=MORE, epochs=2, steps_per_execution=5)
    assert apart(fast, plain(DENSE, images=MORE, epochs=2)) == 0


def test_xla_learns_what_a_plain_fit_learns_but_for_rounding() -> None:
    """After five steps the weights agree within what the order of additions can change."""
    compiled = trained(DENSE, images=FEW, epochs=1, jit_compile=True)
    assert compiled.jit_compile
    assert apart(compiled, plain(DENSE, images=FEW, epochs=1)) < 1e-5


def test_the_seed_decides_weights_and_order() -> None:
    """The same seed trains to the same weights, and another one to others."""
    first, other = (trained(DENSE, images=FEW, epochs=1, seed=seed) for seed in (0, 1))
    again = trained.__wrapped__(DENSE, images=FEW, epochs=1, seed=0)
    assert apart(first, again) == 0
    assert apart(first, other) > 0.01


def test_shuffled_labels_are_the_same_labels_elsewhere() -> None:
    """The control keeps images and class counts, moves most labels, and follows its seed."""
    from fitting_room.trial.fit import training_images

    arrays = sample_of(DENSE)
    images, labels = arrays.train_images, arrays.train_labels
    recipe = Recipe(epochs=1, shuffle_labels=True)
    first, again, other = (training_images(images, labels, recipe, seed) for seed in (0, 0, 1))
    assert np.bincount(first.labels).tolist() == [100] * 10
    assert 0.85 < np.mean(first.labels != labels) < 0.95
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.labels, other.labels)
    assert np.array_equal(np.uint8(first.images[..., 0] * 255 + 0.5), images)


def test_a_fraction_takes_the_leading_images() -> None:
    """A tenth of 1,000 images are the first 100, with their labels."""
    from fitting_room.trial.fit import training_images

    arrays = sample_of(DENSE)
    part = training_images(
        arrays.train_images, arrays.train_labels, Recipe(epochs=1, train_fraction=0.1), 0
    )
    assert len(part.images) == 100
    assert np.array_equal(part.labels, arrays.train_labels[:100])


@pytest.mark.parametrize(("scaled", "brightest"), [(True, 1.0), (False, 255.0)])
def test_pixels_are_scaled_only_where_the_recipe_says_so(scaled: bool, brightest: float) -> None:
    """White is 1 or 255, in float32, with an axis for the one channel."""
    from fitting_room.trial.fit import prepare

    white = np.full((2, 28, 28), 255, np.uint8)
    pixels = prepare(white, Recipe(epochs=1, scale_pixels=scaled))
    assert (pixels.shape, pixels.dtype.name) == ((2, 28, 28, 1), "float32")
    assert pixels.max() == pixels.min() == brightest


def test_an_optimizer_has_the_recipes_settings() -> None:
    """Name, rate and first moment are the recipe's; what it leaves open is the optimizer's own."""
    from fitting_room.trial.fit import optimizer

    adam = optimizer(Recipe(epochs=1, learning_rate=0.25, beta_1=0.5))
    sgd = optimizer(Recipe(epochs=1, optimizer="sgd"))
    assert [type(each).__name__ for each in (adam, sgd)] == ["Adam", "SGD"]
    assert (float(adam.learning_rate), adam.beta_1, adam.beta_2) == (0.25, 0.5, 0.999)


def test_a_recipes_precision_holds_for_its_own_build_only() -> None:
    """A model in mixed precision does not make the next one compute in bfloat16."""
    half = trained(DENSE, images=FEW, epochs=1, precision="mixed_bfloat16")
    whole = trained(DENSE, images=FEW, epochs=1, seed=2)
    assert [half.layers[1].compute_dtype, whole.layers[1].compute_dtype] == ["bfloat16", "float32"]


@pytest.mark.parametrize(
    ("backend", "jit", "steps"), [("tensorflow", False, 9), ("jax", True, 9), ("torch", False, 1)]
)
def test_each_backend_is_asked_for_what_it_can_do(backend: str, jit: bool, steps: int) -> None:
    """JAX always compiles, and Keras on torch neither compiles nor joins steps."""
    import keras

    from fitting_room.trial import fit

    with mock.patch.object(keras.config, "backend", lambda: backend):
        asked = fit._execution(Recipe(epochs=1), 9)
    assert asked == {"jit_compile": jit, "steps_per_execution": steps}
