"""Projects of strangers, whose commands run as a person starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from imports import ROOT

MEANS = """
import numpy as np

from fitting_room.spec import Case, Recipe, Task


def load():
    labels = np.arange(300) % 3
    rows = np.random.default_rng(0).normal(size=(300, 4)) + labels[:, None]
    return rows[:200], labels[:200], rows[200:], labels[200:]


def nothing():
    pass


def train(job, data, report):
    report.parameters(12)
    report.epoch(1, loss=1.0)
    report.predictions(np.eye(3)[np.clip(data.test_images.mean(axis=1).round(), 0, 2).astype(int)])


ROWS = Task(name="rows", title="Rows", load=load, classes=("a", "b", "c"))
TASKS = {"rows": ROWS}
CASE = Case(
    task="rows", architecture="mean", builder="own:nothing", trainer="own:train",
    recipe=Recipe(epochs=1),
)
CASES = {CASE.name: CASE}
"""
"""A project that trains in no time, without a framework."""

ROWS = '''
import numpy as np

from fitting_room.spec import Case, Recipe, Task


def rows():
    """Twelve features, of which two tell the class, but for one row in ten."""
    chance = np.random.default_rng(1)

    def part(n):
        features = chance.normal(size=(n, 12))
        truth = features[:, 0] + features[:, 1] > 0
        return features, np.where(chance.random(n) < 0.1, ~truth, truth).astype(int)

    return part(600), part(300)


def network(shape, classes, units):
    import keras
    from keras import layers

    hidden = [keras.Input(shape), layers.Flatten(), layers.Dense(units, activation="relu")]
    return keras.Sequential([*hidden, layers.Dense(classes, activation="softmax")])


def row_network(units):
    return network((12,), 2, units)


ROWS = Task(name="rows", title="Rows", load=rows, classes=("0", "1"))
RECIPE = Recipe(epochs=2, batch_size=16, learning_rate=0.005)
'''
"""The beginning of a project: inputs that are no images, and a small network of Keras."""

TABLE = """
[tool.fitting-room]
tasks = "own:TASKS"
cases = "own:CASES"
"""


@dataclass(frozen=True)
class Own:
    """A project of one's own, which has the engine of this checkout and nothing else of it."""

    folder: Path

    def call(self, *arguments: str, status: int = 0) -> str:
        """Run a module of Python there, check how it ends, and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT / "bench"), "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    def command(self, *arguments: str, status: int = 0) -> str:
        """Run a command of the bench."""
        return self.call("fitting_room", *arguments, status=status)

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run its suite."""
        told = ["-p", "fitting_room", "-p", "no:cacheprovider", "--undecided", "fail"]
        return self.call("pytest", *told, *arguments, status=status)
