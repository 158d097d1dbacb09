"""The callbacks in a plain Keras script, with Keras' own, in a process that knows no bench."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from imports import ROOT

SCRIPT = """
import json, sys
import keras, numpy as np
from models.callbacks import EpochClock, MetricsLog, StopAtThreshold

keras.utils.set_random_seed(0)
x = np.random.default_rng(0).random((60, 8), np.float32)
y = (x.sum(axis=1) > 4).astype("uint8")
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2, activation="softmax")])
model.compile(
    "sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], steps_per_execution=3
)
clock = EpochClock()
stop = StopAtThreshold("val_loss", float(sys.argv[1]), direction="below", patience=1)
history = model.fit(
    x, y, batch_size=10, epochs=40, validation_split=0.2, verbose=0,
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
    "stopped": stop.stopped_epoch, "seconds": clock.history, "best": best,
    "val_loss": history["val_loss"], "rates": history["learning_rate"],
    "bench": sorted(name for name in sys.modules if name.split(".")[0] == "bench"),
}))
"""


def test_they_work_in_a_plain_script_beside_those_of_keras(tmp_path: Path) -> None:
    """Stopped below a loss, best model on disk, rates halved on the plateau, all of it logged."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, str(script), "0.734"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    told = json.loads(ran.stdout)
    losses, rates = told["val_loss"], told["rates"]
    assert told["stopped"] == len(losses) < 40
    assert [loss <= 0.734 for loss in losses[-3:]] == [False, True, True]
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
