"""``python -m bench data``: fetch, verify and describe the data sets."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn

from fitting_room.cli import COMMANDS
from fitting_room.cli.session import DATA, add_options
from fitting_room.data import Arrays, chosen_data_dir, find, load
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
    parser = subparsers.add_parser("data", help=COMMANDS["data"])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{' or '.join(KNOWN)}; both if none is named"
    )
    add_options(parser, *DATA)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print a table for each data set; raises UserError for those that no source gave."""
    titles = {name: named(name).title for name in args.names or KNOWN}
    data_dir = chosen_data_dir(args.data_dir, os.environ)
    failures = []
    for name, title in titles.items():
        try:
            with TerminalProgress(name, Console(stderr=True)) as progress:
                dataset = find(name, data_dir=data_dir, offline=args.offline, progress=progress)
        except UserError as error:
            failures.append(str(error))
        else:
            print(described(title, dataset, load(dataset)), end="\n\n")
    if failures:
        raise UserError("\n\n".join(failures))
    return 0


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


class TerminalProgress(Progress):
    """Tells of a search for ``name`` on ``console``; a bar only where that is a terminal."""

    def __init__(self, name: str, console: Console) -> None:
        columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20), DownloadColumn()
        silent = not console.file.isatty()
        super().__init__(*columns, console=console, transient=True, disable=silent)
        self._name = name
        self._task = self.add_task(escape(name), total=None)

    def trying(self, source: str) -> None:
        """Show which source is tried."""
        self.reset(self._task, total=None, description=escape(f"{self._name}: {source}"))

    def received(self, done: int, total: int | None) -> None:
        """Move the bar."""
        self.update(self._task, completed=done, total=total)

    def failed(self, source: str, error: SourceError) -> None:
        """Print the source and why it gave nothing; the line stays."""
        line = in_terminal(f"{self._name}: {source}: {error}")
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)
