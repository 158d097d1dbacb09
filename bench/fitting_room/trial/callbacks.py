"""The callbacks of a trial: the clock first, then scoring and telling, then stopping."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import keras

from fitting_room.machine import other_cores, usage
from fitting_room.record import Epoch
from fitting_room.training.callbacks import EpochClock
from fitting_room.trial.score import Score

Logs = Mapping[str, Any] | None


class EpochLog(keras.callbacks.Callback):
    """Collects an ``Epoch`` after each, scores the model when asked to, and tells the listener."""

    def __init__(
        self,
        clock: EpochClock,
        *,
        score: Callable[[], Score] | None,
        tell: Callable[[Epoch], None],
        give_up: Callable[[int, float], bool] | None = None,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._score = score
        self._give_up = give_up
        self._tell = tell
        self._before = usage()
        self.epochs: list[Epoch] = []
        self.last_score: Score | None = None

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Remember what the machine had done by then."""
        self._before = usage()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Append what the epoch gave; stop where its loss is not finite, or given up on."""
        loss = finite((logs or {}).get("loss"))
        measured = Epoch(
            number=epoch + 1,
            seconds=self._clock.seconds,
            cpu_seconds=self._clock.cpu_seconds,
            other_cores=other_cores(self._before, usage()),
            training_accuracy=finite((logs or {}).get("accuracy")),
            training_loss=loss,
            validation_accuracy=finite((logs or {}).get("val_accuracy")),
            validation_loss=finite((logs or {}).get("val_loss")),
        )
        if loss is None or (self._give_up and self._give_up(epoch + 1, loss)):
            self.model.stop_training = True
        elif self._score is not None:
            measured = self._scored(measured, self._score)
        self.epochs.append(measured)
        self._tell(measured)

    def _scored(self, epoch: Epoch, score: Callable[[], Score]) -> Epoch:
        began = time.perf_counter()
        self.last_score = score()
        return replace(
            epoch,
            test_accuracy=self.last_score.accuracy,
            test_loss=finite(self.last_score.loss),
            evaluate_seconds=time.perf_counter() - began,
        )


# `training.callbacks.StopAtThreshold` does this and more. But this is in the training digest of
# every published recipe: changing it would retire all their numbers without changing one of them.
class StopAtAccuracy(keras.callbacks.Callback):
    """Stop after the first epoch whose training accuracy, a fraction, reaches the threshold."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self._threshold = threshold

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare the epoch's training accuracy, as ``fit`` reports it."""
        if (logs or {})["accuracy"] >= self._threshold:
            self.model.stop_training = True


def finite(value: Any) -> float | None:
    """Return ``value`` as a float, or None where it is missing, infinite or not a number."""
    return float(value) if value is not None and math.isfinite(value) else None
