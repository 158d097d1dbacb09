"""``python -m bench inspect``: what a kept model sees, has learned and mistakes, in pictures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fitting_room import data
from fitting_room.analysis.mistakes import Pair, most_confused
from fitting_room.analysis.trials import one_per_seed
from fitting_room.cli import COMMANDS
from fitting_room.cli.kept_model import add_arguments, alike, kept_model, wanted
from fitting_room.errors import UserError, natural
from fitting_room.format import number
from fitting_room.lab.look import Seen, look
from fitting_room.record import Record, unpack_classes
from fitting_room.report.table import Table
from fitting_room.spec import TASKS, Task, TrialSpec, folder_of
from fitting_room.store.reading import below
from fitting_room.store.records import Kept

if TYPE_CHECKING:
    from fitting_room.report.plots.theme import Draw

PAIRS = 6


@dataclass(frozen=True, kw_only=True)
class View:
    """All that the pictures show."""

    case: str
    title: str
    task: Task
    arrays: data.Arrays
    chosen: tuple[int, ...]
    """Test images that were followed."""
    filters: tuple[int, ...]
    seen: Seen
    pairs: Sequence[Pair]
    records: Sequence[Record]
    """One a seed: what the pairs and the calibration are of."""

    @property
    def over(self) -> str:
        """What the counts of the pairs are over."""
        seeds = len(self.records)
        return "mistakes of one seed" if seeds == 1 else f"mistakes a seed, mean of {seeds}"


def see(
    kept: Kept, records: Sequence[Record], *, images: Sequence[int], filters: Sequence[int]
) -> View:
    """Ask a kept model about test images, and return that with what records have of its like.

    Args:
        kept: The model.
        records: Of its training, whatever the seed: their mistakes are counted with its own.
        images: Test images to follow through its layers.
        filters: Those of each layer to follow them through.

    Raises:
        UserError: It has no such filter, or could not be asked.
    """
    spec = kept.record.spec
    task, arrays = TASKS[spec.case.task], data.load(spec.dataset)
    seen = look(kept.file, spec, np.asarray(arrays.test_images)[list(images)], inside=True)
    _refuse(filters, seen)
    records = _answered(kept, records)
    answers = [unpack_classes(record.predictions) for record in records if record.predictions]
    return View(
        case=spec.case.name,
        title=f"{spec.case.name}, seed {spec.seed}",
        task=task,
        arrays=arrays,
        chosen=tuple(images),
        filters=tuple(filters),
        seen=seen,
        pairs=most_confused(answers, np.asarray(arrays.test_labels), pairs=PAIRS),
        records=records,
    )


def check_filters(spec: TrialSpec, asked: Sequence[int] | None) -> None:
    """Refuse a filter that the model will not have, for the price of building it."""
    if asked:
        _refuse(asked, look(None, spec, np.zeros((1, 28, 28), np.uint8), inside=True))


def pictures(view: View) -> Iterator[tuple[str, Draw]]:
    """Yield the name of each picture, and how it is drawn."""
    # Matplotlib takes longer to load than all of this together.
    from fitting_room.report.plots.album import made_with
    from fitting_room.report.plots.images import activations, confused, filters, samples
    from fitting_room.report.plots.reliability import reliability

    arrays, classes, seen = view.arrays, view.task.classes, view.seen
    images, labels = np.asarray(arrays.test_images), np.asarray(arrays.test_labels)
    title = f"{view.task.title}: the first training images of each class"
    yield "samples", partial(samples, arrays.train_images, arrays.train_labels, classes, title)
    if seen.activations:
        shown = {f"test image {i}\n{classes[labels[i]]}": images[i] for i in view.chosen}
        title = f"{view.title}: what the layers see"
        yield "activations", partial(activations, shown, seen.activations, view.filters, title)
    if seen.filters is not None:
        title = f"{view.title}: weights of the first layer"
        yield "filters", partial(filters, seen.filters, title)
    if view.pairs:
        said, title = made_with(view.records), f"{view.case}: most confused, {view.over}"
        yield "confused", partial(confused, images, view.pairs, classes, title, small_print=said)
    sure = [record for record in view.records if record.confidence]
    if sure:
        found = [record.confidence for record in sure if record.confidence]
        said = made_with(sure)
        yield "calibration", partial(reliability, found, view.case, small_print=said)


def _answered(kept: Kept, records: Sequence[Record]) -> list[Record]:
    """Return a record a seed, of those that kept their answers; the model's own at least."""
    found = one_per_seed([record for record in [*records, kept.record] if record.predictions])
    return found or [kept.record]


def _refuse(asked: Sequence[int], seen: Seen) -> None:
    counts = [found.shape[-1] for found in seen.activations.values()]
    if counts and max(asked) >= min(counts):
        raise UserError(
            f"There is no filter {max(asked)} in every layer: the least has {min(counts)}, "
            f"so the last is {min(counts) - 1}."
        )


IMAGES = 3
SHOES = "Ankle boot"
FILTER = 1


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("inspect", help=COMMANDS["inspect"])
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
    from fitting_room.report.plots.theme import LIGHT, save

    spec = wanted(arguments)
    labels = np.asarray(data.load(spec.dataset).test_labels)
    chosen = _chosen(arguments.images, TASKS[spec.case.task], labels)
    asked = arguments.filters
    kept = kept_model(spec, arguments, check=partial(check_filters, spec, asked))
    print("Asking the model …", file=sys.stderr)
    records = alike(arguments.results, kept.record)
    found = see(kept, records, images=chosen, filters=asked or [FILTER])
    sample = "-sample" if spec.dataset.sample else ""
    folder = below(arguments.results / "inspect", f"{folder_of(spec.case.name)}{sample}")
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
        (classes[a], classes[b], *(number(mean, 1) for mean in pair.counts))
        for pair in view.pairs
        for a, b in [pair.classes]
    ]
    head = ("one", "other", "one taken for other", "other for one")
    return Table(head, rows, align="llr").terminal()
