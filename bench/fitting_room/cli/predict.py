"""``predict`` and ``inspect``: what a kept model answers, sees, has learned and mistakes.

Matplotlib takes longer to load than all of this together, so it is imported where it draws.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from fitting_room import data
from fitting_room.analysis.audit import claims_in
from fitting_room.analysis.mistakes import Pair, most_confused
from fitting_room.analysis.trials import one_per_seed
from fitting_room.cli.session import DATA, datasets, session, shared, tell
from fitting_room.data.picture import convert
from fitting_room.errors import UserError, natural
from fitting_room.format import number
from fitting_room.lab.plan import Arguments, Options, argument, flag, path, specify
from fitting_room.lab.probe import Seen, look
from fitting_room.lab.scheduler import job_of, saves_model
from fitting_room.reading import below
from fitting_room.record import Record, loader, unpack_classes
from fitting_room.report.model import (
    Answer,
    card,
    confidences,
    draws_blocks,
    known_seeds,
    picture,
    sentences,
    shown,
    table,
    why_unseen,
)
from fitting_room.report.table import Table
from fitting_room.spec import TASKS, Task, TrialSpec, folder_of
from fitting_room.store.bounds import reference_folders
from fitting_room.store.key import training_key
from fitting_room.store.records import Kept, Models, Store

if TYPE_CHECKING:
    from fitting_room.report.plots import Draw

PAIRS = 6
IMAGES = 3
FILTER = 1


def _drawable(text: str) -> Path:
    if Path(text).suffix not in (".png", ".svg"):
        raise argparse.ArgumentTypeError(f"expected a name ending in .png or .svg, not {text!r}")
    return Path(text)


IMAGE = "test images to follow through the layers (three, of the class that its task names)"
THROUGH = f"filters to follow them through, from 0 ({FILTER})"

MODEL: Arguments = {
    "--case": argument("a case by name (the first)"),
    "--seed": argument("the seed of the model (0)", type=natural, default=0),
    "--sample": flag("a model trained on the sample: quick, but inaccurate"),
    **shared(*DATA, "--results"),
}

ARGUMENTS: dict[str, Arguments] = {
    "predict": {
        **MODEL,
        "--index": argument("a test image, from 0 (0)", type=natural, default=0),
        "--image": path("a PNG or JPEG of your own", metavar="FILE"),
        "--output": argument(
            "draw the answer into a PNG or SVG, too", type=_drawable, metavar="FILE"
        ),
    },
    "inspect": {
        **MODEL,
        "--images": argument(IMAGE, type=natural, nargs="+", metavar="N"),
        "--filters": argument(THROUGH, type=natural, nargs="+", metavar="K", default=[FILTER]),
    },
}

ONE_OF = ("--index", "--image")


def _wanted(arguments: argparse.Namespace) -> TrialSpec:
    """Return the spec of the trial whose model the options name."""
    project = arguments.project
    case = project.case(arguments.case or next(iter(project.cases)))
    if arguments.sample:
        return specify(case, arguments.seed, Options(tier="smoke"), data.sample(case.task))
    return specify(case, arguments.seed, Options(), datasets([case.task], arguments)[case.task])


def _kept_model(
    spec: TrialSpec, arguments: argparse.Namespace, check: Callable[[], None] = lambda: None
) -> Kept:
    """Return the model of a trial, trained now if this code has none under the results.

    ``check`` is called before the training, and may refuse it.
    """
    name = f"{spec.case.name}, seed {spec.seed},"
    models, job = Models(arguments.results / "models", card), job_of(spec, arguments.project.root)
    if found := models.find(job):
        return found
    if not saves_model(spec.case, arguments.project.root):
        raise UserError(
            f"No model of {name} can be loaded: {loader(spec.case.trainer or '')} is missing. Let "
            "the trainer hand save= to report.predictions, and write that function: it takes the "
            "saved file, and returns a function that predicts."
        )
    check()
    tell(f"No model of {name} is kept: it is trained now.")
    with session(arguments, keep_models=True) as running:
        (record,) = running.train([spec])
    found = models.find(job)
    if found is None:
        raise UserError(f"The training of {name} {record.outcome}: {record.reason}.")
    tell(f"Kept as {found.file}.")
    return found


def alike(results: Path, record: Record) -> list[Record]:
    """Return the stored records of the same training with any seed, references and others.

    Stale records, and those of another backend or device, are not among them.
    """
    folders = [*reference_folders(results), results / "trials"]
    stored = [record for folder in folders for record in Store(folder).readable()]
    wanted = training_key(record, versions=False)
    return [each for each in stored if training_key(each, versions=False) == wanted]


def _test_image(index: int, images: int) -> int:
    if index < images:
        return index
    raise UserError(
        f"There is no test image {index}: there are {images:,}, so the last is {images - 1}."
    )


def predict(arguments: argparse.Namespace) -> int:
    """Show the image, its probabilities, and how far they can be trusted."""
    spec = _wanted(arguments)
    images, steps = data.load(spec.dataset).test_images, list[str]()
    if arguments.image:
        title, (pixels, steps) = arguments.image.name, _from_file(arguments.image, spec, images)
    else:
        title = f"test image {arguments.index}"
        pixels = np.asarray(images[_test_image(arguments.index, len(images))])
    unseen = why_unseen(pixels.shape)
    kept = _kept_model(spec, arguments)
    probabilities = look(kept.file, spec, pixels[np.newaxis]).probabilities[0]
    records = alike(arguments.results, kept.record)
    answer = _answer(spec, probabilities, records, arguments)
    title = f"{spec.case.name}, seed {spec.seed}: {title}"
    console = Console(markup=False, highlight=False, soft_wrap=True)
    blocks = draws_blocks(console)
    console.print("\n".join([f"{title}\n", *(f"  - {step}" for step in steps)]))
    console.print(f"No picture: {unseen}." if unseen else picture(shown(pixels), blocks=blocks))
    print(f"\n{table(answer, blocks=blocks)}\n")
    print("\n".join(sentences(answer, kept.record.confidence, records)))
    if arguments.output:
        from fitting_room.report.plots import LIGHT, save
        from fitting_room.report.plots.images import answer_picture

        image = None if unseen else shown(pixels)
        found = list(confidences(records).values())
        save(partial(answer_picture, image, answer, found, title), arguments.output, LIGHT)
        print(f"\nDrawn into {arguments.output}.")
    return 0


def _from_file(path: Path, spec: TrialSpec, images: Any) -> tuple[NDArray[Any], list[str]]:
    """Return pixels of a file as test images have them, and what was done to them."""
    task = TASKS[spec.case.task]
    converted = convert(path, task, images.shape[1:])
    if images.dtype == np.uint8:
        return converted.pixels, [*converted.steps]
    if not 0 <= images.min() <= images.max() <= 1:
        raise UserError(
            f"A picture has greys from 0 to 1, but {task.title} has values from "
            f"{images.min():g} to {images.max():g}. Name a test image with --index."
        )
    return converted.pixels / np.float32(255), [*converted.steps]


def _answer(
    spec: TrialSpec,
    probabilities: NDArray[np.float32],
    records: Sequence[Record],
    arguments: argparse.Namespace,
) -> Answer:
    """Return the answer with what is known of the image: its label, other seeds and claims."""
    case, index, classes = spec.case, arguments.index, TASKS[spec.case.task].classes
    answer = Answer(classes=classes, probabilities=tuple(map(float, probabilities)))
    if arguments.image:
        return answer
    answer = replace(answer, truth=int(data.load(spec.dataset).test_labels[index]))
    if spec.dataset.sample:
        return answer
    found = {
        claim.label: claim.low
        for claim in claims_in(arguments.project.claims, arguments.project).further
        if (claim.case, claim.metric, claim.image) == (case.name, "probability", index)
    }
    published = tuple(found.get(label) for label in range(len(classes))) if found else ()
    seeds = tuple(known_seeds(records, index).values())
    return replace(answer, seeds=seeds, published=published)


def inspect(arguments: argparse.Namespace) -> int:
    """Draw the pictures into ``results/inspect/<case>/`` and say which there are."""
    from fitting_room.report.plots import LIGHT, save

    spec, filters = _wanted(arguments), arguments.filters
    arrays = data.load(spec.dataset)
    images = np.asarray(arrays.test_images)
    chosen = _chosen(arguments.images, TASKS[spec.case.task], np.asarray(arrays.test_labels))

    def check() -> None:
        """Build the model without training, and refuse a filter that it does not have."""
        if filters != [FILTER] and not spec.case.trainer:
            _refuse(filters, look(None, spec, images[:1], inside=True))

    kept = _kept_model(spec, arguments, check)
    tell("Asking the model …")
    seen = look(kept.file, spec, images[list(chosen)], inside=True)
    _refuse(filters, seen)
    own, others = kept.record, alike(arguments.results, kept.record)
    # A record a seed, of those that kept their answers; the model's own at least.
    answered = one_per_seed([each for each in [*others, own] if each.predictions]) or [own]
    view = View(spec, arrays, seen, answered)
    sample = "-sample" if spec.dataset.sample else ""
    folder = below(arguments.results / "inspect", f"{folder_of(spec.case.name)}{sample}")
    print(f"{spec.case.name}, seed {spec.seed}\n")
    for name, draw in pictures(view, chosen, filters):
        print(save(draw, folder / f"{name}.png", LIGHT))
    print("".join(f"\n{sentence}\n" for sentence in _missing(view)), end="")
    print(f"\nMost confused, {view.over}:\n\n{_confused(view)}")
    return 0


def _missing(view: View) -> Iterator[str]:
    """Yield a sentence on each picture that cannot be drawn."""
    if view.unseen:
        yield f"No samples and no confused images: {view.unseen}."
    if view.spec.case.trainer:
        yield "Its layers are its trainer's own: neither activations nor weights are drawn."
        return
    if not view.seen.activations:
        yield "It has no convolution and no pooling, so there are no activations to draw."
    elif view.unseen:
        yield "Its activations are not drawn either, because they stand beside the images."
    if view.seen.filters is None:
        yield "Its first layer does not look at pixels of one channel, so no weights are drawn."


@dataclass(frozen=True)
class View:
    """The images that a model saw, its answers, and the records of the same training."""

    spec: TrialSpec
    arrays: data.Arrays
    seen: Seen
    records: Sequence[Record]
    """One record a seed, from which pairs and calibration are taken."""

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
        """The seeds that the counts of the pairs are taken over, in words."""
        seeds = len(self.records)
        return "mistakes of one seed" if seeds == 1 else f"mistakes a seed, mean of {seeds}"


def pictures(
    view: View, chosen: Sequence[int], filters: Sequence[int]
) -> Iterator[tuple[str, Draw]]:
    """Yield the name of each picture, and how it is drawn."""
    from fitting_room.report.plots import images as draw
    from fitting_room.report.plots.album import made_with
    from fitting_room.report.plots.images import reliability

    arrays, seen, case = view.arrays, view.seen, view.spec.case
    task, model = TASKS[case.task], f"{case.name}, seed {view.spec.seed}"
    classes = task.classes
    images, labels = shown(np.asarray(arrays.test_images)), np.asarray(arrays.test_labels)
    if not view.unseen:
        title = f"{task.title}: the first training images of each class"
        first = shown(np.asarray(arrays.train_images))
        yield "samples", partial(draw.samples, first, arrays.train_labels, classes, title)
    if seen.activations and not view.unseen:
        followed = {f"test image {i}\n{classes[labels[i]]}": images[i] for i in chosen}
        title = f"{model}: what the layers see"
        yield "activations", partial(draw.activations, followed, seen.activations, filters, title)
    if seen.filters is not None:
        title = f"{model}: weights of the first layer"
        yield "filters", partial(draw.filters, seen.filters, title)
    if not view.unseen and (pairs := view.pairs):
        said, title = made_with(view.records), f"{case.name}: most confused, {view.over}"
        yield "confused", partial(draw.confused, images, pairs, classes, title, small_print=said)
    if found := [record.confidence for record in view.records if record.confidence]:
        said = made_with([record for record in view.records if record.confidence])
        yield "calibration", partial(reliability, found, case.name, small_print=said)


def _refuse(asked: Sequence[int], seen: Seen) -> None:
    counts = [found.shape[-1] for found in seen.activations.values()]
    if counts and max(asked) >= min(counts):
        raise UserError(
            f"There is no filter {max(asked)} in every layer: the smallest has {min(counts)}, "
            f"so the last is {min(counts) - 1}."
        )


def _chosen(asked: Sequence[int] | None, task: Task, labels: NDArray[np.uint8]) -> tuple[int, ...]:
    """Return the images to follow: those asked for, or the published choice."""
    if asked is not None:
        return tuple(_test_image(each, len(labels)) for each in asked)
    found = np.arange(len(labels))
    if task.followed is not None:
        found = found[labels == task.classes.index(task.followed)]
    return tuple(found[:IMAGES].tolist())


def _confused(view: View) -> str:
    classes = TASKS[view.spec.case.task].classes
    rows = [
        [*(classes[label] for label in pair.classes), *(number(mean, 1) for mean in pair.counts)]
        for pair in view.pairs
    ]
    head = ("one", "other", "one taken for other", "other for one")
    return Table(head, rows, align="llr").terminal()
