"""Synthetic records to compare, and short ways to ask for the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import commands
import numpy as np
from imports import ROOT
from records import MACHINE, VERSIONS, make_record

from fitting_room.analysis.comparison import Comparison
from fitting_room.analysis.sides import Side, facts_of
from fitting_room.judge.change import Arrivals
from fitting_room.record import Record
from fitting_room.store.key import provenance

DENSE = "fashion_mnist-dense_128"
SCATTER = (np.random.default_rng(11).normal(size=(20, 2)) * (0.004, 0.001)).tolist()

call = partial(commands.call, "compare")
"""Run the command; return its exit status."""

printed = partial(commands.printed, "compare")
"""Run the command, check how it ends, and return what it prints."""


def seeds(n: int = 6, *, off: float = 0.0, first: int = 0, **known: Any) -> list[Record]:
    """Return records of seeds that scatter, ``off`` from what they should be."""
    return [
        replace(
            make_record(
                seed=seed,
                test_accuracy=0.87 + off + SCATTER[first + seed][0],
                training_accuracy=0.89 + off + SCATTER[first + seed][1],
                test_loss=0.36 - off - SCATTER[first + seed][0],
                **known,
            ),
            calibration_seconds=0.1,
        )
        for seed in range(n)
    ]


def arrivals(generator: np.random.Generator, seeds: int) -> Arrivals:
    """Return made-up epochs at which seeds of one code came to a target; after ten, never."""
    epochs = np.round(generator.normal(7, 1.5, size=seeds)).astype(int).tolist()
    return Arrivals(epochs=tuple(e if e <= 10 else None for e in epochs), watched=(10,) * seeds)


def side(records: Sequence[Record], told: str = "folder x") -> Side:
    """Return the side that records make."""
    return Side(told=told, facts=facts_of(records))


def outcomes(found: Comparison) -> dict[str, str]:
    """Return metric → what became of it, for a comparison of one case."""
    return {each.verdict.metric: each.verdict.label for each in found.changes}


def elsewhere(records: Sequence[Record]) -> list[Record]:
    """Return the same records from another machine with another TensorFlow."""
    machine = replace(MACHINE, cpu="Other CPU (avx512f)")
    versions = {**VERSIONS, "tensorflow": "2.22.0"}
    return [
        replace(r, machine=machine, provenance=replace(r.provenance, versions=versions))
        for r in records
    ]


def of_code(records: Sequence[Record], root: Path = ROOT) -> list[Record]:
    """Return the records as the code under ``root`` would have made them."""
    origin = provenance(records[0].spec, root=root)
    return [replace(record, provenance=origin) for record in records]
