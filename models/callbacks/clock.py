"""Seconds of an epoch's training, and of nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import keras

Logs = Mapping[str, Any] | None


class EpochClock(keras.callbacks.Callback):
    """Seconds of each epoch's training steps, and of nothing else.

    Inside: from the start of the epoch to its end: shuffling, feeding, steps, the callbacks' batch
    hooks. The first epoch includes tracing and compilation.
    Outside: building, validation, logging. Keras calls ``on_epoch_end`` after its own validation,
    so the clock stops where validation begins. What other callbacks do at the end of an epoch is
    outside only if this one comes first in the list.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.perf_counter,
        cpu_clock: Callable[[], float] = time.process_time,
    ) -> None:
        super().__init__()
        self._clocks = (clock, cpu_clock)
        self._began = (0.0, 0.0)
        self._runs = False
        self.seconds = 0.0
        """Wall time of the last epoch."""
        self.cpu_seconds = 0.0
        """CPU time of this process over the same span, all threads."""
        self.history: list[float] = []
        """``seconds`` of every epoch of the last ``fit``, in order."""

    def on_train_begin(self, logs: Logs = None) -> None:
        """Forget what an earlier ``fit`` took."""
        self.history = []
        self._runs = False

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Start the clocks."""
        self._began = (self._clocks[0](), self._clocks[1]())
        self._runs = True

    def on_test_begin(self, logs: Logs = None) -> None:
        """Stop them where the epoch's validation begins."""
        if self._runs:
            self._await_device()
            self._stop()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Stop them, unless validation has; every other callback's work comes after."""
        if self._runs:
            self._stop()
        self.history.append(self.seconds)

    def _stop(self) -> None:
        self._runs = False
        self.seconds, self.cpu_seconds = (
            clock() - began for clock, began in zip(self._clocks, self._began, strict=True)
        )

    def _await_device(self) -> None:
        """A GPU may still be at its last steps: their metrics are known when it is done."""
        for value in self.model.get_metrics_result().values():
            keras.tree.map_structure(keras.ops.convert_to_numpy, value)
