"""Options that several commands share: where data lies, and who else uses the machine."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from fitting_room import data
from fitting_room.durations import positive
from fitting_room.errors import UserError
from fitting_room.spec import Dataset


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


def add_sharing_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--shared`` and ``--jobs``."""
    parser.add_argument(
        "--shared", action="store_true", help="others use this machine meanwhile: keep no times"
    )
    parser.add_argument(
        "--jobs", type=positive, default=1, help="trials side by side, with --shared (1)"
    )


def executor_for(arguments: argparse.Namespace) -> ThreadPoolExecutor:
    """Return what runs as many trials at once as was asked for.

    Raises:
        UserError: Several are to run at once, and to be timed.
    """
    if arguments.jobs > 1 and not arguments.shared:
        raise UserError(
            "--jobs: trials side by side slow each other down, so that their times say nothing. "
            "Add --shared, which keeps none."
        )
    return ThreadPoolExecutor(arguments.jobs)
