"""The kept model that a command looks at: found, or trained and kept now."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from fitting_room import data
from fitting_room.cli.session import DATA, add_options, datasets, session
from fitting_room.errors import UserError, natural
from fitting_room.lab.plan import Options, specify
from fitting_room.lab.scheduler import job_of
from fitting_room.record import Record
from fitting_room.report.model import card
from fitting_room.spec import TrialSpec
from fitting_room.store.key import training_key
from fitting_room.store.records import Kept, Models, Store


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which model is meant."""
    parser.add_argument("--case", help="a case by name (the first)")
    parser.add_argument("--seed", type=natural, default=0, help="which of its models (0)")
    parser.add_argument(
        "--sample", action="store_true", help="one trained on the sample: at once, and no good"
    )
    add_options(parser, *DATA, "--results")


def test_image(index: int, images: int) -> int:
    """Return the index of a test image, or raise a UserError if there are fewer images."""
    if index < images:
        return index
    raise UserError(
        f"There is no test image {index}: there are {images:,}, so the last is {images - 1}."
    )


def wanted(arguments: argparse.Namespace) -> TrialSpec:
    """Return the training whose model the options mean.

    Raises:
        UserError: There is no such case, or its data cannot be had.
    """
    cases = arguments.project.cases
    case = arguments.project.case(arguments.case or next(iter(cases)))
    if arguments.sample:
        return specify(case, arguments.seed, Options(tier="smoke"), data.sample(case.task))
    found = datasets([case.task], arguments)
    return specify(case, arguments.seed, Options(), found[case.task])


def kept_model(
    spec: TrialSpec,
    arguments: argparse.Namespace,
    *,
    check: Callable[[], None] = lambda: None,
) -> Kept:
    """Return the model of a training, trained now if this code has none under the results.

    Args:
        spec: The training.
        arguments: They name the results, which hold records and models.
        check: Called before a training, to refuse what could else be refused after it alone.

    Raises:
        UserError: The training failed.
    """
    name = f"{spec.case.name}, seed {spec.seed},"
    models, job = Models(arguments.results / "models", card), job_of(spec, arguments.project.root)
    if found := models.find(job):
        return found
    check()
    print(f"No model of {name} is kept: it is trained now.", file=sys.stderr)
    with session(arguments, keep_models=True) as running:
        record = running.train(spec)
    found = models.find(job)
    if found is None:
        raise UserError(f"The training of {name} {record.outcome}: {record.reason}.")
    print(f"Kept as {found.file}.", file=sys.stderr)
    return found


def alike(results: Path, record: Record) -> list[Record]:
    """Return the stored records of the same training, references and others, whatever the seed.

    Those of other code, so stale ones, and those of another backend or device are none of them.
    """
    stored = [r for name in ("reference", "trials") for r in Store(results / name).readable()]
    wanted = training_key(record, versions=False)
    return [each for each in stored if training_key(each, versions=False) == wanted]
