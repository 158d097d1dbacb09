"""Task, recipe, case and trial, as frozen values: what is asked for, before anything is trained."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, Literal

import msgspec

VARIANT = r"^(?!.*\.\.)[\w.=+~-]*\Z"
NAME = VARIANT.replace("*\\Z", "+\\Z")
"""What a folder or a file is called after: one component of a path, and never one upwards."""

Name = Annotated[str, msgspec.Meta(pattern=NAME)]
Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]


@dataclass(frozen=True, kw_only=True)
class Look:
    """What can be seen of a data set without a checksum."""

    shape: tuple[int, ...]
    """The shape of one image, or of one feature vector."""
    dtype: str
    lowest: float
    highest: float
    mean: float
    """The mean of the training images, to six digits."""
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
    load: Any
    """A function that returns train_images, train_labels, test_images and test_labels; or a source
    that a loader of ``fitting_room.data`` returns; or a tuple of them, tried in that order."""
    classes: tuple[str, ...]
    """What each label stands for, in the order of the labels, which count from 0; classes without
    names are called by their numbers, as by ``tuple(map(str, range(2)))``."""
    title: str = ""
    """The title of its table; its name with a capital, if none is given."""
    licence: str = "not told"
    """The licence of the images, and their owner."""
    sample: Any = None
    """Loads a small part that is shipped, for the smoke tier; None takes it from the whole."""
    targets: Mapping[str, float] = field(default_factory=dict)
    """Metric → value whose first epoch is asked for, as a fraction."""
    sprints: Mapping[float, float] = field(default_factory=dict)
    """Mean test accuracy, a fraction → seconds of training in which a speed record reaches it."""
    most_epochs: int | None = None
    """The limit of a tuned recipe; those published keep their own number."""
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


REPORTED = ("accuracy", "loss", "val_accuracy", "val_loss")
"""Metrics of an epoch; the last two of the images that ``validation_fraction`` holds out."""

SCHEDULES = ("constant", "linear_to_zero", "cosine_to_zero", "one_cycle")
"""Shapes of the learning rate; all but the first are functions of ``training.schedules``."""

FLIPS = ("none", "random", "alternating")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides how a model is trained, and nothing else.

    The defaults are those of Keras: ``Recipe(epochs=5)`` is ``compile(optimizer="adam")`` and
    ``fit(epochs=5)``. Metrics are fractions, never percentages.
    """

    epochs: int
    """Passes over the training images; fewer if ``stop_at_accuracy`` is reached."""
    batch_size: int = 32
    optimizer: str = "adam"
    """Any name that ``keras.optimizers.get`` knows, or ``module:Class`` of one of ``models``."""
    learning_rate: float = 0.001
    """Its peak, where there is a schedule."""
    beta_1: float | None = None
    """Decay of the first moment, for optimizers that have one; None leaves the optimizer's own."""
    stop_at_accuracy: float | None = None
    """Training accuracy of an epoch, a fraction, after which training stops; None never stops."""
    precision: str = "float32"
    """A Keras dtype policy, such as ``mixed_bfloat16``."""
    steps_per_execution: int = 75
    """Batches per call of the compiled step; 75 divides 1,875, the batches of 60,000 by 32."""
    jit_compile: bool = False
    """XLA. It makes dense layers faster on a CPU and convolutions several times slower there."""
    scale_pixels: bool = True
    """Pixels as 0–1; otherwise they stay 0–255."""
    train_fraction: float = 1.0
    """The leading part of the training images that is used."""
    shuffle_labels: bool = False
    """A control: labels are permuted among the training images, so nothing true can be learned."""

    # What follows is tuning: one of these set takes the longer path in ``trial/fit.py``.
    schedule: str = "constant"
    """One of ``SCHEDULES``, over all steps of the epochs asked for."""
    warm_up: float = 0.0
    """Part of all steps in which a schedule rises to its peak."""
    momentum: float | None = None
    """The momentum, if the optimizer has one; None leaves its own, as do the next three."""
    nesterov: bool | None = None
    beta_2: float | None = None
    """Decay of the second moment."""
    adam_lr_ratio: float | None = None
    """The rate of what Muon leaves to Adam (biases, normalisation, head), over Muon's own."""
    weight_decay: float = 0.0
    """Decoupled: a step takes rate × this off every kernel, and off nothing else."""
    label_smoothing: float = 0.0
    """Share of the truth that is spread over all classes; the training loss is then of that."""
    weight_average: float = 0.0
    """Momentum of an exponential average over steps that takes the weights' place after the last
    epoch; scores of the epochs before are of the raw weights. 0 keeps the last weights."""
    rotate_degrees: float = 0.0
    """Each training image is turned by up to this, either way."""
    shift_pixels: float = 0.0
    """…and moved by up to this along each axis; by whole pixels, where it is only moved."""
    zoom: float = 0.0
    """…and each axis stretched by a factor of up to 1 ± this."""
    flip: str = "none"
    """Left to right, one of ``FLIPS``: by chance, or every other epoch."""
    erase_pixels: int = 0
    """Side of a square that is blackened, anywhere in or partly in the image."""

    # Callbacks, and what they watch. The record says what each did.
    validation_fraction: float = 0.0
    """Trailing part of the training images that is held out and scored after every epoch."""
    stop_metric: str | None = None
    """One of ``REPORTED``; the training ends when it is past the threshold."""
    stop_threshold: float = 0.0
    stop_direction: str = "above"
    """``above`` or ``below``: on which side of the threshold it stops."""
    stop_patience: int = 0
    """Epochs in a row for which it must stay there after the first."""
    plateau_factor: float | None = None
    """Onto the learning rate, where an epoch's loss, the validation's if there is one, was not
    lower for ``plateau_patience`` epochs; None leaves the rate as it is."""
    plateau_patience: int = 3
    keep_best: bool = False
    """Whether the model of the lowest validation loss is saved; it is not what is scored last."""

    def __post_init__(self) -> None:
        """Refuse values that could only fail later, inside a trial."""
        for words, allowed, names in LIMITS:
            for name in names:
                value = getattr(self, name)
                if value is not None and not allowed(value):
                    raise ValueError(f"{name} must {words}, not {value!r}")
        known = REPORTED if self.validation_fraction else REPORTED[:2]
        if self.stop_metric is not None and self.stop_metric not in known:
            told = f"must be one of {', '.join(known)}, not {self.stop_metric!r}"
            raise ValueError(f"stop_metric {told}; val_… wants a validation_fraction")
        if self.keep_best and not self.validation_fraction:
            raise ValueError("keep_best wants a validation_fraction to choose by")
        if self.plateau_factor is not None and self.schedule != "constant":
            raise ValueError(f"plateau_factor and schedule {self.schedule!r} both set the rate")

    @property
    def watched(self) -> bool:
        """Whether it names callbacks, or holds out images for them."""
        return bool(self.changed & WATCHED)

    @property
    def changed(self) -> set[str]:
        """Names of the fields that do not stand at their defaults."""
        return {f.name for f in fields(self) if getattr(self, f.name) != f.default}

    @property
    def tuned(self) -> bool:
        """Whether it asks for more than a plain ``compile`` and ``fit``."""
        return bool(self.changed - PLAIN - WATCHED) or ":" in self.optimizer

    @property
    def pieces(self) -> tuple[str, ...]:
        """``module:name`` of all that it uses besides the architecture."""
        moved = self.rotate_degrees or self.shift_pixels or self.zoom
        wanted = {
            f"fitting_room.training.schedules:{self.schedule}": self.schedule != "constant",
            self.optimizer: ":" in self.optimizer,
            "fitting_room.training.losses:SmoothedCrossentropy": self.label_smoothing,
            "fitting_room.training.augmentation:RandomAffine": moved,
            f"fitting_room.training.augmentation:{self.flip.title()}Flip": self.flip != "none",
            "fitting_room.training.augmentation:RandomErasing": self.erase_pixels,
        }
        return tuple(name for name, used in wanted.items() if used)


_NAMES = [field.name for field in fields(Recipe)]

PLAIN = frozenset(_NAMES[: _NAMES.index("schedule")])
"""Fields that a plain ``compile`` and ``fit`` honour."""

AUGMENTATION = frozenset({"rotate_degrees", "shift_pixels", "zoom", "flip", "erase_pixels"})
"""Fields that change training images."""

WATCHED = frozenset(_NAMES[_NAMES.index("validation_fraction") :])
"""Fields that name callbacks, and what those watch."""

LIMITS: tuple[tuple[str, Callable[[Any], bool], tuple[str, ...]], ...] = (
    ("be at least 1", lambda x: x >= 1, ("epochs", "batch_size", "steps_per_execution")),
    ("be in (0, 1]", lambda x: 0 < x <= 1, ("train_fraction",)),
    ("not be negative", lambda x: x >= 0, ("learning_rate", "weight_decay", "rotate_degrees")),
    ("not be negative", lambda x: x >= 0, ("shift_pixels", "erase_pixels")),
    ("not be negative", lambda x: x >= 0, ("stop_patience", "plateau_patience")),
    ("be in [0, 1)", lambda x: 0 <= x < 1, ("warm_up", "label_smoothing", "weight_average")),
    ("be in [0, 1)", lambda x: 0 <= x < 1, ("zoom", "validation_fraction")),
    ("be in (0, 1)", lambda x: 0 < x < 1, ("plateau_factor",)),
    (f"be one of {', '.join(SCHEDULES)}", SCHEDULES.__contains__, ("schedule",)),
    (f"be one of {', '.join(FLIPS)}", FLIPS.__contains__, ("flip",)),
    ("be above or below", ("above", "below").__contains__, ("stop_direction",)),
)
"""What a value must be, in words and as a test, and the fields that it holds for."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Task × architecture × recipe; one row of a table."""

    task: Name
    architecture: Name = ""
    """What it is called; after its function, if it is given no name."""
    builder: str
    """``module:function`` of the architecture."""
    arguments: Mapping[str, int | float | str] = field(default_factory=dict)
    recipe: Recipe
    variant: Annotated[str, msgspec.Meta(pattern=VARIANT)] = ""
    """What was changed of its original, to see that the gate notices; empty for a case as it is."""
    trainer: str | None = None
    """``module:function`` that trains it, see ``trial/trainer.py``; None is Keras' ``fit``."""

    def __post_init__(self) -> None:
        """Name the architecture, and refuse what an own trainer would pass over: callbacks."""
        if not self.architecture:
            object.__setattr__(self, "architecture", self.builder.rpartition(":")[2])
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
    """The source of the data, in words."""
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
    """The seed of the initial weights and, without ``order_seed``, of the order of the images."""
    dataset: Dataset
    epochs: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
    """Asked for; the recipe's unless overridden. 0 builds and times the model, untrained."""
    backend: str = "tensorflow"
    device: str = "cpu"
    evaluate_each_epoch: bool = True
    """Score the test images after every epoch, outside the training clock; else after the last."""
    alone: bool = True  # on its machine, so that its times may be kept
    time_limit_s: float | None = None
    order_seed: Seed | None = None
    """The seed of the order of the images alone, to tell its scatter from the initial weights'."""
    inference: bool = True
    """Time the forward pass as well; a model whose parameters alone are wanted does without."""
    loss_limits: tuple[tuple[float, float], ...] = ()
    """Lowest and highest training loss of each epoch, nats; training ends beyond them."""
    stop_after: Annotated[int, msgspec.Meta(ge=1)] | msgspec.UnsetType = msgspec.UNSET
    """Epoch of the recipe's schedule after which a quick trial ends, its test images unscored."""
    per_gpu: Annotated[int, msgspec.Meta(ge=2)] | msgspec.UnsetType = msgspec.UNSET
    """Trials that may share a GPU. Both are unset, and not written, for one as most are."""

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
