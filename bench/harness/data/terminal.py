"""The progress bar of ``python -m bench data``, and plain lines of what was tried."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn

from bench.harness.data.failures import SourceError


class TerminalProgress:
    """Tells of a search for ``name`` on ``console``; a bar only where that is a terminal."""

    def __init__(self, name: str, console: Console) -> None:
        self._name = name
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            DownloadColumn(),
            console=console,
            transient=True,
            disable=not console.file.isatty(),
        )
        self._task = self._bar.add_task(escape(name), total=None)

    def __enter__(self) -> TerminalProgress:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the bar away."""
        self._bar.stop()

    def trying(self, source: str) -> None:
        """Show which source is tried."""
        self._bar.reset(self._task, total=None, description=escape(f"{self._name}: {source}"))

    def received(self, done: int, total: int | None) -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, total=total)

    def failed(self, source: str, error: SourceError) -> None:
        """Print the source and why it gave nothing; the line stays."""
        line = f"{self._name}: {source}: {error}"
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
