"""Cases made worse on purpose: the gate must fail each of them, and pass the untouched case.

A variant is a committed case with one thing changed, held to the bounds of that case. A slowdown
slows one side of an A/B timing of a checkout against itself.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.cases import CASES
from fitting_room.project import Slowdown, Variant
from fitting_room.spec import Case

ROOT = Path(__file__).resolve().parents[1]

ORIGINAL = CASES["fashion_mnist-dense_128"]
"""The cheapest to train of the published cases."""
MINIMAL = CASES["mnist-minimal"]
"""A case with smoothed labels and augmentation, which the cheapest lacks."""


def _variant(
    name: str,
    words: str,
    original: Case = ORIGINAL,
    *,
    builder: str | None = None,
    arguments: dict[str, Any] | None = None,
    red: bool = True,
    **recipe: Any,
) -> Variant:
    case = replace(
        original,
        variant=name,
        builder=builder or original.builder,
        recipe=replace(original.recipe, **recipe),
        arguments={**original.arguments, **(arguments or {})},
    )
    return Variant(case=case, words=words, red=red)


RATE, BATCH = ORIGINAL.recipe.learning_rate, ORIGINAL.recipe.batch_size
UNMOVED: dict[str, Any] = {"rotate_degrees": 0.0, "shift_pixels": 0.0}

UNCHANGED = Variant(case=ORIGINAL, words="nothing")

CRIPPLED: dict[str, Variant] = {
    variant.case.variant: variant
    for variant in (
        _variant("shuffled_labels", "labels shuffled", shuffle_labels=True),
        _variant("no_learning", "learning rate 0", learning_rate=0.0),
        _variant("a_tenth_of_the_rate", "learning rate × 0.1", learning_rate=0.1 * RATE),
        _variant("half_the_rate", "learning rate × 0.5", learning_rate=0.5 * RATE),
        _variant("missing_layer", "hidden layer missing", arguments={"hidden_layers": 0}),
        _variant("half_the_data", "half the training images", train_fraction=0.5),
        _variant("raw_pixels", "pixels not scaled", scale_pixels=False),
        _variant("no_momentum", "β₁ = 0", beta_1=0.0),
        _variant("double_batch", "batch × 2", batch_size=2 * BATCH),
        _variant(
            "other_initializer",
            "kernels begin at N(0, 1)",
            builder="bench.variants:standard_normal",
        ),
        _variant("dropout", "dropout of 20 % added", builder="bench.variants:dropped_out"),
        _variant(
            "one_order",
            "images in one order, the same in every epoch",
            builder="bench.variants:in_one_order",
            red=False,
        ),
        _variant("hard_labels", "label smoothing dropped", MINIMAL, label_smoothing=0.0),
        _variant("no_augmentation", "augmentation off", MINIMAL, **UNMOVED),
    )
}
"""Name → variant; every one of them must go red, but for one that is known to be missed."""


def dropped_out(*, units: int) -> Any:
    """Return ``dense`` with a fifth of its hidden units dropped in training."""
    import keras

    from models.dense import dense

    *below, head = dense(units=units).layers
    return keras.Sequential([keras.Input((28, 28, 1)), *below, keras.layers.Dropout(0.2), head])


def in_one_order(*, units: int) -> Any:
    """Return ``dense`` that is fitted to the images in one order, the same in every epoch."""
    import keras

    from models.dense import dense

    class InOneOrder(keras.Sequential):  # type: ignore[misc]  # Keras has no types
        def fit(self, *data: Any, **options: Any) -> Any:
            return super().fit(*data, **{**options, "shuffle": False})

    return InOneOrder(dense(units=units).layers)


def standard_normal(*, units: int) -> Any:
    """Return ``dense`` with kernels that begin at N(0, 1), whatever they are connected to."""
    import keras

    from models.dense import dense

    model = dense(units=units)
    for layer in model.layers[1:]:
        layer.kernel.assign(keras.random.normal(layer.kernel.shape))
    return model


SHARE = 0.15
"""The time that the slowed step wastes, as a share of each execution's time."""

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
"""Code appended to the training path of a copy: its step is slower, and nothing else differs."""

SLEEP = f"time.sleep({SHARE} * (time.perf_counter() - self.wall))"
"""A waste that shows on the wall clock alone, and only on a machine that does nothing else."""

COMPUTE = f"""until = time.thread_time() + {SHARE} * (time.process_time() - self.cpu)
        while time.thread_time() < until:
            pass"""
"""A waste that shows on the CPU clock, on a busy machine too."""

SPIN = "while True: pass"


@contextmanager
def slowed(waste: str) -> Iterator[Path]:
    """Yield a copy of the checkout whose training step wastes time by the code ``waste``."""
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
    """Keep one core busy with another process, and yield the unchanged checkout."""
    child = subprocess.Popen([sys.executable, "-c", SPIN])
    try:
        yield ROOT
    finally:
        child.kill()
        child.wait()


PART = f"{SHARE:.0%}".replace("%", " %")

BESIDE = "nothing, beside a process that keeps one core busy"

SLOWDOWNS: dict[str, Slowdown] = {
    name: Slowdown(case=ORIGINAL, checkout=checkout, words=words, red=red)
    for name, checkout, words, red in (
        ("unchanged", lambda: nullcontext(ROOT), "nothing", False),
        ("busy_neighbour", busy_neighbour, BESIDE, False),
        ("sleeping_step", partial(slowed, SLEEP), f"a sleep of {PART} in the step", True),
        ("computing_step", partial(slowed, COMPUTE), f"{PART} more to compute in the step", True),
    )
}
"""Name → slowdown of one side of a timing; the last two must go red."""
