"""``fitting-room init``: the files of a bench of one's own, green as they are, to be changed."""

from __future__ import annotations

import argparse
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fitting_room.errors import UserError
from fitting_room.lab.plan import Arguments, path
from fitting_room.project import FILE, from_here, read_project
from fitting_room.store.records import write_whole

NEXT = ("fitting-room calibrate --seeds 5 --apply", "pytest bench/")
"""The commands that are typed after it."""

TABLE = """\
[tool.fitting-room] # paths are relative to this file
tasks = "bench.tasks:TASKS"
cases = "bench.cases:CASES"
bounds = "bench/bounds.toml"
pins = "bench/data.toml"
results = "results"
"""

PAGE = """\
## Measured

<!-- fitting-room: digits -->
<!-- /fitting-room -->
"""

TASKS = '''\
"""What is trained on. Each task is a data set, with what its labels stand for."""

import numpy as np

from fitting_room.spec import Task

SHAPES = "75557 26227 71747 71717 55711 74717 74757 71222 75757 75717".split()
"""Each digit is five rows of three pixels, a row as its three bits."""


def load():
    """Draw digits on noisy images of 8 × 8 pixels; put your own data in their place."""
    rng = np.random.default_rng(0)
    shapes = np.array([[[int(row) >> bit & 1 for bit in (2, 1, 0)] for row in d] for d in SHAPES])
    labels = np.arange(4_000) % 10
    images = rng.integers(0, 105, (4_000, 8, 8))
    for image, label in zip(images, labels):
        left = rng.integers(2, 4)
        image[1:6, left : left + 3] += 150 * shapes[label]
    images = images.astype(np.uint8)
    return images[:3_000], labels[:3_000], images[3_000:], labels[3_000:]


DIGITS = Task(name="digits", load=load, classes=tuple("0123456789"))
TASKS = [DIGITS]
'''

MODELS = '''\
"""Architectures: each is a function that builds an untrained model."""


def dense(units):
    """One hidden layer: images of (8, 8, 1) to the probabilities of ten classes."""
    import keras  # here, as only the process that trains needs it
    from keras import layers

    hidden = layers.Dense(units, activation="relu")
    last = layers.Dense(10, activation="softmax")
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), hidden, last])
'''

CASES = '''\
"""What is tried: a model on a task, and how it is trained. Each case is one row of a table."""

from fitting_room.spec import Case, Recipe

DENSE = Case(
    task="digits",
    architecture="dense_32",
    builder="bench.models:dense",
    arguments={"units": 32},
    recipe=Recipe(epochs=8, learning_rate=0.003),
)
CASES = [DENSE]
'''

SUITES = '''\
"""Every case is held to every bound of bounds.toml."""

from fitting_room.suites import test_bound
'''

BOUNDS = """\
# What each case is held to, and why. `fitting-room calibrate --apply` trains every case with
# several seeds, and writes the bounds that follow from their scatter below.

# Of a run with --tier smoke, which trains on a small part of the data:
[smoke]
test_accuracy = { at_least = 0.15, reason = "above chance, which is 0.1: training works at all" }
"""

WORKFLOW = """\
# Trains every case, holds it to its bounds, and checks that the README shows what was measured.
name: bench

on: [push, pull_request]

permissions:
  contents: read

jobs:
  bench:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - name: Install the bench, from wherever you have it
        run: pip install "fitting-room[tensorflow]VERSION"
      - run: pytest bench/
      - run: fitting-room readme --check README.md
"""

IGNORED = """\
# Records of runs stay on the machine that made them; those in reference/ are committed.
/*
!/.gitignore
!/reference/
"""

FILES = {
    "bench/__init__.py": '"""The bench: what is trained, and what is asked of it."""\n',
    "bench/tasks.py": TASKS,
    "bench/models.py": MODELS,
    "bench/cases.py": CASES,
    "bench/test_bench.py": SUITES,
    "bench/bounds.toml": BOUNDS,
    "results/.gitignore": IGNORED,
    ".github/workflows/bench.yml": WORKFLOW,
}
"""Path → text of what is written where there is nothing."""


FOLDER = (
    "the folder; this one if none is named. Files that are there stay as they are, except that "
    "pyproject.toml and README.md get an addition"
)
ARGUMENTS: dict[str, Arguments] = {
    "init": {"folder": path(FOLDER, nargs="?", default=Path(), metavar="DIR")}
}


def init(arguments: argparse.Namespace) -> int:
    """Write what is missing, and print what to type next."""
    folder: Path = arguments.folder.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        done = {
            FILE: _table(folder),
            **{name: _file(folder / name, text) for name, text in FILES.items()},
            "README.md": _page(folder / "README.md"),
        }
    except OSError as error:
        why = f"{error.filename} cannot be written: {error.strerror}"
        raise UserError(f"{why}. Name a folder that is yours: fitting-room init DIR") from error
    for name, what in done.items():
        print(f"{name:28} {what}")
    steps = NEXT if folder == Path.cwd() else (f"cd {from_here(folder)}", *NEXT)
    print("\nNext, here and as it is:\n", *(f"    {step}" for step in steps), sep="\n")
    return 0


def _table(folder: Path) -> str:
    """Give the project its table, which a TOML file may end with."""
    if read_project(folder):
        return "left: it has a table [tool.fitting-room]"
    read_project.cache_clear()
    return _added(folder / FILE, TABLE, "the table [tool.fitting-room]")


def _page(path: Path) -> str:
    if path.is_file() and "<!-- fitting-room:" in path.read_text("utf-8"):
        return "left: it has a marker"
    return _added(path, PAGE, "the markers of a table")


def _added(path: Path, text: str, what: str) -> str:
    before = path.read_text("utf-8") if path.exists() else ""
    between = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    write_whole(path, f"{before}{between}{text}".encode())
    return f"added {what}" if before else f"written, with {what}"


def _file(path: Path, text: str) -> str:
    if path.exists() or path.is_symlink():
        return "left: it was there"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.replace("VERSION", _version()), "utf-8")
    return "written"


def _version() -> str:
    """Return this version as a requirement; nothing where a checkout runs uninstalled."""
    try:
        return f"=={version('fitting-room')}"
    except PackageNotFoundError:
        return ""
