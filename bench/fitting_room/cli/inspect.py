"""``python -m bench inspect``: what a kept model sees, has learned and mistakes, in pictures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fitting_room import data
from fitting_room.analysis.mistakes import Pair, most_confused
from fitting_room.analysis.trials import one_per_seed
from fitting_room.cli import COMMANDS
from fitting_room.cli.kept_model import add_arguments, alike, kept_model, test_image, wanted
from fitting_room.errors import UserError, natural
from fitting_room.format import number
from fitting_room.lab.probe import Seen, look
from fitting_room.record import Record, unpack_classes
from fitting_room.report.model import shown, why_unseen
from fitting_room.report.table import Table
from fitting_room.spec import TASKS, Task, TrialSpec, folder_of
from fitting_room.store.reading import below

if TYPE_CHECKING:
    from fitting_room.report.plots import Draw

PAIRS = 6
IMAGES = 3
FILTER = 1


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("inspect", help=COMMANDS["inspect"])
    add_arguments(parser)
    parser.add_argument(
        "--images", type=natural, nargs="+", metavar="N",
        help="test images to follow through the layers (three, of the class that its task names)",
    )  # fmt: skip
    parser.add_argument(
        "--filters", type=natural, nargs="+", metavar="K", default=[FILTER],
        help=f"filters to follow them through, from 0 ({FILTER})",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draw the pictures into ``results/inspect/<case>/`` and say which there are."""
    from fitting_room.report.plots import LIGHT, save

    spec, filters = wanted(arguments), arguments.filters
    arrays = data.load(spec.dataset)
    chosen = _chosen(arguments.images, TASKS[spec.case.task], np.asarray(arrays.test_labels))
    check = partial(_check_filters, spec, filters, arrays.test_images)
    kept = kept_model(spec, arguments, check=check)
    print("Asking the model …", file=sys.stderr)
    seen = look(kept.file, spec, np.asarray(arrays.test_images)[list(chosen)], inside=True)
    _refuse(filters, seen)
    view = View(spec, arrays, seen, _answered(kept.record, alike(arguments.results, kept.record)))
    sample = "-sample" if spec.dataset.sample else ""
    folder = below(arguments.results / "inspect", f"{folder_of(spec.case.name)}{sample}")
    print(f"{view.title}\n")
    for name, draw in pictures(view, chosen, filters):
        print(save(draw, folder / f"{name}.png", LIGHT))
    print("".join(f"\n{sentence}\n" for sentence in _missing(view)), end="")
    print(f"\nMost confused, {view.over}:\n\n{_table(view)}")
    return 0


def _missing(view: View) -> Iterator[str]:
    """Yield a sentence on each picture that cannot be drawn."""
    if view.unseen:
        yield f"No samples and no confused images: {view.unseen}."
    if not view.seen.activations:
        yield "It has no convolution and no pooling, so there are no activations to draw."
    elif view.unseen:
        yield "Its activations are not drawn either, for they stand beside the images."
    if view.seen.filters is None:
        yield "Its first layer does not look at pixels of one channel, so no weights are drawn."


@dataclass(frozen=True)
class View:
    """What a model saw, and what is known of its like."""

    spec: TrialSpec
    arrays: data.Arrays
    seen: Seen
    records: Sequence[Record]
    """One a seed: what the pairs and the calibration are of."""

    @property
    def title(self) -> str:
        """The model, in words."""
        return f"{self.spec.case.name}, seed {self.spec.seed}"

    @property
    def task(self) -> Task:
        """What it was trained for."""
        return TASKS[self.spec.case.task]

    @property
    def unseen(self) -> str:
        """Why its inputs cannot be shown; empty where they can."""
        return why_unseen(self.arrays.test_images.shape[1:])

    @property
    def pairs(self) -> Sequence[Pair]:
        """The classes that are most confused."""
        answers = [unpack_classes(each.predictions) for each in self.records if each.predictions]
        return most_confused(answers, np.asarray(self.arrays.test_labels), pairs=PAIRS)

    @property
    def over(self) -> str:
        """What the counts of the pairs are over."""
        seeds = len(self.records)
        return "mistakes of one seed" if seeds == 1 else f"mistakes a seed, mean of {seeds}"


def pictures(
    view: View, chosen: Sequence[int], filters: Sequence[int]
) -> Iterator[tuple[str, Draw]]:
    """Yield the name of each picture, and how it is drawn."""
    # Matplotlib takes longer to load than all of this together.
    from fitting_room.report.plots import images as draw
    from fitting_room.report.plots.album import made_with
    from fitting_room.report.plots.images import reliability

    arrays, classes, seen, case = view.arrays, view.task.classes, view.seen, view.spec.case.name
    images, labels = shown(np.asarray(arrays.test_images)), np.asarray(arrays.test_labels)
    if not view.unseen:
        title = f"{view.task.title}: the first training images of each class"
        first = shown(np.asarray(arrays.train_images))
        yield "samples", partial(draw.samples, first, arrays.train_labels, classes, title)
    if seen.activations and not view.unseen:
        followed = {f"test image {i}\n{classes[labels[i]]}": images[i] for i in chosen}
        title = f"{view.title}: what the layers see"
        yield "activations", partial(draw.activations, followed, seen.activations, filters, title)
    if seen.filters is not None:
        title = f"{view.title}: weights of the first layer"
        yield "filters", partial(draw.filters, seen.filters, title)
    if not view.unseen and (pairs := view.pairs):
        said, title = made_with(view.records), f"{case}: most confused, {view.over}"
        yield "confused", partial(draw.confused, images, pairs, classes, title, small_print=said)
    if found := [record.confidence for record in view.records if record.confidence]:
        said = made_with([record for record in view.records if record.confidence])
        yield "calibration", partial(reliability, found, case, small_print=said)


def _answered(own: Record, records: Sequence[Record]) -> list[Record]:
    """Return a record a seed, of those that kept their answers; the model's own at least."""
    return one_per_seed([each for each in [*records, own] if each.predictions]) or [own]


def _check_filters(spec: TrialSpec, asked: Sequence[int], images: NDArray[Any]) -> None:
    """Refuse a filter that the model will not have, for the price of building it."""
    if asked != [FILTER]:
        _refuse(asked, look(None, spec, np.asarray(images[:1]), inside=True))


def _refuse(asked: Sequence[int], seen: Seen) -> None:
    counts = [found.shape[-1] for found in seen.activations.values()]
    if counts and max(asked) >= min(counts):
        raise UserError(
            f"There is no filter {max(asked)} in every layer: the least has {min(counts)}, "
            f"so the last is {min(counts) - 1}."
        )


def _chosen(asked: Sequence[int] | None, task: Task, labels: NDArray[np.uint8]) -> tuple[int, ...]:
    """Return the images to follow: those asked for, or the published choice."""
    if asked is None:
        found = np.arange(len(labels))
        if task.followed is not None:
            found = found[labels == task.classes.index(task.followed)]
        return tuple(found[:IMAGES].tolist())
    return tuple(test_image(each, len(labels)) for each in asked)


def _table(view: View) -> str:
    classes = view.task.classes
    rows = [
        [*(classes[label] for label in pair.classes), *(number(mean, 1) for mean in pair.counts)]
        for pair in view.pairs
    ]
    head = ("one", "other", "one taken for other", "other for one")
    return Table(head, rows, align="llr").terminal()
