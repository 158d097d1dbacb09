"""Task, case and trial, as frozen values: what is asked for, before anything is trained."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, Literal

import msgspec

from fitting_room.recipe import Recipe

# The one value that players and evaluator agree on; no model comes with it.

VARIANT = r"^(?!.*\.\.)[\w.=+~-]*\Z"
NAME = VARIANT.replace("*\\Z", "+\\Z")
"""What a folder or a file is called after: one component of a path, and never one upwards."""

Name = Annotated[str, msgspec.Meta(pattern=NAME)]
Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]


@dataclass(frozen=True, kw_only=True)
class Look:
    """What can be seen of a data set without a checksum."""

    shape: tuple[int, ...]
    """Of one image, or of one feature vector."""
    dtype: str
    lowest: float
    highest: float
    mean: float
    """Of the training images, to six digits."""
    train: tuple[int, ...]
    """Training images of each class."""
    test: tuple[int, ...]
    shared: int = 0
    """Test images that are training images as well."""


@dataclass(frozen=True, kw_only=True)
class Pin:
    """What a data set is known by, as ``fitting-room data --pin`` wrote it."""

    checksums: Mapping[str, str]
    """Array → SHA-256 of the IDX file that holds it."""
    look: Look
    sample: Mapping[str, str] = field(default_factory=dict)
    """The same of the sample, where the task ships one."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A data set with its classes and its targets, as its user writes it."""

    name: Name
    title: str
    """As a table heading shows it."""
    load: Any
    """A function that returns train_images, train_labels, test_images and test_labels; or a source
    that a loader of ``fitting_room.data`` returns; or a tuple of them, tried in that order."""
    classes: tuple[str, ...]
    """What each label stands for, in the order of the labels, which count from 0; classes without
    names are called by their numbers, as by ``tuple(map(str, range(2)))``."""
    licence: str = "not told"
    """Of the images, and whose they are."""
    sample: Any = None
    """Loads a small part that is shipped, for the smoke tier; None takes it from the whole."""
    targets: Mapping[str, float] = field(default_factory=dict)
    """Metric → value whose first epoch is asked for, as a fraction."""
    most_epochs: int | None = None
    """That a tuned recipe may take; those published keep their own number."""
    frontier: tuple[int, int] = (1, 1_000_000)
    """The numbers of parameters between which a search shows its frontier."""
    marks: tuple[float, ...] = ()
    """Validation accuracies whose smallest network a search tells."""
    longest: int | None = None
    """Pixels along the longest side of what its images show; None fills the image."""
    centred: Literal["box", "mass"] = "box"
    """What of it lies in the middle of an image."""
    followed: str | None = None
    """Class whose first test images are followed through the layers; None takes the very first."""
    pin: Pin | None = None
    """Read from the project's file of pins; None until the data is pinned."""


TASKS: dict[str, Task] = {}
"""Name → task of the project at hand, in the order of the tables; ``Project.use`` fills it."""


def parts(case: str) -> tuple[str, str]:
    """Return the task and the architecture of a case by its name, where either may have dashes.

    The task is the longest known one that the name begins with, else what comes before a dash.
    """
    known = [name for name in TASKS if case.startswith(f"{name}-")]
    task = max(known, key=len, default=case.partition("-")[0])
    return task, case[len(task) + 1 :]


@dataclass(frozen=True, kw_only=True)
class Case:
    """Task × architecture × recipe; one row of a table."""

    task: Name
    architecture: Name
    builder: str
    """``module:function`` of the architecture."""
    arguments: Mapping[str, int | float | str] = field(default_factory=dict)
    recipe: Recipe
    variant: Annotated[str, msgspec.Meta(pattern=VARIANT)] = ""
    """What was changed of its original, to see that the gate notices; empty for a case as it is."""
    trainer: str | None = None
    """``module:function`` that trains it, see ``trial/trainer.py``; None is Keras' ``fit``."""

    def __post_init__(self) -> None:
        """Refuse what an own trainer would pass over: callbacks of Keras."""
        if self.trainer is not None and not re.fullmatch(r"[\w.]+:\w+", self.trainer):
            raise ValueError(f"trainer must be module:function, not {self.trainer!r}")
        if self.trainer and self.recipe.watched:
            raise ValueError(f"{self.name}: callbacks of a recipe are Keras', not {self.trainer}'s")

    @property
    def name(self) -> str:
        """``task-architecture``: the id of its tests, its bounds, its folder of records."""
        return f"{self.original}~{self.variant}" if self.variant else self.original

    @property
    def original(self) -> str:
        """Name of the case that a variant was made from; for any other its own."""
        return f"{self.task}-{self.architecture}"

    @property
    def content(self) -> dict[str, Any]:
        """What decides a training besides code, in plain values; not where that code lies.

        Fields of the recipe that stand at their defaults are left out, so that a new field leaves
        old contents alone.
        """
        pairs = ((f, getattr(self.recipe, f.name)) for f in fields(self.recipe))
        told = {f.name: value for f, value in pairs if value != f.default}
        places = {name for name, value in told.items() if isinstance(value, str) and ":" in value}
        return {
            "name": self.name,
            "arguments": dict(self.arguments),
            "recipe": {name: value for name, value in told.items() if name not in places},
        }


LONGEST_NAME = 140
"""Bytes of a folder's name: file systems take 255, encrypted ones 143."""


def folder_of(case: str) -> str:
    """Return the folder of a case: its name, or of a long one the beginning and a digest."""
    if len(case.encode()) <= LONGEST_NAME:
        return case
    digest = hashlib.sha256(case.encode()).hexdigest()[:16]
    return f"{case.encode()[: LONGEST_NAME - 17].decode(errors='ignore')}~{digest}"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A verified copy of a data set on this machine."""

    name: Name
    folder: str
    """Holds the arrays as ``.npy`` files; see ``data/arrays.py``."""
    source: str
    """Where it came from, in words."""
    checksum: str
    """SHA-256 over the checksums of its four IDX files: names the content, wherever it lies."""
    sample: bool = False
    """Whether it is the small sample that ships with the project; never published."""
    validation: bool = False
    """Whether its test images are training images held out, for searching; never published."""


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """One case to be trained once: all that a child process needs to know."""

    case: Case
    seed: Seed
    """Of the initial weights and, unless ``order_seed`` is given, of the order of the images."""
    dataset: Dataset
    epochs: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    """Asked for; the recipe's unless overridden. 0 builds and times the model, untrained."""
    backend: str = "tensorflow"
    device: str = "cpu"
    evaluate_each_epoch: bool = True
    """Score the test images after every epoch, outside the training clock; else after the last."""
    alone: bool = True
    """Run while no other trial does on its machine, so that its times may be kept."""
    time_limit_s: float | None = None
    order_seed: Seed | None = None
    """Of the order of the images alone, to tell its scatter from that of the initial weights."""
    inference: bool = True
    """Time the forward pass as well; a model whose parameters alone are wanted does without."""
    loss_limits: tuple[tuple[float, float], ...] = ()
    """Lowest and highest training loss of each epoch, nats; training ends beyond them."""
    stop_after: Annotated[int, msgspec.Meta(ge=1)] | msgspec.UnsetType = msgspec.UNSET
    """Epoch of the recipe's own schedule after which a quick trial ends, its test images unscored;
    unset, and not written, for one that runs on."""

    @property
    def whole(self) -> TrialSpec:
        """The trial that a quick one is the beginning of; any other itself."""
        return replace(self, stop_after=msgspec.UNSET, inference=True) if self.stop_after else self

    @property
    def last_epoch(self) -> int:
        """Number of the last epoch that it trains, unless something ends it sooner."""
        return min(self.epochs, self.stop_after or self.epochs)

    @property
    def scores_epochs(self) -> bool:
        """Whether the test images are scored after an epoch that is not the last."""
        return self.evaluate_each_epoch and not self.stop_after

    def leaves(self, epoch: int, loss: float) -> bool:
        """Whether a training loss after an epoch, from 1, lies beyond the limits."""
        if epoch > len(self.loss_limits):
            return False
        low, high = self.loss_limits[epoch - 1]
        return not low <= loss <= high

    def ends(self, epoch: int, loss: float) -> bool:
        """Whether training ends after an epoch, from 1: asked to, or with a loss beyond limits."""
        return epoch == self.stop_after or self.leaves(epoch, loss)

    @property
    def overridden(self) -> bool:
        """Whether it trains for another number of epochs than its recipe says."""
        return self.epochs not in (0, self.case.recipe.epochs)
