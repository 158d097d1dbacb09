"""The training path, against a plain Keras ``fit`` and against what recipes say, written out."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest
from trials import run_here, small

from bench.cases import CASES
from fitting_room import data
from fitting_room.lab.scheduler import job_of
from fitting_room.record import Record
from fitting_room.spec import Recipe, TrialSpec
from fitting_room.store.key import TRAINING_PATH, training_path
from fitting_room.trial import measure

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
    from fitting_room.trial.run import untuned

    case, arrays = CASES[name], sample_of(name)
    settings = Recipe(**recipe)
    images_kept, labels = arrays.train_images[:images], arrays.train_labels[:images]
    training = measure.training_images(images_kept, labels, settings, seed)
    steps = -(-images // settings.batch_size)
    model = fit.build(case.builder, case.arguments, settings, seed=seed, steps=steps)
    with untuned():
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


@pytest.mark.parametrize(
    ("name", "steps", "joined"), [(DENSE, 75, 11), (CONVOLUTIONAL, 75, 11), (DENSE, 5, 5)]
)
def test_many_steps_in_one_execution_learn_what_a_plain_fit_learns(
    name: str, steps: int, joined: int
) -> None:
    """After two epochs no weight differs by a bit, even where steps do not divide an epoch."""
    fast = trained(name, images=MORE, epochs=2, steps_per_execution=steps)
    assert fast.steps_per_execution == joined
    assert apart(fast, plain(name, images=MORE, epochs=2)) == 0


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
    """The control moves most labels, and follows its seed; a fraction takes the leading images."""
    from fitting_room.trial.measure import training_images

    arrays = sample_of(DENSE)
    images, labels = arrays.train_images, arrays.train_labels
    recipe = Recipe(epochs=1, shuffle_labels=True)
    first, again, other = (training_images(images, labels, recipe, seed) for seed in (0, 0, 1))
    assert np.bincount(first.labels).tolist() == [100] * 10
    assert 0.85 < np.mean(first.labels != labels) < 0.95
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.labels, other.labels)
    assert np.array_equal(np.uint8(first.images[..., 0] * 255 + 0.5), images)
    part = training_images(images, labels, Recipe(epochs=1, train_fraction=0.1), 0)
    assert (len(part.images), part.labels.tolist()) == (100, labels[:100].tolist())


@pytest.mark.parametrize(("scaled", "brightest"), [(True, 1.0), (False, 255.0)])
def test_pixels_are_scaled_only_where_the_recipe_says_so(scaled: bool, brightest: float) -> None:
    """White is 1 or 255, in float32, with an axis for the one channel."""
    from fitting_room.trial.measure import prepare

    white = np.full((2, 28, 28), 255, np.uint8)
    pixels = prepare(white, Recipe(epochs=1, scale_pixels=scaled))
    assert (pixels.shape, pixels.dtype.name) == ((2, 28, 28, 1), "float32")
    assert pixels.max() == pixels.min() == brightest


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


@pytest.mark.parametrize(("accuracy", "stops"), [(0.994, False), (0.995, True), (0.996, True)])
def test_training_stops_once_the_threshold_is_reached(accuracy: float, stops: bool) -> None:
    """Reaching it exactly is enough, and falling short by a little is not."""
    from fitting_room.trial.fit import StopAtAccuracy

    stop = StopAtAccuracy(0.995)
    stop.set_model(SimpleNamespace(stop_training=False))
    stop.on_epoch_end(0, {"accuracy": accuracy})
    assert stop.model.stop_training is stops


STEPS = 5

BATCH = 8

BUILDER = "models.minimal:minimal"

SMALL = {"body": "4s 4s"}


def images() -> tuple[np.ndarray, np.ndarray]:
    """Return five batches of noise with labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, STEPS * BATCH).astype(np.uint8)
    return rng.random((STEPS * BATCH, 28, 28, 1), np.float32), labels


def built(*, epochs: int = 2, seed: int = 0, **recipe: Any) -> tuple[Any, Any, Recipe]:
    """Build a small model by a recipe."""
    from fitting_room.trial import fit

    made = Recipe(epochs=epochs, batch_size=BATCH, **({"optimizer": "sgd"} | recipe))
    return *fit.build_tuned(BUILDER, SMALL, made, seed=seed, steps=STEPS, epochs=epochs), made


def train(trained: Any, recipe: Recipe, *callbacks: Any) -> Any:
    """Train as a trial does."""
    from fitting_room.trial import fit

    data = measure.TrainingImages(images=images()[0], labels=images()[1])
    fit.train(trained, data, recipe, epochs=recipe.epochs, callbacks=list(callbacks))


def weights(**recipe: Any) -> list[np.ndarray]:
    """Return the weights of the model after training."""
    model, trained, made = built(**recipe)
    train(trained, made)
    return list(model.get_weights())


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    """Whether no weight differs by a bit."""
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_what_is_counted_and_used_is_the_model_alone() -> None:
    """What is trained shares its weights, and leaves images as they are when it predicts."""
    from fitting_room.trial.measure import size
    from models.minimal import minimal

    model, trained, made = built(rotate_degrees=20.0, flip="alternating", erase_pixels=9)
    train(trained, made)
    assert size(model) == size(minimal(**SMALL))
    shown = images()[0][:4]
    assert np.array_equal(model.predict(shown, verbose=0), trained.predict(shown, verbose=0))


def test_averaged_weights_take_their_place_after_the_last_epoch() -> None:
    """They are the exponential average over all steps, and until then weights stay raw."""
    import keras

    seen: list[list[np.ndarray]] = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append([np.asarray(w).copy() for w in self.model.trainable_weights])

    model, trained, made = built(weight_average=0.5, learning_rate=0.1, steps_per_execution=1)
    train(trained, made, Watch())
    average = seen[0]
    for step in seen[1:]:
        average = [0.5 * a + 0.5 * w for a, w in zip(average, step, strict=True)]
    for got, expected in zip(model.trainable_weights, average, strict=True):
        assert np.asarray(got) == pytest.approx(expected, abs=1e-6)


def test_a_schedule_spans_all_epochs_asked_for() -> None:
    """Ten steps of two epochs end at zero, whatever the recipe's epochs would have been."""
    _, trained, made = built(schedule="linear_to_zero", learning_rate=0.5, warm_up=0.2)
    assert trained.optimizer._learning_rate.get_config()["steps"] == 2 * STEPS
    train(trained, made)
    assert float(np.asarray(trained.optimizer.learning_rate)) == 0


def test_weight_decay_spares_biases_and_normalisation() -> None:
    """Without a gradient, a step shrinks kernels by rate × decay and nothing else."""
    import keras

    model, trained, _ = built(weight_decay=0.5, learning_rate=0.1)
    for weight in model.trainable_weights:
        weight.assign(keras.ops.ones_like(weight))
    still = [keras.ops.zeros_like(weight) for weight in model.trainable_weights]
    trained.optimizer.apply(still, model.trainable_weights)
    left = {w.name: float(np.asarray(w).mean()) for w in model.trainable_weights}
    assert left == pytest.approx({"kernel": 0.95, "beta": 1, "bias": 1})


def test_many_steps_in_one_execution_learn_the_same() -> None:
    """Augmentation, averages and schedule included, no weight differs by a bit."""
    recipe = {
        "optimizer": "fitting_room.training.muon:KernelMuon",
        "schedule": "one_cycle",
        "warm_up": 0.3,
        "weight_average": 0.9,
        "label_smoothing": 0.1,
        "rotate_degrees": 10.0,
        "shift_pixels": 1.0,
        "flip": "alternating",
        "erase_pixels": 4,
    }
    one, many = (weights(steps_per_execution=steps, **recipe) for steps in (1, 5))
    assert same(one, many)
    assert not same(one, weights(steps_per_execution=5, seed=1, **recipe))


def test_a_recipe_that_only_names_its_defaults_learns_what_a_plain_one_does() -> None:
    """Through the longer path, with momentum zero, it is plain training."""
    from fitting_room.trial import fit

    recipe = Recipe(epochs=2, batch_size=BATCH, optimizer="sgd")
    model = fit.build(BUILDER, SMALL, recipe, seed=0, steps=STEPS)
    train(model, recipe)
    assert same(weights(momentum=0.0), list(model.get_weights()))


def test_an_optimizer_has_the_recipes_settings() -> None:
    """Plain and tuned recipes set theirs; what they leave open is the optimizer's own."""
    from fitting_room.trial import fit

    adam = fit.optimizer(Recipe(epochs=1, learning_rate=0.25, beta_1=0.5))
    assert (float(adam.learning_rate), adam.beta_1, adam.beta_2) == (0.25, 0.5, 0.999)
    decayed = built(optimizer="adamw", beta_2=0.9, weight_decay=0.1)[1].optimizer
    sgd = built(momentum=0.9, nesterov=True)[1].optimizer
    muon = built(optimizer="fitting_room.training.muon:KernelMuon", adam_lr_ratio=0.2)[1].optimizer
    assert (decayed.beta_1, decayed.beta_2, decayed.weight_decay) == (0.9, 0.9, 0.1)
    assert (sgd.momentum, sgd.nesterov, sgd.weight_decay, sgd.use_ema) == (0.9, True, None, False)
    assert (muon.adam_lr_ratio, muon.momentum) == (0.2, 0.9)
    names = [type(each).__name__ for each in (adam, decayed, sgd, muon)]
    assert names == ["Adam", "AdamW", "SGD", "KernelMuon"]


def watching(**recipe: Any) -> TrialSpec:
    """Return the spec of a small trial that holds out a tenth of the training images."""
    spec = small(epochs=8)
    recipe = {"validation_fraction": 0.1, **recipe}
    return replace(spec, case=replace(spec.case, recipe=replace(spec.case.recipe, **recipe)))


@cache
def answer(**recipe: Any) -> tuple[Record, Path]:
    """Run such a trial as its process does; return its record, and where its model is."""
    keep = Path(tempfile.mkdtemp()) / "model.keras"
    record, _ = run_here(replace(job_of(watching(**recipe)), keep=str(keep)))
    return record, keep


def scored(file: Path) -> tuple[float, float]:
    """Return accuracy and loss of a saved model on the test images."""
    import keras

    from fitting_room.trial.measure import prepare, score

    spec = small()
    arrays = data.load(spec.dataset)
    images = prepare(arrays.test_images, spec.case.recipe)
    found = score(keras.models.load_model(file), images, np.asarray(arrays.test_labels))
    return found.accuracy, found.loss


THREE = {
    "learning_rate": 0.02,
    "keep_best": True,
    "plateau_factor": 0.5,
    "plateau_patience": 1,
    "stop_metric": "accuracy",
    "stop_threshold": 0.9,
    "stop_patience": 3,
}
"""All three callbacks: a large rate overfits the few images after an epoch or so."""


def test_the_record_says_what_each_callback_did() -> None:
    """Stopped where the metric had held on, best where its loss is lowest, rates step by step."""
    record, _ = answer(**THREE)
    assert record.callbacks
    accuracies = [epoch.training_accuracy or 0 for epoch in record.epochs]
    losses = [epoch.validation_loss or 0 for epoch in record.epochs]
    assert record.callbacks.stopped_epoch == len(record.epochs) < 8
    assert [accuracy >= 0.9 for accuracy in accuracies[-4:]] == [True] * 4
    assert accuracies[-5] < 0.9
    assert record.callbacks.best_epoch == 1 + int(np.argmin(losses)) < len(losses)
    rates = record.callbacks.learning_rates
    assert (len(rates), rates[0]) == (len(losses), pytest.approx(0.02))
    assert rates[-1] <= rates[0] / 2
    assert record.reason == f"reached its threshold after epoch {len(record.epochs)}"


@pytest.mark.parametrize(
    "recipe", [THREE, {"learning_rate": 0.02, "keep_best": True, "shift_pixels": 1.0}]
)
def test_a_checkpoint_scores_what_was_recorded(recipe: dict[str, Any]) -> None:
    """The best model, loaded back, has its epoch's figures to the last bit, the last its own."""
    record, keep = answer(**recipe)
    assert record.callbacks and record.callbacks.best_epoch
    best = record.epochs[record.callbacks.best_epoch - 1]
    assert scored(keep.with_name("model-best.keras")) == (best.test_accuracy, best.test_loss)
    assert scored(keep) == (record.test_accuracy, record.test_loss)
    assert best.test_loss != record.test_loss


def test_held_out_images_are_not_trained_on() -> None:
    """A tenth of 1,000 leaves 900, in order; what is held out keeps its labels."""
    from fitting_room.trial.measure import TrainingImages, split

    whole = TrainingImages(images=np.zeros((1000, 1, 1, 1)), labels=np.arange(1000))
    kept, held_out = split(whole, watching().case.recipe)
    assert held_out is not None
    assert np.array_equal(np.concatenate([kept.labels, held_out.labels]), whole.labels)
    assert (len(kept.images), len(held_out.images)) == (900, 100)


def test_only_a_recipe_with_callbacks_is_trained_by_their_code() -> None:
    """The numbers of all others do not depend on it."""
    assert len(training_path(watching().case)) == len(TRAINING_PATH) + 2
    keys = {job_of(watching(stop_patience=n)).key for n in (0, 1)}
    assert len(keys) == 2
