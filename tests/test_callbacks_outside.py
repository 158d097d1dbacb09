"""The callbacks in a plain Keras script, on every backend, in a process that knows no bench."""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from imports import ROOT

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
