"""``python -m bench predict``: one image, and the probabilities that a model gives its classes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from fitting_room import data
from fitting_room.analysis.audit import claims_in
from fitting_room.cli import COMMANDS
from fitting_room.cli.kept_model import add_arguments, alike, kept_model, wanted
from fitting_room.data.picture import convert
from fitting_room.errors import UserError, natural
from fitting_room.lab.look import look
from fitting_room.project import Project
from fitting_room.record import Record
from fitting_room.report.answer import (
    Answer,
    as_sure,
    confidences,
    draws_blocks,
    known_seeds,
    picture,
    table,
)
from fitting_room.spec import TASKS, TrialSpec
from fitting_room.store.records import Kept


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The image that a model is asked about."""

    title: str
    pixels: NDArray[np.uint8]
    """Shape (28, 28), bright on black."""
    index: int | None = None
    """Among the test images; None for a file."""
    truth: int | None = None
    steps: tuple[str, ...] = ()
    """What was done to a file."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("predict", help=COMMANDS["predict"])
    add_arguments(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--index", type=natural, default=0, help="a test image, from 0 (0)")
    which.add_argument("--image", type=Path, metavar="FILE", help="a PNG or JPEG of your own")
    parser.add_argument(
        "--output", type=_drawable, metavar="FILE", help="draw it into a PNG or SVG, too"
    )
    parser.set_defaults(run=run)


def _drawable(text: str) -> Path:
    if Path(text).suffix not in (".png", ".svg"):
        raise argparse.ArgumentTypeError(f"expected a name ending in .png or .svg, not {text!r}")
    return Path(text)


def run(arguments: argparse.Namespace) -> int:
    """Show the image, its probabilities, and how far they can be trusted."""
    spec = wanted(arguments)
    given = arguments.image
    asked = _test_image(arguments.index, spec) if given is None else _file(given, spec.case.task)
    kept = kept_model(spec, arguments)
    probabilities = look(kept.file, spec, asked.pixels[np.newaxis]).probabilities[0]
    records = alike(arguments.results, kept.record)
    answer = _answer(asked, spec, probabilities, records, arguments.project)
    _show(asked, answer, kept, records)
    if arguments.output is not None:
        # Matplotlib takes longer to load than all of this together.
        from fitting_room.report.plots.images import answer_picture
        from fitting_room.report.plots.theme import LIGHT, save

        title = f"{spec.case.name}, seed {spec.seed}: {asked.title}"
        shown = (asked.pixels, answer, list(confidences(records).values()), title)
        save(partial(answer_picture, *shown), arguments.output, LIGHT)
        print(f"\nDrawn into {arguments.output}.")
    return 0


def _file(path: Path, task: str) -> Asked:
    converted = convert(path, task)
    return Asked(title=path.name, pixels=converted.pixels, steps=converted.steps)


def _test_image(index: int, spec: TrialSpec) -> Asked:
    arrays = data.load(spec.dataset)
    images = arrays.test_images
    if index >= len(images):
        raise UserError(
            f"There is no test image {index}: there are {len(images):,}, "
            f"so the last is {len(images) - 1}."
        )
    return Asked(
        title=f"test image {index}",
        pixels=np.asarray(images[index]),
        index=index,
        truth=int(arrays.test_labels[index]),
    )


def _answer(
    asked: Asked,
    spec: TrialSpec,
    probabilities: NDArray[np.float32],
    records: Sequence[Record],
    project: Project,
) -> Answer:
    classes = TASKS[spec.case.task].classes
    seeds: tuple[tuple[float, ...], ...] = ()
    published: tuple[float | None, ...] = ()
    if asked.index is not None and not spec.dataset.sample:
        seeds = tuple(known_seeds(records, asked.index).values())
        published = _published(spec, asked.index, len(classes), project)
    return Answer(
        classes=classes,
        probabilities=tuple(map(float, probabilities)),
        truth=asked.truth,
        seeds=seeds,
        published=published,
    )


def _published(
    spec: TrialSpec, image: int, classes: int, project: Project
) -> tuple[float | None, ...]:
    claims = claims_in(project.claims, project).further
    found = {
        claim.label: claim.low
        for claim in claims
        if (claim.case, claim.metric, claim.image) == (spec.case.name, "probability", image)
    }
    return tuple(found.get(label) for label in range(classes)) if found else ()


def _show(asked: Asked, answer: Answer, kept: Kept, records: Sequence[Record]) -> None:
    console = Console(markup=False, highlight=False, soft_wrap=True)
    blocks = draws_blocks(console)
    spec = kept.record.spec
    console.print(f"{spec.case.name}, seed {spec.seed}: {asked.title}\n")
    for step in asked.steps:
        console.print(f"  - {step}")
    console.print(picture(asked.pixels, blocks=blocks))
    print(f"\n{table(answer, blocks=blocks)}\n")
    for line in _told(answer, kept, records):
        print(line)


def _told(answer: Answer, kept: Kept, records: Sequence[Record]) -> list[str]:
    """Say what it answers, whether that is right, and how often it is where it is as sure."""
    sure = max(answer.probabilities)
    lines = [f"It says {answer.named(answer.label)}, with a probability of {sure:.4f}."]
    if answer.truth is not None:
        said = "which is right" if answer.truth == answer.label else "so it is wrong"
        lines.append(f"The label is {answer.named(answer.truth)}, {said}.")
    confidence = kept.record.confidence
    if confidence is not None:
        low, high, share, images = as_sure(confidence, sure)
        right = f"{100 * share:.1f} % were right" if images else "so none tells how often"
        lines.append(
            f"Of its answers to test images {images:,} were as sure ({low:.3f}–{high:.3f}), "
            f"{right}; its expected calibration error is "
            f"{100 * confidence.calibration_error:.2f} %."
        )
    if answer.seeds:
        errors = [each.calibration_error for each in confidences(records).values()]
        lines.append(
            f"mean, lowest and highest are over {len(answer.seeds)} seeds of the records, whose "
            f"expected calibration errors are {100 * min(errors):.2f}–{100 * max(errors):.2f} %."
        )
    return lines
