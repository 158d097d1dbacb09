"""Searches for tests: candidates on a small split, with simulated trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from records import make_record

from fitting_room.cli.calibrate import tried
from fitting_room.record import Outcome, Record
from fitting_room.spec import Case, Recipe
from fitting_room.studies.search import Tried

HELD_OUT = "validation split of the training images (last 5,000)"


def searched(
    name: str = "small",
    *,
    seed: int = 0,
    accuracy: float | None = 0.99,
    parameters: int = 5_000,
    outcome: Outcome = "completed",
    started: str = "2026-03-01T12:00:00+00:00",
    task: str = "mnist",
    body: str = "",
    epoch_seconds: Sequence[float] = (9.0, 6.0, 7.0),
    **recipe: object,
) -> Record:
    """Return the record of a trial of a candidate, whose body is told by its name."""
    case = Case(
        task=task,
        architecture=name,
        builder="models.minimal:minimal",
        arguments={"body": body or name},
        recipe=Recipe(**({"epochs": 3} | recipe)),  # type: ignore[arg-type]
    )
    record = make_record(
        case=case,
        seed=seed,
        test_accuracy=accuracy,
        parameters=parameters,
        outcome=outcome,
        started=started,
        epoch_seconds=epoch_seconds,
    )
    dataset = replace(record.spec.dataset, source=HELD_OUT, validation=True)
    return replace(record, spec=replace(record.spec, dataset=dataset, alone=False))


def line(name: str = "small", **known: object) -> Tried:
    """Return the line of such a record."""
    return tried(searched(name, **known))  # type: ignore[arg-type]
