"""How an architecture is trained: one frozen, flat value."""

from __future__ import annotations

from dataclasses import dataclass


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
    """Any name that ``keras.optimizers.get`` knows."""
    learning_rate: float = 0.001
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

    def __post_init__(self) -> None:
        """Refuse values that could only fail later, inside a trial."""
        for name in ("epochs", "batch_size", "steps_per_execution"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 < self.train_fraction <= 1:
            raise ValueError(f"train_fraction must be in (0, 1], not {self.train_fraction}")
        if self.learning_rate < 0:
            raise ValueError(f"learning_rate must not be negative, not {self.learning_rate}")
