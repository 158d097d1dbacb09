"""What is done to an A/B timing, to test its judge: a slowed step, a busy neighbour."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.cases import CASES
from fitting_room.project import Slowdown

ROOT = Path(__file__).resolve().parents[1]
CASE = CASES["fashion_mnist-dense_128"]
"""The quickest to train of the published cases."""

SHARE = 0.15
"""Part of each execution's time that the slowed step wastes besides."""

STEP = """

_quick = train


class _Waste(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def on_train_batch_end(self, batch, logs=None):
        {waste}


def train(model, data, recipe, *, epochs, callbacks):
    _quick(model, data, recipe, epochs=epochs, callbacks=[*callbacks, _Waste()])
"""
"""Appended to the training path of a copy, so that its step is slower and nothing else differs."""

SLEEP = f"time.sleep({SHARE} * (time.perf_counter() - self.wall))"
"""Shows on the wall clock alone, and there only where the machine has nothing else to do."""

COMPUTE = f"""until = time.thread_time() + {SHARE} * (time.process_time() - self.cpu)
        while time.thread_time() < until:
            pass"""
"""Shows on the CPU clock, on a busy machine too."""

SPIN = "while True: pass"


@contextmanager
def as_it_is() -> Iterator[Path]:
    """Give the checkout itself: timing it against itself has nothing to find."""
    yield ROOT


@contextmanager
def slowed(waste: str) -> Iterator[Path]:
    """Give a copy of the checkout whose training step wastes time, as ``waste`` says."""
    with tempfile.TemporaryDirectory(prefix="fitting-room-") as parent:
        copy = Path(parent).resolve()
        for package in ("bench", "models"):
            shutil.copytree(
                ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__")
            )
        path = copy / "bench" / "fitting_room" / "trial" / "fit.py"
        source = path.read_text(encoding="utf-8")
        imports = source.replace("import keras\n", "import keras\nimport time\n", 1)
        path.write_text(imports + STEP.format(waste=waste), encoding="utf-8")
        yield copy


@contextmanager
def busy_neighbour() -> Iterator[Path]:
    """Keep one core busy with another process meanwhile, and give the checkout as it is."""
    child = subprocess.Popen([sys.executable, "-c", SPIN])
    try:
        yield ROOT
    finally:
        child.kill()
        child.wait()


PART = f"{SHARE:.0%}".replace("%", " %")

BESIDE = "nothing, beside a process that keeps one core busy"

SLOWDOWNS: dict[str, Slowdown] = {
    name: Slowdown(case=CASE, checkout=checkout, words=words, red=red)
    for name, checkout, words, red in (
        ("unchanged", as_it_is, "nothing", False),
        ("busy_neighbour", busy_neighbour, BESIDE, False),
        ("sleeping_step", partial(slowed, SLEEP), f"a sleep of {PART} in the step", True),
        ("computing_step", partial(slowed, COMPUTE), f"{PART} more to compute in the step", True),
    )
}
"""Name → what is done to one side of a timing; the last two are to go red."""
