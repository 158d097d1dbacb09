"""The callbacks that anybody may use, in fits that they have not been written for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.keras


def model(**compiled: Any) -> Any:
    """Return a tiny classifier of three classes."""
    import keras

    keras.utils.set_random_seed(0)
    made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    settings = {"metrics": ["accuracy"], **compiled}
    made.compile("sgd", "sparse_categorical_crossentropy", **settings)
    return made


def fit(*callbacks: Any, of: Any = None, epochs: int = 3, **settings: Any) -> Any:
    """Train on twelve images in six steps, and return what Keras reports."""
    x = np.random.default_rng(0).random((12, 4), np.float32)
    y = np.arange(12) % 3
    of = of or model()
    return of.fit(x, y, batch_size=2, epochs=epochs, callbacks=[*callbacks], verbose=0, **settings)


def stop(*arguments: Any, **settings: Any) -> Any:
    """Return a ``StopAtThreshold``."""
    from fitting_room.training.callbacks import StopAtThreshold

    return StopAtThreshold(*arguments, **settings)


def after(values: list[float | None], **settings: Any) -> int | None:
    """Return the epoch after which the values of a metric stop a training, if any."""
    callback = stop("val_loss", 0.9, **settings)
    callback.set_model(SimpleNamespace(stop_training=False))
    callback._known = True
    for epoch, value in enumerate(values):
        if not callback.model.stop_training:
            callback.on_epoch_end(epoch, {} if value is None else {"val_loss": value})
    assert callback.model.stop_training is (callback.stopped_epoch is not None)
    found: int | None = callback.stopped_epoch
    return found


@pytest.mark.parametrize(
    ("values", "settings", "epoch"),
    [
        ([0.8, 0.9, 1.0], {}, 2),
        ([0.8, float(np.float32(0.9))], {}, 2),  # 0.89999998: what Keras makes of 0.9
        ([0.8, 0.89], {}, None),
        ([1.0, 0.9, 0.8], {"direction": "below"}, 2),
        ([0.9, 0.8, 0.9, 0.9, 0.9], {"patience": 2}, 5),
        ([0.9, None, 0.9], {"patience": 1}, 3),
        ([float("nan"), 0.9], {}, 2),
    ],
)
def test_stops_after_the_epoch_that_makes_it_enough(
    values: list[float | None], settings: dict[str, Any], epoch: int | None
) -> None:
    """Reaching is enough, in single precision too; patience wants so many epochs more in a row."""
    assert after(values, **settings) == epoch


@pytest.mark.parametrize(
    "wrong",
    [{"direction": "up"}, {"patience": -1}, {"threshold": float("nan")}, {"threshold": 1e300}],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    """The message names the argument."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        stop(**{"metric": "loss", "threshold": 1.0, **wrong})


@pytest.mark.parametrize("steps", [1, 6])
@pytest.mark.parametrize(
    ("metric", "settings", "said"),
    [
        ("acuracy", {}, "Did you mean 'accuracy'"),
        ("val_accuracy", {}, "has no validation data"),
        ("val_acuracy", {"validation_split": 0.25}, "Did you mean 'val_accuracy'"),
    ],
)
def test_a_metric_that_is_not_reported_is_an_error_before_the_first_step(
    metric: str, settings: dict[str, Any], said: str, steps: int
) -> None:
    """Nothing has been trained when it is said, even where an epoch is one call of the step."""
    of = model(steps_per_execution=steps)
    before = of.get_weights()
    with pytest.raises(ValueError, match=said):
        fit(stop(metric, 0.5), of=of, **settings)
    assert all(np.array_equal(a, b) for a, b in zip(before, of.get_weights(), strict=True))


def test_every_metric_that_is_reported_can_be_watched() -> None:
    """By name, as an object, weighted, of the training or of the validation; and again."""
    import keras

    top2 = keras.metrics.SparseTopKCategoricalAccuracy(k=2, name="top2")
    of = model(metrics=["accuracy", top2], weighted_metrics=["accuracy"])
    names = ("loss", "top2", "accuracy", "weighted_accuracy", "val_top2")
    for _ in range(2):  # the second fit has metrics that the first one built
        watching = [stop(name, 1e6, direction="below") for name in names]
        history = fit(*watching, of=of, validation_split=0.25).history
        assert [callback.stopped_epoch for callback in watching] == [1] * 5
        assert set(names) <= set(history)


def test_a_step_of_ones_own_is_asked_when_it_has_run() -> None:
    """Such a model reports what it likes: known after its first step, and wrong before no epoch."""
    import keras

    class Own(keras.Sequential):  # type: ignore[misc]
        def train_step(self, data: Any) -> dict[str, Any]:
            return {"joy": keras.ops.mean(data[0])}

    own = Own([keras.Input((4,)), keras.layers.Dense(3)])
    own.compile("sgd", "mse")
    joyful = stop("joy", 0.0)
    fit(joyful, of=own)
    assert joyful.stopped_epoch == 1
    with pytest.raises(ValueError, match="'loss', which this fit will not report"):
        fit(stop("loss", 1.0), of=own)


def test_validation_of_every_other_epoch_is_waited_for() -> None:
    """The epochs between report nothing, and neither stop nor crash."""
    callback = stop("val_loss", 1e6, direction="below", patience=1)
    fit(callback, epochs=6, validation_split=0.25, validation_freq=2)
    assert callback.stopped_epoch == 4


class Time:
    """A clock that a callback moves: a second a step, an hour a validation."""

    now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.mark.parametrize(("steps", "calls"), [(1, 5), (5, 1)])
def test_the_clock_holds_the_steps_and_not_the_validation(steps: int, calls: int) -> None:
    """In a plain fit with validation data, as in one call of the step for a whole epoch."""
    import keras

    from fitting_room.training.callbacks import EpochClock

    time = Time()

    class Work(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            time.now += 1

        def on_test_end(self, logs: Any = None) -> None:
            time.now += 3600

    clock = EpochClock(time, time)
    of = model(steps_per_execution=steps)
    fit(clock, Work(), of=of, validation_split=1 / 6, validation_freq=2)
    assert clock.history == [calls] * 3
