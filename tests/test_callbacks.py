"""The callbacks of a trial: what the clock holds, what is logged, when training stops."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.keras


class Time:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def logged(logs: dict[str, float], score: Any = None) -> SimpleNamespace:
    """End one epoch under an ``EpochLog``, and return what it did."""
    from fitting_room.training.callbacks import EpochClock
    from fitting_room.trial.callbacks import EpochLog

    told: list[Any] = []
    log = EpochLog(EpochClock(Time(), Time()), score=score, tell=told.append)
    log.set_model(SimpleNamespace(stop_training=False))
    log.on_epoch_end(2, logs)
    return SimpleNamespace(told=told, epochs=log.epochs, stopped=log.model.stop_training)


def half(accuracy: float = 0.5) -> Any:
    """Return a score."""
    from fitting_room.trial.score import Score

    return Score(accuracy=accuracy, loss=1.5, classes=np.zeros(2, np.uint8))


def test_the_clock_holds_the_steps_and_not_the_scoring() -> None:
    """In a real ``fit`` of four steps a second each, an hour of scoring is not in the seconds."""
    import keras

    from fitting_room.training.callbacks import EpochClock
    from fitting_room.trial.callbacks import EpochLog

    time, told = Time(), list[Any]()

    def score() -> Any:
        time.now += 3600
        return half()

    class Step(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            time.now += 1

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    clock = EpochClock(time, time)
    log = EpochLog(clock, score=score, tell=told.append)
    data = np.zeros((8, 1), np.float32)
    model.fit(data, data, batch_size=2, epochs=3, callbacks=[clock, log, Step()], verbose=0)
    assert [(epoch.seconds, epoch.cpu_seconds) for epoch in told] == [(4, 4)] * 3


def test_an_epoch_is_logged_with_its_figures_and_told_at_once() -> None:
    """Keras counts epochs from 0 and the log from 1; the score of the test images is beside."""
    done = logged({"loss": 0.25, "accuracy": 0.75}, score=half)
    assert done.told == done.epochs
    epoch = done.epochs[0]
    assert (epoch.number, epoch.training_loss, epoch.training_accuracy) == (3, 0.25, 0.75)
    assert (epoch.test_accuracy, epoch.test_loss, done.stopped) == (0.5, 1.5, False)


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_training_unscored(loss: float) -> None:
    """The epoch is kept without a loss and without a score, and no further one begins."""

    def score() -> Any:
        raise AssertionError("nothing is left to score")

    done = logged({"loss": loss, "accuracy": 0.1}, score=score)
    assert (done.epochs[0].training_loss, done.epochs[0].test_accuracy) == (None, None)
    assert done.stopped


def test_without_a_scorer_no_epoch_is_scored() -> None:
    """An epoch has no test figures where none were asked for."""
    done = logged({"loss": 0.25, "accuracy": 0.75})
    assert (done.epochs[0].test_accuracy, done.epochs[0].evaluate_seconds) == (None, 0.0)


@pytest.mark.parametrize(("accuracy", "stops"), [(0.994, False), (0.995, True), (0.996, True)])
def test_training_stops_once_the_threshold_is_reached(accuracy: float, stops: bool) -> None:
    """Reaching it exactly is enough, and falling short by a little is not."""
    from fitting_room.trial.callbacks import StopAtAccuracy

    stop = StopAtAccuracy(0.995)
    stop.set_model(SimpleNamespace(stop_training=False))
    stop.on_epoch_end(0, {"accuracy": accuracy})
    assert stop.model.stop_training is stops
