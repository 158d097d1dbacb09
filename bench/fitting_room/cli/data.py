"""``python -m bench data``: fetch, verify and describe the data sets."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn

from fitting_room.cli import COMMANDS
from fitting_room.data import DATA_DIR_VARIABLE, Arrays, chosen_data_dir, find, load
from fitting_room.data.arrays import FILES
from fitting_room.data.catalogue import KNOWN, named
from fitting_room.data.progress import SourceError
from fitting_room.data.verify import class_counts
from fitting_room.errors import UserError
from fitting_room.format import count, in_terminal
from fitting_room.report.table import Table
from fitting_room.spec import Dataset


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand ``data``."""
    parser = subparsers.add_parser(
        "data",
        help=COMMANDS["data"],
        description="Fetch, verify and describe the data sets.",
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{' or '.join(KNOWN)}; both if none is named"
    )
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help=f"folder that holds the IDX files, raw or .gz (default: ${DATA_DIR_VARIABLE})",
    )
    parser.add_argument("--offline", action="store_true", help="never touch the network")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print a table for each data set; raises UserError for those that no source gave."""
    titles = {name: named(name).title for name in args.names or KNOWN}
    data_dir = chosen_data_dir(args.data_dir, os.environ)
    failures = []
    for name, title in titles.items():
        try:
            dataset = _found(name, data_dir=data_dir, offline=args.offline)
        except UserError as error:
            failures.append(str(error))
        else:
            print(described(title, dataset, load(dataset)), end="\n\n")
    if failures:
        raise UserError("\n\n".join(failures))
    return 0


def _found(name: str, *, data_dir: Path | None, offline: bool) -> Dataset:
    with TerminalProgress(name, Console(stderr=True)) as progress:
        return find(name, data_dir=data_dir, offline=offline, progress=progress)


def described(title: str, dataset: Dataset, arrays: Arrays) -> str:
    """Return the tables of a data set, at most 80 columns wide unless its path is longer."""
    size = sum(path.stat().st_size for path in Path(dataset.folder).glob("*.npy"))
    facts = [
        ("source", dataset.source),
        ("path", dataset.folder),
        ("size", f"{count(size)} bytes in {len(FILES)} arrays"),
        ("checksum", dataset.checksum),
    ]
    training, test = class_counts(arrays.train_labels), class_counts(arrays.test_labels)
    counts = [
        ("training", *map(str, training), str(sum(training))),
        ("test", *map(str, test), str(sum(test))),
    ]
    headers = ["class", *map(str, range(len(training))), "all"]
    return "\n".join(
        (
            f"{title} ({dataset.name})",
            *(in_terminal(f"{name:8}  {told}") for name, told in facts),
            Table(headers, counts).terminal(),
        )
    )


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
        line = in_terminal(f"{self._name}: {source}: {error}")
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
