"""``python -m bench inspect``: pictures of what a model sees, has learned, and mistakes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

from bench.commands.kept_model import add_arguments, alike, kept_model, wanted
from bench.commands.looking import View, check_filters, pictures, see
from bench.harness import data
from bench.harness.arguments import natural
from bench.harness.errors import UserError
from bench.harness.spec import TASKS, Task

IMAGES = 3
SHOES = "Ankle boot"
FILTER = 1


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("inspect", help="pictures of what a model sees and mistakes")
    add_arguments(parser)
    parser.add_argument(
        "--images", type=natural, nargs="+", metavar="N",
        help="test images to follow through the layers (three shoes, or three digits)",
    )  # fmt: skip
    parser.add_argument(
        "--filters", type=natural, nargs="+", metavar="K",
        help=f"filters to follow them through, from 0 ({FILTER})",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draw the pictures into ``results/inspect/<case>/`` and say which there are."""
    from bench.harness.report.plots.canvas import save
    from bench.harness.report.plots.theme import LIGHT

    spec = wanted(arguments)
    labels = np.asarray(data.load(spec.dataset).test_labels)
    chosen = _chosen(arguments.images, TASKS[spec.case.task], labels)
    asked = arguments.filters
    kept = kept_model(spec, arguments.results, check=partial(check_filters, spec, asked))
    print("Asking the model …", file=sys.stderr)
    records = alike(arguments.results, kept.record)
    found = see(kept, records, images=chosen, filters=asked or [FILTER])
    sample = "-sample" if spec.dataset.sample else ""
    folder = arguments.results / "inspect" / f"{spec.case.name}{sample}"
    print(f"{found.title}\n")
    for name, draw in pictures(found):
        print(save(draw, folder / f"{name}.png", LIGHT))
    if not found.seen.activations:
        print("\nIt has no convolution and no pooling, so there are no activations to draw.")
    print(f"\nMost confused, {found.over}:\n\n{_table(found)}")
    return 0


def _chosen(asked: Sequence[int] | None, task: Task, labels: NDArray[np.uint8]) -> tuple[int, ...]:
    """Return the images to follow: those asked for, or the published choice."""
    if asked is None:
        shoes = SHOES in task.classes
        of = np.flatnonzero(labels == task.classes.index(SHOES)) if shoes else np.arange(IMAGES)
        return tuple(of[:IMAGES].tolist())
    if max(asked) >= len(labels):
        raise UserError(
            f"There is no test image {max(asked)}: there are {len(labels):,}, "
            f"so the last is {len(labels) - 1}."
        )
    return tuple(asked)


def _table(view: View) -> str:
    classes = view.task.classes
    rows = [
        (classes[a], classes[b], f"{pair.counts[0]:.1f}", f"{pair.counts[1]:.1f}")
        for pair in view.pairs
        for a, b in [pair.classes]
    ]
    head = ("one", "other", "one taken for other", "other for one")
    return tabulate(rows, headers=head, disable_numparse=True)
