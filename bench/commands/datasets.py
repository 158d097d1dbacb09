"""The data sets that a command trains on, and the options that say where they are."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable

from bench.harness import data
from bench.harness.spec import Dataset


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--data-dir`` and ``--offline``."""
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help=f"a folder with the data sets' IDX files (or {data.DATA_DIR_VARIABLE})",
    )
    parser.add_argument("--offline", action="store_true", help="never touch the network")


def datasets(tasks: Iterable[str], arguments: argparse.Namespace) -> dict[str, Dataset]:
    """Return task → verified copy of its data, from where the options or the variable say.

    Raises:
        UserError: One cannot be had.
    """
    folder = data.chosen_data_dir(arguments.data_dir, os.environ)
    return {
        task: data.find(task, data_dir=folder, offline=arguments.offline)
        for task in dict.fromkeys(tasks)
    }


def dataset(task: str) -> Dataset:
    """Return a verified copy of a task's data, for a command that has no options for it."""
    return data.find(task, data_dir=data.chosen_data_dir(None, os.environ))
