"""Pytest's line of dots, left while trials are told of and taken up again."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

BENCHMARK_NAME, BENCHMARK_COLUMN = 55, 23
"""Columns of a terminal that pytest-benchmark's tables take: name and rounds, each statistic."""

COLUMNS = ["min", "median", "max", "iqr", "rounds"]
"""The statistics of this project's own setting, which alone is touched."""

MOST_TELLING = ("median", "min", "max", "iqr")


def fit_benchmark_tables(config: Any) -> None:
    """Leave out statistics that a narrow terminal would fold."""
    if getattr(config.option, "benchmark_columns", None) != COLUMNS:
        return
    width = shutil.get_terminal_size().columns  # pytest's own writer is not there yet
    room = (width - BENCHMARK_NAME) // BENCHMARK_COLUMN
    kept = MOST_TELLING[: max(1, room)]
    config.option.benchmark_columns = [
        name for name in COLUMNS if name in kept or name not in MOST_TELLING
    ]


class DotLine:
    """Writes beside pytest's terminal reporter without confusing its count of columns."""

    def __init__(self, reporter: Any, writer: Any) -> None:
        self._reporter = reporter
        self._writer = writer
        self._begun: Any = None

    @property
    def fullwidth(self) -> int:
        """Columns of the terminal."""
        return int(self._writer.fullwidth)

    def write(self, msg: str, *, flush: bool = False) -> None:
        """Write text as it is; pytest's capture must be suspended."""
        print(msg, end="", flush=flush)

    def leave(self) -> None:
        """End the line that the reporter has begun, if it has."""
        sys.stdout.flush()
        self._begun = self._reporter.currentfspath
        self._reporter.ensure_newline()
        if self._writer.width_of_current_line:  # quiet, it writes dots and no file's name
            self._writer.line()

    def resume(self) -> None:
        """Begin it again: with the file, or where pytest is verbose with the test."""
        if isinstance(self._begun, Path):
            name = os.path.relpath(self._begun, self._reporter.startpath)
            self._writer.write(f"{name} ", flush=True)
        elif isinstance(self._begun, str):
            self._writer.write(self._begun, flush=True)
        else:
            return
        self._reporter.currentfspath = self._begun
