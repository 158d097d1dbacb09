"""The record: everything a trial measured, as one JSON document, and how a child sends it.

``results/README.md`` explains each key; a test holds the two together.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np

from fitting_room.spec import Name, Task, TrialSpec, folder_of

SCHEMA = 1

Outcome = Literal["completed", "diverged", "given up", "crashed", "interrupted", "timed out"]

Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Probability = Annotated[float, msgspec.Meta(ge=0, le=1.001)]
"""A mean of float32 numbers may be rounded to a little more than 1."""
Loss = Annotated[float, msgspec.Meta(ge=-3.5e38, le=3.5e38)]
"""What float32 holds: the square of a larger number is infinite in float64 too."""
Figure = Annotated[float, msgspec.Meta(ge=-1e300, le=1e300)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Taken = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
"""Seconds of work that was done: rates divide by them."""

MOST_IMAGES = 2**24
"""Test images whose predictions a record may hold."""


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one pass over the training images gave. Accuracies are fractions."""

    number: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    """The number of the epoch, from 1."""
    seconds: Taken
    """Training steps alone, by ``perf_counter``; the first epoch includes tracing."""
    cpu_seconds: Seconds
    """CPU time of the process over the same span, all threads."""
    training_accuracy: Fraction | None
    training_loss: Loss | None
    """None where it was not a finite number."""
    test_accuracy: Fraction | None = None
    test_loss: Loss | None = None
    evaluate_seconds: Seconds = 0.0
    other_cores: float | None = None
    """Cores kept from it by other work or by the hypervisor, mean; None where nothing tells."""
    validation_accuracy: Fraction | None = None
    """The accuracy on training images that the recipe holds out; None where it holds out none."""
    validation_loss: Loss | None = None
    metrics: Mapping[str, Figure] | msgspec.UnsetType = msgspec.UNSET
    """What a trainer reported of its own; unset, and not written, where there is none."""


@dataclass(frozen=True, kw_only=True)
class Callbacks:
    """What the callbacks that a recipe names did."""

    stopped_epoch: int | None
    """The epoch after which the recipe's threshold ended the training; None if it did not."""
    best_epoch: int | None
    """The epoch whose model was kept as the best; None where none was to be kept."""
    learning_rates: tuple[float, ...]
    """The rate with which each epoch began, in order."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """What the model is, counted and not measured."""

    trainable_parameters: Count
    non_trainable_parameters: Count
    flops_per_image: Count
    """Forward pass; 2 per multiply-add of dense and convolution layers, others not counted."""

    @property
    def parameters(self) -> int:
        """All of them."""
        return self.trainable_parameters + self.non_trainable_parameters


@dataclass(frozen=True, kw_only=True)
class Inference:
    """Seconds of single calls to the compiled forward pass, each value one chunk."""

    latency_seconds: tuple[Taken, ...]
    """One image a call; each value is the mean over the calls of a chunk."""
    batch_seconds: tuple[Taken, ...]
    """``batch_size`` images a call; each value is one call."""
    batch_size: Count


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A test image that was classified wrongly."""

    image: Count
    """Its index among the test images, from 0."""
    predicted: Count
    probability: Probability
    """Given to the class predicted."""


@dataclass(frozen=True, kw_only=True)
class Confidence:
    """How sure the model was of its answers to the test images, bin by bin.

    Bin b of B holds the images whose most probable class has a probability of b/B to (b+1)/B.
    """

    images: Annotated[tuple[Count, ...], msgspec.Meta(min_length=1)]
    right: tuple[Count, ...]
    """The number of those classified rightly."""
    mean: tuple[Probability, ...]
    """Probability of the class predicted, mean over the bin; 0 for an empty one."""
    first: tuple[tuple[Probability, ...], ...]
    """Class probabilities of the leading test images, shape (images, classes)."""
    mistakes: tuple[Mistake, ...]
    """The surest ones, surest first."""

    def __post_init__(self) -> None:
        """Refuse bins that do not belong together."""
        if not len(self.images) == len(self.right) == len(self.mean):
            raise ValueError("images, right and mean must have one element a bin")
        if self.images and not any(self.images):
            raise ValueError("images must lie in one bin at least")
        if any(right > images for images, right in zip(self.images, self.right, strict=True)):
            raise ValueError("no bin can have more images classified rightly than images")
        if len({len(each) for each in self.first}) > 1:
            raise ValueError("first must have one probability a class for each image")

    @property
    def calibration_error(self) -> float:
        """Expected calibration error: mean distance of probability from share right, a fraction."""
        pairs = zip(self.images, self.right, self.mean, strict=True)
        return sum(abs(n * mean - right) for n, right, mean in pairs) / sum(self.images)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The machine of a trial; two that agree in all of it are one to the timing key."""

    system: str
    cpu: str
    cores: Count
    memory_gib: Count
    accelerator: str | None = None


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """The code that made the record."""

    commit: str | None  # None where no commit has the files that ran
    dirty: bool | None
    """None where git tracks nothing of the code."""
    architecture_digest: str
    training_digest: str
    versions: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)
    """Variables of the environment that were set and can change a result, by name."""


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """What the framework really did, as opposed to what was asked of it."""

    jit_compile: bool
    precision: str
    threads: int
    steps_per_epoch: int


@dataclass(kw_only=True)
class PartialRecord:
    """What is known of a trial while it runs, so that one cut short keeps it.

    Its fields are those of the record that the child process finds out.
    """

    machine: Machine | None = None
    resolved: Resolved | None = None
    size: Size | None = None
    epochs: tuple[Epoch, ...] = ()
    callbacks: Callbacks | None = None
    test_accuracy: float | None = None
    test_loss: float | None = None
    predictions: str | None = None
    confidence: Confidence | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    inference: Inference | None = None
    calibration_seconds: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    """Each phase adds to its own."""
    peak_memory_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """One trial, as it went."""

    schema: int = SCHEMA
    key: Name
    spec: TrialSpec
    outcome: Outcome
    reason: str
    """One sentence: why it ended."""
    started: str
    """UTC, ISO 8601."""
    run: str | None = None
    """Id of the run that asked for fresh trials, and for which it was made; None for any other."""
    attempts: Count | msgspec.UnsetType = msgspec.UNSET
    """How often an engine elsewhere began it: one more than workers that were lost with it; unset,
    and not written, where it was trained by the run's own machine."""
    provenance: Provenance
    machine: Machine | None = None
    """None where the child died before it could tell."""
    resolved: Resolved | None = None
    size: Size | None = None
    epochs: tuple[Epoch, ...] = ()
    callbacks: Callbacks | None = None
    """None where the recipe names none."""
    test_accuracy: Fraction | None = None
    """The accuracy after the last epoch, over all test images."""
    test_loss: Loss | None = None
    predictions: str | None = None
    """Class predicted for every test image; see ``unpack_classes``."""
    confidence: Confidence | None = None
    """The confidence on the test images after the last epoch; None in older records."""
    inference: Inference | None = None
    calibration_seconds: Seconds | None = None
    """The time of the calibration step in the same process; None if not alone, or not yet kept."""
    seconds: Mapping[str, Seconds] = field(default_factory=dict)
    """Wall time of each phase, total included; ``results/README.md`` names them."""
    peak_memory_bytes: Count | None = None
    metrics: Mapping[str, Figure] | msgspec.UnsetType = msgspec.UNSET
    """The project's own metrics and the trainer's, after the last epoch; unset, and not written,
    where there are none."""

    def __post_init__(self) -> None:
        """Refuse a date that is none, epochs out of order and predictions that do not decode."""
        try:
            datetime.fromisoformat(self.started)
        except ValueError:
            raise ValueError(f"started must be a date of ISO 8601, not {self.started!r}") from None
        if [epoch.number for epoch in self.epochs] != [*range(1, len(self.epochs) + 1)]:
            raise ValueError("epochs must be numbered from 1, in order")
        if self.predictions is not None:
            unpack_classes(self.predictions)

    @property
    def completed(self) -> bool:
        """Whether it may be judged."""
        return self.outcome == "completed"


def pack_classes(classes: np.ndarray) -> str:
    """Pack class numbers, shape (n,), integers 0–255, into base64 of their deflated bytes."""
    return base64.b64encode(zlib.compress(classes.astype(np.uint8).tobytes(), 9)).decode("ascii")


def unpack_classes(packed: str) -> np.ndarray:
    """Return what ``pack_classes`` packed, shape (n,), uint8.

    Raises:
        ValueError: It does not decode, or to more than ``MOST_IMAGES``.
    """
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(base64.b64decode(packed, validate=True), MOST_IMAGES)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise ValueError(f"predictions do not decode: {error}") from None
    if not unpacker.eof:
        raise ValueError(f"predictions are cut off, or of more than {MOST_IMAGES} images")
    return np.frombuffer(found, np.uint8)


def now() -> str:
    """Return the time in UTC, ISO 8601, to the millisecond: such strings sort as they follow."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A spec with what only the parent knows: the key and the origin of its record."""

    spec: TrialSpec
    key: str
    provenance: Provenance
    root: str
    """Folder of the project whose code it runs."""
    keep: str | None = None
    """File for the trained model, ending in ``.keras``; None keeps none."""
    log: str | None = None
    """Folder for TensorBoard's graph, histograms and images; None writes none."""
    metrics: Mapping[str, str] = field(default_factory=dict)
    """The project's own metrics to be computed: name → ``module:function``."""
    task: Task | None = None
    """What its case is trained on, without the data: a trial reads nothing of the project."""
    sent: float = 0.0
    """The time when its process was asked for, in seconds since 1970."""

    def record(
        self, outcome: Outcome, reason: str, *, started: str, measured: PartialRecord
    ) -> Record:
        """Return the record of this trial with whatever was measured of it."""
        return Record(
            key=self.key,
            spec=self.spec,
            outcome=outcome,
            reason=reason,
            started=started,
            provenance=self.provenance,
            **{**vars(measured), "metrics": measured.metrics or msgspec.UNSET},
        )


def run_name(spec: TrialSpec, key: str) -> str:
    """Return the folder of a trial's logs, as a page that compares trials shows it."""
    return f"{folder_of(spec.case.name)}/seed-{spec.seed}-{key[:8]}"


def loader(trainer: str) -> str:
    """Return ``module:load_model`` of a trainer, which opens a model that the trainer saved."""
    return f"{trainer.partition(':')[0]}:load_model"


def best_file(model: Path) -> Path:
    """Return where the best model goes, of a recipe that keeps it, beside the trained one."""
    return model.with_name(f"{model.stem}-best{model.suffix}")


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer of the child: exactly one of the first three."""

    note: str | None = None
    """What it is doing, before the first epoch."""
    epoch: Epoch | None = None
    record: Record | None = None
    files: tuple[str, ...] = ()
    """The files of the project's modules it has imported: with its first note and its record."""


Listener = Callable[[TrialSpec, Message], None]
"""Hears every message of every trial, from any thread."""


def silent(spec: TrialSpec, message: Message) -> None:
    """Hear nothing."""
