"""``python -m bench data``: fetch, verify, describe and pin the data sets."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn

from fitting_room.cli.session import DATA, shared
from fitting_room.data import Arrays, chosen_data_dir, find, load, sample
from fitting_room.data.arrays import (
    FILES,
    SourceError,
    look_of,
    reduced,
    shared_images,
    write_idx,
)
from fitting_room.errors import UserError, named
from fitting_room.format import count, in_terminal
from fitting_room.lab.plan import Arguments, argument, flag, path
from fitting_room.project import shown
from fitting_room.report.table import Table
from fitting_room.spec import TASKS, Dataset, Look, Task

ARGUMENTS: dict[str, Arguments] = {
    "data": {
        "names": argument("a task of the project; all if none is named", nargs="*", metavar="NAME"),
        **shared(*DATA),
        "--pin": flag("pin the data sets that are not pinned yet"),
        "--write-sample": path("write samples there, as IDX files", metavar="DIR"),
    }
}


def data(args: argparse.Namespace) -> int:
    """Print a table for each data set; raises UserError for those that no source gave."""
    tasks = [named("data set", name, TASKS) for name in args.names or TASKS]
    data_dir = chosen_data_dir(args.data_dir, os.environ)
    failures = []
    for task in tasks:
        try:
            with TerminalProgress(task.name, Console(stderr=True)) as progress:
                dataset = find(
                    task.name, data_dir=data_dir, offline=args.offline, progress=progress
                )
        except UserError as error:
            failures.append(str(error))
            continue
        arrays = load(dataset)
        look = replace(look_of(arrays, len(task.classes)), shared=shared_images(arrays))
        print(described(task, dataset, look), end="\n\n")
        if args.write_sample:
            write_idx(reduced(arrays), args.write_sample / task.name)
        if args.pin:
            _pin(task, arrays, look, args.project.pins)
            print(f"{task.title} is pinned in {shown(args.project.pins, args.project.root)}.\n")
    if failures:
        raise UserError("\n\n".join(failures))
    return 0


HEADER = "# What each data set is known by: written by `fitting-room data --pin`, not by hand.\n"


def _pin(task: Task, arrays: Arrays, look: Look, path: Path) -> None:
    """Pin what is not pinned yet; what is pinned has been verified."""
    tables: dict[str, Mapping[str, object]] = {}
    if task.pin is None:
        tables["checksums"] = arrays.checksums()
        tables["look"] = {each.name: getattr(look, each.name) for each in fields(look)}
    if task.sample is not None and not (task.pin and task.pin.sample):
        tables["sample"] = load(sample(task.name)).checksums()
    text = path.read_text("utf-8") if path.exists() else HEADER
    for name, pairs in tables.items():
        # TOML writes text, numbers and lists of them as JSON does.
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in pairs.items()]
        text += f"\n[{task.name}.{name}]\n{''.join(lines)}"
    path.write_text(text, "utf-8")


def described(task: Task, dataset: Dataset, look: Look) -> str:
    """Return the tables of a data set, at most 80 columns wide unless its path is longer."""
    size = sum(path.stat().st_size for path in Path(dataset.folder).glob("*.npy"))
    ends = f"from {look.lowest:g} to {look.highest:g}, mean {look.mean:g}"
    facts = [
        ("source", dataset.source),
        ("path", dataset.folder),
        ("size", f"{count(size)} bytes in {len(FILES)} arrays"),
        ("checksum", dataset.checksum),
        ("pinned", "yes, and verified" if task.pin else "no: add --pin"),
        ("image", f"{look.dtype} {' × '.join(map(str, look.shape))}, {ends}"),
        ("shared", f"{count(look.shared)} test images are training images too"),
    ]
    counts = [
        ("training", *map(str, look.train), str(sum(look.train))),
        ("test", *map(str, look.test), str(sum(look.test))),
    ]
    headers = ["class", *map(str, range(len(look.train))), "all"]
    lines = [in_terminal(f"{name:8}  {told}") for name, told in facts]
    table = Table(headers, counts).terminal()
    return "\n".join([f"{task.title} ({dataset.name})", *lines, table])


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
