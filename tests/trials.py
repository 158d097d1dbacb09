"""Small trials for tests: cases of the registry on the shipped sample."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import msgspec

from bench.cases import CASES
from fitting_room import data
from fitting_room.lab.scheduler import job_of
from fitting_room.record import Job, Message, Record
from fitting_room.spec import TrialSpec

RECIPE = {"epochs", "train_fraction", "learning_rate", "stop_at_accuracy", "jit_compile"}


def small(name: str = "mnist-dense_128", **changes: Any) -> TrialSpec:
    """Return the spec of one epoch on the sample, with its recipe or itself changed."""
    case = CASES[name]
    of_recipe = {key: changes.pop(key) for key in RECIPE & set(changes)}
    epochs = of_recipe.pop("epochs", 1)
    recipe = replace(case.recipe, **{"jit_compile": False, **of_recipe})
    case = replace(case, recipe=recipe, arguments=changes.pop("arguments", case.arguments))
    spec = TrialSpec(case=case, seed=0, dataset=data.sample(case.task), epochs=epochs, alone=False)
    return replace(spec, **changes)


@contextmanager
def quiet() -> Iterator[None]:
    """Let Keras take a variable as an array in a way that NumPy 2 deprecates."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        yield


def run_here(job: Job) -> tuple[Record, list[Message]]:
    """Run a trial in the process that holds Keras; return its record and what it said before."""
    from fitting_room.trial.__main__ import _record

    output = io.BytesIO()
    with quiet() if job.keep or job.log else nullcontext():  # where Keras saves
        record = _record(job, {"start": 0.5}, output, 0.0)
    said = output.getvalue().splitlines()
    return record, [msgspec.json.decode(line, type=Message) for line in said]


def assigned(name: str = "mnist-dense_128", **changes: Any) -> Job:
    """Return the same as a job."""
    return job_of(small(name, **changes))
