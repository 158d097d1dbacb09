"""The callbacks that anybody may use, in fits and scripts that they have not been written for."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from imports import ROOT


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


@pytest.mark.keras
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


@pytest.mark.keras
@pytest.mark.parametrize(
    "wrong",
    [{"direction": "up"}, {"patience": -1}, {"threshold": float("nan")}, {"threshold": 1e300}],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    """The message names the argument."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        stop(**{"metric": "loss", "threshold": 1.0, **wrong})


@pytest.mark.keras
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


@pytest.mark.keras
def test_every_metric_that_is_reported_can_be_watched() -> None:
    """Names, objects and weighted metrics work, in training and validation; and again."""
    import keras

    top2 = keras.metrics.SparseTopKCategoricalAccuracy(k=2, name="top2")
    of = model(metrics=["accuracy", top2], weighted_metrics=["accuracy"])
    names = ("loss", "top2", "accuracy", "weighted_accuracy", "val_top2")
    for _ in range(2):  # the second fit has metrics that the first one built
        watching = [stop(name, 1e6, direction="below") for name in names]
        history = fit(*watching, of=of, validation_split=0.25).history
        assert [callback.stopped_epoch for callback in watching] == [1] * 5
        assert set(names) <= set(history)


@pytest.mark.keras
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


@pytest.mark.keras
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


@pytest.mark.keras
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


@pytest.mark.keras
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_each_epoch_is_a_line_with_all_that_was_reported(tmp_path: Path, suffix: str) -> None:
    """What comes later has its column, what is missing is empty, and a second fit goes on."""
    from fitting_room.training.callbacks import EpochClock, MetricsLog

    path, clock = tmp_path / "new" / f"metrics{suffix}", EpochClock()
    of = model(steps_per_execution=4)
    for append in (False, True):
        log = MetricsLog(path, append=append, clock=clock)
        history = fit(clock, log, of=of, epochs=2, validation_split=0.25, validation_freq=2)
    lines = path.read_text("utf-8").splitlines()
    rows = [*csv.DictReader(lines)] if suffix == ".csv" else [json.loads(line) for line in lines]
    assert [int(row["epoch"]) for row in rows] == [1, 2, 1, 2]
    assert [bool(row.get("val_loss")) for row in rows] == [False, True, False, True]
    assert [float(row["accuracy"]) for row in rows[2:]] == history.history["accuracy"]
    assert [float(row["seconds"]) for row in rows[2:]] == clock.history
    assert float(rows[0]["learning_rate"]) == pytest.approx(0.01)


@pytest.mark.keras
def test_a_log_starts_anew_and_has_no_nan_in_json(tmp_path: Path) -> None:
    """A file that is not gone on with is emptied when training begins."""
    from fitting_room.training.callbacks import MetricsLog

    path = tmp_path / "log.jsonl"
    path.write_text("old\n", encoding="utf-8")
    log = MetricsLog(path)
    log.set_model(SimpleNamespace(optimizer=None))
    log.on_train_begin()
    log.on_epoch_end(0, {"loss": float("nan"), "f1": [0.5, float("inf")]})
    assert path.read_text("utf-8") == '{"epoch": 1, "loss": null, "f1": [0.5, null]}\n'


@pytest.mark.keras
def test_a_log_of_another_kind_is_refused() -> None:
    """The message has the two that there are."""
    from fitting_room.training.callbacks import MetricsLog

    with pytest.raises(ValueError, match=r"\.csv or \.jsonl, not 'metrics\.txt'"):
        MetricsLog("metrics.txt")


SCRIPT = """
import json, sys
import keras, numpy as np
from fitting_room.training.callbacks import EpochClock
from fitting_room.training.callbacks import MetricsLog
from fitting_room.training.callbacks import StopAtThreshold

x = np.random.default_rng(0).random((60, 8), np.float32)
y = (x.sum(axis=1) > 4).astype("uint8")
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2, activation="softmax")])
# Far from the best and the same on every backend, as is the order: so the losses are, too.
model.set_weights([np.repeat([[0.5, -0.5]], 8, axis=0), np.zeros(2)])
backend = keras.backend.backend()
model.compile(
    "sgd", "sparse_categorical_crossentropy", metrics=["accuracy"],
    steps_per_execution=1 if backend == "torch" else 3,  # Keras has no more than one on torch
)
clock = EpochClock()
stop = StopAtThreshold("val_loss", float(sys.argv[1]), direction="below", patience=1)
history = model.fit(
    x, y, batch_size=10, epochs=40, validation_split=0.2, shuffle=False, verbose=0,
    callbacks=[
        clock,
        keras.callbacks.ModelCheckpoint("best.keras", monitor="val_loss", save_best_only=True),
        keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=3, min_delta=1),
        MetricsLog("metrics.csv", clock=clock),
        MetricsLog("metrics.jsonl", clock=clock),
        stop,
        keras.callbacks.TensorBoard("logs"),
    ],
).history
best = keras.models.load_model("best.keras").evaluate(x[48:], y[48:], verbose=0)[0]
print(json.dumps({
    "backend": backend, "stopped": stop.stopped_epoch, "seconds": clock.history, "best": best,
    "val_loss": history["val_loss"], "rates": history["learning_rate"],
    "bench": sorted(name for name in sys.modules if name.split(".")[0] == "bench"),
}))
"""

BELOW = 1.7
"""Between the losses after epochs 8 and 9, 0.01 from either: see ``losses_by_hand``."""


def losses_by_hand(epochs: int) -> list[float]:
    """Return the validation loss after each epoch, of the same steps by NumPy in float64."""
    x = np.random.default_rng(0).random((60, 8), np.float32).astype(float)
    truth = np.eye(2)[(x.sum(axis=1) > 4).astype(int)]
    kernel, bias = np.repeat([[0.5, -0.5]], 8, axis=0), np.zeros(2)

    def probabilities(of: slice) -> np.ndarray:
        powers = np.exp(x[of] @ kernel + bias)
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    found = []
    for epoch in range(epochs):
        rate = 0.01 * 0.5 ** max(0, (epoch - 1) // 3)
        for first in range(0, 48, 10):
            batch = slice(first, min(first + 10, 48))
            off = (probabilities(batch) - truth[batch]) / (batch.stop - batch.start)
            kernel, bias = kernel - rate * x[batch].T @ off, bias - rate * off.sum(axis=0)
        right = (probabilities(slice(48, 60)) * truth[48:]).sum(axis=1)
        found.append(float(-np.log(right).mean()))
    return found


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_they_work_in_a_plain_script_beside_those_of_keras(backend: str, tmp_path: Path) -> None:
    """Stopped below a loss, best model on disk, rates halved on the plateau, all of it logged."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    script = tmp_path / "train.py"
    script.write_text(SCRIPT, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, str(script), str(BELOW)],
        cwd=tmp_path,
        env=os.environ
        | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
        | {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    told = json.loads(ran.stdout)
    losses, rates = told["val_loss"], told["rates"]
    assert told["backend"] == backend
    assert losses == pytest.approx(losses_by_hand(len(losses)), rel=1e-4)
    assert [loss <= BELOW for loss in losses[-3:]] == [False, True, True]
    assert told["stopped"] == len(losses) == 10
    assert told["best"] == pytest.approx(min(losses), rel=1e-5)
    halved = [a / b for a, b in pairwise(rates)]
    assert set(halved) == {1, 2}  # an epoch in which nothing improved by 1 counts as a plateau
    assert told["bench"] == []
    rows = list(csv.DictReader((tmp_path / "metrics.csv").read_text("utf-8").splitlines()))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [float(row["val_loss"]) for row in rows] == losses
    assert [line["seconds"] for line in lines] == told["seconds"]
    assert {path.parent.name for path in tmp_path.glob("logs/*/events.out.tfevents*")} == {
        "train",
        "validation",
    }
