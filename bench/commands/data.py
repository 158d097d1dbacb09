"""``python -m bench data``: fetch, verify and describe the data sets."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rich.console import Console
from tabulate import tabulate

from bench.harness.data import DATA_DIR_VARIABLE, Arrays, chosen_data_dir, find, load
from bench.harness.data.arrays import FILES
from bench.harness.data.catalogue import KNOWN, named
from bench.harness.data.terminal import TerminalProgress
from bench.harness.data.verify import class_counts
from bench.harness.errors import UserError
from bench.harness.spec import Dataset


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand ``data``."""
    parser = subparsers.add_parser(
        "data",
        help="fetch, verify and describe the data sets",
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
        ("size", f"{size:,} bytes in {len(FILES)} arrays"),
        ("checksum", dataset.checksum),
    ]
    training, test = class_counts(arrays.train_labels), class_counts(arrays.test_labels)
    counts = [
        ("training", *training, sum(training)),
        ("test", *test, sum(test)),
    ]
    headers = ["class", *map(str, range(len(training))), "all"]
    return "\n".join(
        (
            f"{title} ({dataset.name})",
            tabulate(facts, tablefmt="plain", disable_numparse=True),
            tabulate(counts, headers=headers, tablefmt="simple"),
        )
    )
