"""How the trials of a command share a machine: one by one and timed, or side by side without."""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor

from bench.harness.arguments import positive
from bench.harness.errors import UserError


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
