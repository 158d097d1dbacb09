"""The longer training path, against what its recipe says written out here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fitting_room.recipe import Recipe

pytestmark = pytest.mark.keras

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
    from fitting_room.trial import tuned

    made = Recipe(epochs=epochs, batch_size=BATCH, **({"optimizer": "sgd"} | recipe))
    return *tuned.build(BUILDER, SMALL, made, seed=seed, steps=STEPS, epochs=epochs), made


def train(trained: Any, recipe: Recipe, *callbacks: Any) -> Any:
    """Train as a trial does."""
    from fitting_room.trial import fit

    data = fit.TrainingImages(images=images()[0], labels=images()[1])
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


def test_an_optimizer_has_the_recipes_settings() -> None:
    """What it leaves open is the optimizer's own."""
    adam = built(optimizer="adamw", beta_2=0.9, weight_decay=0.1)[1].optimizer
    sgd = built(momentum=0.9, nesterov=True)[1].optimizer
    muon = built(optimizer="fitting_room.training.muon:KernelMuon", adam_lr_ratio=0.2)[1].optimizer
    assert (type(adam).__name__, adam.beta_1, adam.beta_2, adam.weight_decay) == (
        "AdamW",
        0.9,
        0.9,
        0.1,
    )
    assert (sgd.momentum, sgd.nesterov, sgd.weight_decay, sgd.use_ema) == (0.9, True, None, False)
    assert (type(muon).__name__, muon.adam_lr_ratio, muon.momentum) == ("KernelMuon", 0.2, 0.9)


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
