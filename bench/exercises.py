"""The exercises: a case of the tables with one thing about it varied, and what to make of that.

Their cases are no rows of the tables and have no bounds. A point that is a case of the tables is
that very case, so that one trial serves both.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench.cases import CASES, lawful
from bench.variants import CRIPPLED
from fitting_room.spec import TASKS, Case
from fitting_room.studies.exercises import Exercise

DENSE = CASES["fashion_mnist-dense_128"]
DIGITS = CASES["mnist-dense_128"]
CONVOLUTIONAL = CASES["fashion_mnist-cnn_64"]

LONG = 30
"""Epochs of the runs that are to show where more of them stop to pay."""


def _like(
    original: Case, name: str, *, arguments: dict[str, Any] | None = None, **recipe: Any
) -> Case:
    """Return a case with something changed; where the tables have one of that name, that one."""
    made = replace(
        original,
        architecture=name,
        arguments={**original.arguments, **(arguments or {})},
        recipe=replace(original.recipe, **recipe),
    )
    return lawful(CASES.get(made.name, made))


def _width() -> Exercise:
    widths = (16, 32, 64, 128, 256, 512, 1024)
    labels = tuple(f"{units:,}" for units in widths)
    cases = [_like(DENSE, f"dense_{units}", arguments={"units": units}) for units in widths]
    return Exercise(
        name="width",
        question="What does a wider hidden layer bring?",
        varied="hidden neurons",
        points=dict(zip(labels, cases, strict=True)),
        base=("128",),
        against="128 neurons",
        rows=(labels,),
        thin=("128", "512"),
    )


def _layers() -> Exercise:
    points = {
        str(n): _like(DENSE, "_".join(["dense", *["128"] * n]), arguments={"hidden_layers": n})
        for n in (1, 2, 3)
    }
    return Exercise(
        name="layers",
        question="What do a second and a third hidden layer bring?",
        varied="hidden layers of 128",
        points=points,
        base=("1",),
        against="one layer",
        thin=("1", "2"),
    )


def _whole(original: Case) -> Case:
    """Return a dense case over many epochs, which nothing stops."""
    return _like(original, f"dense_128_epochs_{LONG}", epochs=LONG, stop_at_accuracy=None)


def _duration() -> Exercise:
    points = {TASKS[case.task].title: _whole(case) for case in (DENSE, DIGITS)}
    return Exercise(
        name="duration",
        question="How many epochs pay?",
        varied="data and epochs",
        points=points,
        base=tuple(points),
        against=f"{LONG} epochs",
        epochs=(1, 2, 5, 10, 20, LONG),
        paired=True,
        thin=(TASKS[DENSE.task].title,),
    )


def _stopping() -> Exercise:
    points: dict[str, Case] = {}
    for original in (DENSE, DIGITS):
        title = TASKS[original.task].title
        points[f"{title}, never"] = _whole(original)
        for percent in ("85", "98", "99.5"):
            case = _like(
                original,
                f"dense_128_stop_{percent.replace('.', '_')}",
                epochs=LONG,
                stop_at_accuracy=float(percent) / 100,
            )
            points[f"{title} at {percent} %"] = case
    title = TASKS[DENSE.task].title
    return Exercise(
        name="stopping",
        question="What does stopping at a training accuracy save, and what does it cost?",
        varied="stops at training accuracy",
        points=points,
        base=tuple(f"{TASKS[original.task].title}, never" for original in (DENSE, DIGITS)),
        against="never stopping",
        paired=True,
        thin=(f"{title}, never", f"{title} at 85 %"),
    )


BLOCKS = {1: "single_conv", 2: "cnn", 3: "triple_conv"}
"""Convolutional blocks → how the names of the tables begin."""


def _filters() -> Exercise:
    filters = (8, 16, 32, 64, 128)
    points = {
        f"{blocks} × {many}": _convolutional(blocks, many) for blocks in BLOCKS for many in filters
    }
    return Exercise(
        name="filters",
        question="How many filters and convolutional blocks pay?",
        varied="blocks × filters",
        points=points,
        base=("2 × 64",),
        against="2 blocks × 64 filters",
        rows=tuple(tuple(f"{blocks} × {many}" for many in filters) for blocks in BLOCKS),
        thin=("1 × 64", "2 × 32", "2 × 64", "3 × 64"),
        seeds=3,  # a convolution takes as long as ten dense layers
    )


def _convolutional(blocks: int, filters: int) -> Case:
    """Name 64 filters in one or three blocks as the tables do: by their blocks alone."""
    short = BLOCKS[blocks] if filters == 64 and blocks != 2 else f"{BLOCKS[blocks]}_{filters}"
    return _like(CONVOLUTIONAL, short, arguments={"filters": filters, "blocks": blocks})


def _pixels() -> Exercise:
    return Exercise(
        name="pixels",
        question="What does it bring to scale pixels to 0–1?",
        varied="pixels",
        # The gate trains the same, to see that it notices.
        points={"0–1": DENSE, "0–255": CRIPPLED["raw_pixels"].case},
        base=("0–1",),
        against="pixels of 0–1",
        thin=("0–1", "0–255"),
    )


def _batches() -> Exercise:
    sizes = (32, 64, 128, 256, 512, 1024)
    labels = tuple(f"{size:,}" for size in sizes)
    cases = [DENSE, *(_like(DENSE, f"dense_128_batch_{n}", batch_size=n) for n in sizes[1:])]
    return Exercise(
        name="batches",
        question="What do larger batches save, and what do they cost?",
        varied="images a batch",
        points=dict(zip(labels, cases, strict=True)),
        base=("32",),
        against="batches of 32",
        rows=(labels,),
        thin=("32", "1,024"),
    )


EXERCISES: dict[str, Exercise] = {
    each.name: each
    for make in (_width, _layers, _duration, _filters, _stopping, _pixels, _batches)
    for each in [make()]
}
"""Name → exercise, in the order in which they are told."""
