"""Stop training where a metric has come far enough."""

from __future__ import annotations

import difflib
import math
import struct
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import keras

from models.callbacks.names import reported, validates

Logs = Mapping[str, Any] | None


class StopAtThreshold(keras.callbacks.Callback):
    """Stop after the epoch at whose end a metric has been past a threshold for long enough.

    The weights stay those of the last epoch: nothing is restored. To keep those of the best one,
    add ``keras.callbacks.ModelCheckpoint``.

    A metric that ``fit`` will not report is an error before the first step. Only where a model has
    a ``train_step`` of its own, or several outputs, it is one at the first step, when Keras knows.

    Args:
        metric: As ``fit`` reports it: ``accuracy``, ``val_loss``; the epoch's value counts.
        threshold: In the metric's unit, so a fraction for an accuracy. Reaching it is enough.
        direction: ``above`` stops at values from the threshold up, ``below`` from it down.
        patience: Epochs in a row for which it must hold on after the first; 0 stops at the first.

    Raises:
        ValueError: A value is none of these, or ``fit`` will not report the metric.
    """

    async_safe = True
    """Keras then hands over the logs of a batch without making the accelerator wait for them."""

    def __init__(
        self,
        metric: str,
        threshold: float,
        *,
        direction: Literal["above", "below"] = "above",
        patience: int = 0,
    ) -> None:
        super().__init__()
        if direction not in ("above", "below"):
            raise ValueError(f"direction must be 'above' or 'below', not {direction!r}")
        if not math.isfinite(_single(threshold)):
            raise ValueError(f"threshold must be a finite number, not {threshold}")
        if patience < 0:
            raise ValueError(f"patience must be at least 0 epochs, not {patience}")
        self.metric, self.threshold = metric, threshold
        self.direction, self.patience = direction, patience
        self.stopped_epoch: int | None = None
        """The epoch, counted from 1, after which it stopped the last ``fit``; None if it did not.
        """
        self._past = 0
        self._validates: bool | None = None
        self._known = False

    def on_train_begin(self, logs: Logs = None) -> None:
        """Refuse a metric that this ``fit`` will not report, where that is known by now."""
        self.stopped_epoch, self._past, self._known = None, 0, False
        self._validates = validates()
        names = reported(self.model)
        if names is not None:
            self._check(names)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Refuse it after the first step otherwise."""
        if not self._known:
            self._check(logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Count the epochs past the threshold, and stop when there are enough of them."""
        value = (logs or {}).get(self.metric)
        if value is None:
            return  # no validation in this epoch: ``validation_freq`` says when there is one
        self._known = True
        self._past = self._past + 1 if self._is_past(float(value)) else 0
        if self._past > self.patience:
            self.stopped_epoch = epoch + 1
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Say if the metric never came, which only a loop of one's own can hide until now."""
        if not self._known:
            warnings.warn(
                f"StopAtThreshold never saw {self.metric!r}, so it stopped nothing.", stacklevel=2
            )

    def _is_past(self, value: float) -> bool:
        # Keras computes metrics in single precision, where 0.9 is 0.89999998: reached all the same.
        either = (self.threshold, _single(self.threshold))
        return value >= min(either) if self.direction == "above" else value <= max(either)

    def _check(self, names: Iterable[str]) -> None:
        """Hold the metric against the names of those of a training epoch."""
        found = sorted(names)
        if self._validates is not False:
            found += [f"val_{name}" for name in found]
        if self.metric not in found:
            raise ValueError(self._unknown(found))
        # Whether a loop of one's own validates shows at the end of its epochs alone.
        self._known = self._validates is not None or not self.metric.startswith("val_")

    def _unknown(self, found: list[str]) -> str:
        close = difflib.get_close_matches(self.metric, found, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        if self.metric.startswith("val_") and self._validates is False:
            hint = " It has no validation data: give it validation_data or validation_split."
        return (
            f"StopAtThreshold watches {self.metric!r}, which this fit will not report."
            f"{hint} It reports: {', '.join(found)}."
        )


def _single(value: float) -> float:
    """Round to single precision; what is too large for it becomes infinite."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.inf
