"""``python -m bench tensorboard``: finished records as logs for TensorBoard."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cases import CASES
from bench.harness.errors import UserError, nearest
from bench.harness.record import Record
from bench.harness.report.tensorboard import write_logs
from bench.harness.store.records import Store

FOLDERS = ("trials", "reference")
"""Of two records of one trial the later folder's is shown."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser("tensorboard", help="records as logs for TensorBoard")
    parser.add_argument("case", nargs="*", help="cases by name; all, if none is given")
    parser.add_argument("--logdir", type=Path, required=True, help="the folder to write into")
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="holds records (default: results)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write curves, settings and final figures of the records under ``--results``."""
    found = [record for name in FOLDERS for record in Store(args.results / name).all()]
    written = write_logs(_chosen(found, args.case), args.logdir)
    if not written:
        raise UserError(
            f"No trained records{' of these cases' if args.case else ''} under {args.results}. "
            "`pytest bench/` makes them."
        )
    cases = len({record.spec.case.name for record in _chosen(found, args.case) if record.epochs})
    told = f"{_counted(written, 'trial')} of {_counted(cases, 'case')}"
    print(f"{told}. Look at them with: tensorboard --logdir {args.logdir}")
    return 0


def _chosen(records: list[Record], names: list[str]) -> list[Record]:
    known = dict.fromkeys([*CASES, *(record.spec.case.name for record in records)])
    for name in names:
        if name not in known:
            raise UserError(f"There is no case {name!r}. {nearest(name, known)}")
    return [record for record in records if not names or record.spec.case.name in names]


def _counted(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"
