"""Callbacks for anybody's ``fit``: stop at a threshold, time the epochs, log the metrics.

They need Keras and nothing else of this project, whatever its backend and its steps per execution,
and go into one list with Keras' own::

    clock = EpochClock()  # first, so that it times none of the others
    stop = StopAtThreshold("accuracy", 0.995)
    model.fit(x, y, epochs=10, callbacks=[clock, stop, MetricsLog("metrics.csv", clock=clock)])
"""

from __future__ import annotations

import csv
import difflib
import json
import math
import os
import struct
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import keras

COMPILED = "compile_metrics"
"""What Keras calls the one metric that holds those given to ``compile``."""


def reported(model: Any) -> set[str] | None:
    """Return the names of the metrics that each training epoch of ``model`` reports.

    None where only the first step can tell: the model has a ``train_step`` of its own, or several
    outputs, or is built by its first batch.
    """
    if type(model).train_step is not keras.Model.train_step or "train_step" in vars(model):
        return None
    metrics = {metric.name: metric for metric in model.metrics}
    compiled = metrics.pop(COMPILED, None)
    if compiled is None:
        return {"loss", *metrics}
    if compiled.built:  # by an earlier fit or, on JAX and torch, by this one
        return {"loss", *model.get_metrics_result()}
    asked = _asked(model)
    return None if asked is None else {"loss", *metrics, *asked}


def validates() -> bool | None:
    """Return whether the ``fit`` that calls has validation data; None outside of Keras' own.

    Keras tells a callback its number of epochs and steps, and not this: it is a variable of the
    running ``fit``, under the same name on every backend.
    """
    frame = sys._getframe(1)
    while frame := frame.f_back:  # type: ignore[assignment]
        if frame.f_code.co_name == "fit" and "validation_data" in frame.f_locals:
            return frame.f_locals["validation_data"] is not None
    return None


def _asked(model: Any) -> set[str] | None:
    """Names of what was given to ``compile``, of which TensorFlow's first step makes metrics."""
    if not model.built or len(getattr(model, "outputs", ())) != 1:
        return None
    config = model.get_compile_config()
    plain, weighted = _names(config.get("metrics")), _names(config.get("weighted_metrics"))
    if plain is None or weighted is None:
        return None
    return plain | weighted | {f"weighted_{name}" for name in plain & weighted}


def _names(given: Any) -> set[str] | None:
    """Names of a list of metrics as Keras serialises them: by name, as an object or a function."""
    found: set[str] = set()
    for metric in given or []:
        if isinstance(metric, dict) and "config" in metric:
            config = metric["config"]
            metric = config.get("name") if isinstance(config, dict) else config
        if not isinstance(metric, str):
            return None  # nested, or by output: the first step names them
        found.add(metric)
    return found


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


class MetricsLog(keras.callbacks.Callback):
    """Write a line an epoch: its number from 1, all that ``fit`` reports, the learning rate.

    A reader, or a training that is killed, never meets half a line. In a CSV file a metric that
    comes later, as with ``validation_freq``, adds its column to the lines before; what is missing
    is empty. JSON knows no NaN and no infinity: there they are null.

    Args:
        path: Ends in ``.csv`` or ``.jsonl``; missing folders are made.
        append: Go on after what is there; else the file begins anew.
        clock: Adds the epoch's ``seconds``. It must come before this in the list of callbacks.

    Raises:
        ValueError: The path ends in something else.
        OSError: The file cannot be written; said when training begins.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, append: bool = False, clock: EpochClock | None = None
    ) -> None:
        super().__init__()
        self._path = Path(path)
        if self._path.suffix not in (".csv", ".jsonl"):
            raise ValueError(f"MetricsLog writes .csv or .jsonl, not {self._path.name!r}")
        self._append = append
        self._clock = clock
        self._rows: list[dict[str, Any]] = []
        """Those of a CSV file."""

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin the file, or find the lines of one that goes on."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a+" if self._append else "w+", encoding="utf-8", newline="") as file:
            file.seek(0)
            self._rows = [*csv.DictReader(file)] if self._path.suffix == ".csv" else []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the epoch's line."""
        row = {"epoch": epoch + 1, **{name: _plain(value) for name, value in (logs or {}).items()}}
        if self._clock is not None:
            row["seconds"] = self._clock.seconds
        if self.model.optimizer is not None:
            row.setdefault("learning_rate", float(self.model.optimizer.learning_rate))
        if self._path.suffix == ".csv":
            self._rows.append(row)
            self._write_csv()
        else:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(_finite(row)) + "\n")

    def _write_csv(self) -> None:
        """Put the whole file in place of the one before."""
        columns = dict.fromkeys(name for row in self._rows for name in row)
        temporary = self._path.with_name(f".{self._path.name}.part")
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [*columns], lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)
        temporary.replace(self._path)


def _plain(value: Any) -> Any:
    """Return a number, or nested lists of them: Keras leaves a metric of many values as it is."""
    return value if isinstance(value, float) else keras.ops.convert_to_numpy(value).tolist()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
