"""Asking a kept model what it sees, has learned and mistakes, and how the pictures are drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bench.harness import data
from bench.harness.errors import UserError
from bench.harness.record import Record, unpack_classes
from bench.harness.report.confusion import Pair, most_confused
from bench.harness.report.trials import one_per_seed
from bench.harness.spec import TASKS, Task, TrialSpec
from bench.harness.store.models import Kept
from bench.harness.trial.look import Seen, look

if TYPE_CHECKING:
    from bench.harness.report.plots.canvas import Draw

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
    from bench.harness.report.pictures.activations import activations
    from bench.harness.report.pictures.examples import confused, samples
    from bench.harness.report.pictures.filters import filters
    from bench.harness.report.plots.caption import made_with
    from bench.harness.report.plots.reliability import reliability

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
