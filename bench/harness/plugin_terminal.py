"""Pytest's line of dots, left while trials are told of and taken up again."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any


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
