"""What a side of a comparison knows of its cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.harness.judge.samples import Arrivals, Sample
from bench.harness.record import Record

QUALITY = (
    "test_accuracy",
    "test_loss",
    "training_accuracy",
    "training_loss",
    "drop_in_training_loss",
)
"""Judged by test: two for what a model is worth, and three that scatter little."""

COUNTS = ("parameters", "trainable_parameters", "flops_per_image", "steps_per_epoch")
"""Judged by equality."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds per epoch, and of the calibration step in the same process."""

    seconds: float
    """The quickest epoch but the first, which traces."""
    calibration: float | None
    conditions: Mapping[str, str] = field(default_factory=dict)
    """What must agree with another's for a comparison: machine and versions."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that a side knows of one case."""

    case: str
    samples: Mapping[str, Sample] = field(default_factory=dict)
    """By metric."""
    arrivals: Arrivals | None = None
    """None where the task has no target."""
    counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Metric → what each record counted."""
    pace: Pace | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)
    """What must agree for quality to be compared: data and epochs."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What is stated where it differs: machine, versions, recipe, code."""
    identity: str | None = None
    """Digest of task, builder and arguments: a case renamed keeps it."""
    records: tuple[Record, ...] = ()
    """One per seed, in seed order."""
    notes: tuple[str, ...] = ()
    """What was left out, and why."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """Base or head."""

    told: str
    """What it is, in words: ``commit 0123456789ab``."""
    facts: Mapping[str, Facts]
    """By case."""
    known: frozenset[str] | None = None
    """Cases that its code has, measured or not; None where there is no code to ask."""
    unfit: Mapping[str, str] = field(default_factory=dict)
    """Case → why what there is of it does not count."""
