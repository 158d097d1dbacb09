"""Metrics of each epoch in a file that others can read while training goes on."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from models.callbacks.clock import EpochClock

Logs = Mapping[str, Any] | None


class MetricsLog(keras.callbacks.Callback):
    """Write a line an epoch: its number from 1, all that ``fit`` reports, the learning rate.

    Each line is written in one piece and at once, so a reader, or a training that is killed, never
    meets half of one. In a CSV file a metric that comes later, as with ``validation_freq``, adds
    its column to the lines before; what is missing is empty. JSON knows no NaN and no infinity:
    there they are null.

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
        self._columns: list[str] = []

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin the file, or find the columns of one that goes on."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a" if self._append else "w", encoding="utf-8"):
            pass
        self._columns = list(self._rows()[0]) if self._path.suffix == ".csv" else []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the epoch's line."""
        row = {"epoch": epoch + 1, **{name: _plain(value) for name, value in (logs or {}).items()}}
        if self._clock is not None:
            row["seconds"] = self._clock.seconds
        if self.model.optimizer is not None:
            row.setdefault("learning_rate", float(self.model.optimizer.learning_rate))
        if self._path.suffix == ".jsonl":
            self._write(json.dumps(_finite(row)) + "\n")
        else:
            self._write_csv(row)

    def _write_csv(self, row: dict[str, Any]) -> None:
        new = [name for name in row if name not in self._columns]
        if new:
            before = self._rows()[1:]
            self._columns += new
            width = len(self._columns)
            whole = [self._columns, *(line + [""] * (width - len(line)) for line in before)]
            temporary = self._path.with_name(f".{self._path.name}.part")
            temporary.write_text("".join(map(_line, whole)), encoding="utf-8", newline="")
            temporary.replace(self._path)
        self._write(_line([row.get(name, "") for name in self._columns]))

    def _rows(self) -> list[list[str]]:
        """Return the lines of the file, of which the first names the columns."""
        with self._path.open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file)) or [[]]

    def _write(self, line: str) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, line.encode())  # one call, unbuffered: the line is there, or is not
        finally:
            os.close(file)


def _plain(value: Any) -> Any:
    """Return a number, or nested lists of them: Keras leaves a metric of many values as it is."""
    return value if isinstance(value, float) else keras.ops.convert_to_numpy(value).tolist()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _line(values: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
