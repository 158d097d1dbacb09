"""The exercises: a case of the tables with one setting varied, and a conclusion from the records.

Their cases are no rows of the tables and have no bounds. If a point is a case of the tables, it is
that very case, so that one trial serves both.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench.cases import CASES, lawful
from bench.tasks import TASKS
from bench.variants import CRIPPLED
from fitting_room.spec import Case
from fitting_room.studies.exercises import Exercise

DENSE = CASES["fashion_mnist-dense_128"]
DIGITS = CASES["mnist-dense_128"]
CONVOLUTIONAL = CASES["fashion_mnist-cnn_64"]

LONG = 30
"""Epochs of the runs that show when more epochs stop to pay."""


def _like(
    original: Case, name: str, *, arguments: dict[str, Any] | None = None, **recipe: Any
) -> Case:
    """Return a case with a change; if the tables have a case of that name, return that one."""
    made = replace(
        original,
        architecture=name,
        arguments={**original.arguments, **(arguments or {})},
        recipe=replace(original.recipe, **recipe),
    )
    return lawful(CASES.get(made.name, made))


def _whole(original: Case) -> Case:
    """Return a dense case with many epochs and no early stop."""
    return _like(original, f"dense_128_epochs_{LONG}", epochs=LONG, stop_at_accuracy=None)


def _stopping(original: Case) -> dict[str, Case]:
    """Return a dense case with many epochs, and others that stop at a training accuracy."""
    title = TASKS[original.task].title
    points = {f"{title}, never": _whole(original)}
    for percent in ("85", "98", "99.5"):
        name = f"dense_128_stop_{percent.replace('.', '_')}"
        case = _like(original, name, epochs=LONG, stop_at_accuracy=float(percent) / 100)
        points[f"{title} at {percent} %"] = case
    return points


def _convolutional(blocks: int, filters: int) -> Case:
    """Name 64 filters in one or three blocks as the tables do: by their blocks alone."""
    short = BLOCKS[blocks] if filters == 64 and blocks != 2 else f"{BLOCKS[blocks]}_{filters}"
    return _like(CONVOLUTIONAL, short, arguments={"filters": filters, "blocks": blocks})


BLOCKS = {1: "single_conv", 2: "cnn", 3: "triple_conv"}
"""Number of convolutional blocks → the beginning of the names in the tables."""
FILTERS = (8, 16, 32, 64, 128)
WIDTHS = (16, 32, 64, 128, 256, 512, 1024)
BATCHES = (32, 64, 128, 256, 512, 1024)
FASHION, MNIST = (TASKS[case.task].title for case in (DENSE, DIGITS))

EXERCISES: dict[str, Exercise] = {
    each.name: each
    for each in (
        Exercise(
            name="width",
            question="What does a wider hidden layer bring?",
            varied="hidden neurons",
            points={f"{n:,}": _like(DENSE, f"dense_{n}", arguments={"units": n}) for n in WIDTHS},
            base=("128",),
            against="128 neurons",
            rows=(tuple(f"{n:,}" for n in WIDTHS),),
            thin=("128", "512"),
        ),
        Exercise(
            name="layers",
            question="What do a second and a third hidden layer bring?",
            varied="hidden layers of 128",
            points={
                str(n): _like(DENSE, f"dense{n * '_128'}", arguments={"hidden_layers": n})
                for n in (1, 2, 3)
            },
            base=("1",),
            against="one layer",
            thin=("1", "2"),
        ),
        Exercise(
            name="duration",
            question="How many epochs pay?",
            varied="data and epochs",
            points={FASHION: _whole(DENSE), MNIST: _whole(DIGITS)},
            base=(FASHION, MNIST),
            against=f"{LONG} epochs",
            epochs=(1, 2, 5, 10, 20, LONG),
            paired=True,
            thin=(FASHION,),
        ),
        Exercise(
            name="filters",
            question="How many filters and convolutional blocks pay?",
            varied="blocks × filters",
            points={f"{b} × {n}": _convolutional(b, n) for b in BLOCKS for n in FILTERS},
            base=("2 × 64",),
            against="2 blocks × 64 filters",
            rows=tuple(tuple(f"{b} × {n}" for n in FILTERS) for b in BLOCKS),
            thin=("1 × 64", "2 × 32", "2 × 64", "3 × 64"),
            seeds=3,  # a convolution takes as long as ten dense layers
        ),
        Exercise(
            name="stopping",
            question="What does stopping at a training accuracy save, and what does it cost?",
            varied="stops at training accuracy",
            points=_stopping(DENSE) | _stopping(DIGITS),
            base=(f"{FASHION}, never", f"{MNIST}, never"),
            against="never stopping",
            paired=True,
            thin=(f"{FASHION}, never", f"{FASHION} at 85 %"),
        ),
        Exercise(
            name="pixels",
            question="What does it bring to scale pixels to 0–1?",
            varied="pixels",
            # The gate trains the same, to see that it notices.
            points={"0–1": DENSE, "0–255": CRIPPLED["raw_pixels"].case},
            base=("0–1",),
            against="pixels of 0–1",
            thin=("0–1", "0–255"),
        ),
        Exercise(
            name="batches",
            question="What do larger batches save, and what do they cost?",
            varied="images a batch",
            points={"32": DENSE}
            | {f"{n:,}": _like(DENSE, f"dense_128_batch_{n}", batch_size=n) for n in BATCHES[1:]},
            base=("32",),
            against="batches of 32",
            rows=(tuple(f"{n:,}" for n in BATCHES),),
            thin=("32", "1,024"),
        ),
    )
}
"""Name → exercise, in the order in which they are told."""
