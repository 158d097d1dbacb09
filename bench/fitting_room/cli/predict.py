"""``python -m bench predict``: one image, and the probabilities that a model gives its classes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from fitting_room import data
from fitting_room.analysis.audit import claims_in
from fitting_room.cli import COMMANDS
from fitting_room.cli.kept_model import add_arguments, alike, kept_model, test_image, wanted
from fitting_room.data.picture import convert
from fitting_room.errors import UserError, natural
from fitting_room.lab.probe import look
from fitting_room.project import Project
from fitting_room.record import Record
from fitting_room.report.model import (
    Answer,
    as_sure,
    confidences,
    draws_blocks,
    known_seeds,
    picture,
    shown,
    table,
    why_unseen,
)
from fitting_room.spec import TASKS, TrialSpec
from fitting_room.store.records import Kept


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
    index = None if arguments.image else arguments.index
    title, pixels, steps = _file(arguments.image, spec) if index is None else _test(index, spec)
    unseen = why_unseen(pixels.shape)
    kept = kept_model(spec, arguments)
    probabilities = look(kept.file, spec, pixels[np.newaxis]).probabilities[0]
    records = alike(arguments.results, kept.record)
    answer = _answer(index, spec, probabilities, records, arguments.project)
    title = f"{spec.case.name}, seed {spec.seed}: {title}"
    console = Console(markup=False, highlight=False, soft_wrap=True)
    blocks = draws_blocks(console)
    console.print("\n".join([f"{title}\n", *(f"  - {step}" for step in steps)]))
    console.print(f"No picture: {unseen}." if unseen else picture(shown(pixels), blocks=blocks))
    print("\n".join([f"\n{table(answer, blocks=blocks)}\n", *_told(answer, kept, records)]))
    if arguments.output is not None:
        # Matplotlib takes longer to load than all of this together.
        from fitting_room.report.plots import LIGHT, save
        from fitting_room.report.plots.images import answer_picture

        image = None if unseen else shown(pixels)
        found = list(confidences(records).values())
        save(partial(answer_picture, image, answer, found, title), arguments.output, LIGHT)
        print(f"\nDrawn into {arguments.output}.")
    return 0


Shown = tuple[str, NDArray[Any], Sequence[str]]
"""A title, pixels as a test image has them, and what was done to them."""


def _file(path: Path, spec: TrialSpec) -> Shown:
    task, images = TASKS[spec.case.task], data.load(spec.dataset).test_images
    converted = convert(path, task, images.shape[1:])
    if images.dtype == np.uint8:
        return path.name, converted.pixels, converted.steps
    if not 0 <= images.min() <= images.max() <= 1:
        raise UserError(
            f"A picture has greys from 0 to 1, and {task.title} goes from {images.min():g} to "
            f"{images.max():g}. Name a test image with --index."
        )
    return path.name, converted.pixels / np.float32(255), converted.steps


def _test(index: int, spec: TrialSpec) -> Shown:
    images = data.load(spec.dataset).test_images
    return f"test image {index}", np.asarray(images[test_image(index, len(images))]), ()


def _answer(
    index: int | None,
    spec: TrialSpec,
    probabilities: NDArray[np.float32],
    records: Sequence[Record],
    project: Project,
) -> Answer:
    classes = TASKS[spec.case.task].classes
    answer = Answer(classes=classes, probabilities=tuple(map(float, probabilities)))
    if index is None:
        return answer
    answer = replace(answer, truth=int(data.load(spec.dataset).test_labels[index]))
    if spec.dataset.sample:
        return answer
    return replace(
        answer,
        seeds=tuple(known_seeds(records, index).values()),
        published=_published(spec, index, len(classes), project),
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


def _told(answer: Answer, kept: Kept, records: Sequence[Record]) -> list[str]:
    """Say what it answers, whether that is right, and how often it is where it is as sure."""
    sure = max(answer.probabilities)
    lines = [f"It says {answer.named(answer.label)}, with a probability of {sure:.4f}."]
    if answer.truth is not None:
        said = "which is right" if answer.truth == answer.label else "so it is wrong"
        lines.append(f"The label is {answer.named(answer.truth)}, {said}.")
    confidence = kept.record.confidence
    if answer.truth is None:
        lines.append(
            "How often such an answer is right is not known: that is measured on test images, and "
            "this is none."
        )
    elif confidence is not None:
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
