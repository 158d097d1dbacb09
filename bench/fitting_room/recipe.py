"""How an architecture is trained: one frozen, flat value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

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
    """For optimizers that have one; None leaves the optimizer's own, as do the next three."""
    nesterov: bool | None = None
    beta_2: float | None = None
    """Decay of the second moment."""
    adam_lr_ratio: float | None = None
    """Of Muon: rate of what it leaves to Adam (biases, normalisation, head), over its own."""
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
    """One of ``fitting_room.recipe.REPORTED``; the training ends when it is past the threshold."""
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
        """``module:name`` of all that it uses of ``models``, besides the architecture."""
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
