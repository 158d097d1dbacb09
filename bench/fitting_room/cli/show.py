"""``python -m bench show``: the records that are stored, as a table or as JSON."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from fitting_room.cli import COMMANDS
from fitting_room.errors import UserError, nearest
from fitting_room.format import in_terminal, number, percent
from fitting_room.metrics import METRICS
from fitting_room.record import Record
from fitting_room.report.table import Table
from fitting_room.store.records import Store

FOLDERS = ("reference", "trials")
PREFIX = 12
"""Characters of a key that tell records apart for a person."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser("show", help=COMMANDS["show"])
    parser.add_argument("case", nargs="?", help="show this case alone, epoch by epoch")
    parser.add_argument("--json", action="store_true", help="as JSON, accuracies as fractions")
    parser.add_argument("--results", type=Path, help="holds records (default: results)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the records under ``--results``."""
    found = list(_stored(args.results))
    known = dict.fromkeys([*args.project.cases, *(record.spec.case.name for _, record in found)])
    if args.case is not None and args.case not in known:
        raise UserError(f"There is no case {args.case!r}. {nearest(args.case, known)}")
    chosen = [(f, r) for f, r in found if args.case in (None, r.spec.case.name)]
    if args.json:
        told = [_told(folder, record, epochs=args.case is not None) for folder, record in chosen]
        print(msgspec.json.format(msgspec.json.encode(told)).decode())
    elif not chosen:
        print(f"No records{f' of {args.case}' if args.case else ''} under {args.results}.")
    else:
        print(_listing(chosen))
        if args.case is not None:
            print("".join(f"\n\n{_curve(record)}" for _, record in chosen))
    return 0


def _stored(results: Path) -> Iterator[tuple[str, Record]]:
    for folder in FOLDERS:
        for record in Store(results / folder).readable():
            yield folder, record


def _told(folder: str, record: Record, *, epochs: bool) -> dict[str, Any]:
    told = {
        "case": record.spec.case.name,
        "seed": record.spec.seed,
        "epochs": len(record.epochs),
        "test_accuracy": record.test_accuracy,
        "calibration_error": METRICS["calibration_error"](record),
        "outcome": record.outcome,
        "seconds_per_epoch": _seconds_per_epoch(record),
        "started": record.started,
        "folder": folder,
        "key": record.key,
        "callbacks": msgspec.to_builtins(record.callbacks),
    }
    return told | ({"per_epoch": msgspec.to_builtins(record.epochs)} if epochs else {})


def _seconds_per_epoch(record: Record) -> float | None:
    """Median without the first epoch, which includes tracing."""
    after_first = [epoch.seconds for epoch in record.epochs[1:]]
    return median(after_first) if after_first else None


def _listing(records: Sequence[tuple[str, Record]]) -> str:
    head = (
        "case",
        "seed",
        "epochs",
        "test accuracy %",
        "outcome",
        "s/epoch",
        "started",
        "in",
        "key",
    )
    return Table(
        head,
        [
            [
                record.spec.case.name,
                str(record.spec.seed),
                f"{len(record.epochs)}/{record.spec.epochs}",
                percent(record.test_accuracy),
                record.outcome,
                number(_seconds_per_epoch(record), 2),
                record.started[:16].replace("T", " "),
                folder,
                record.key[:PREFIX],
            ]
            for folder, record in records
        ],
        align="lrrrlrl",
    ).terminal()


def _curve(record: Record) -> str:
    told = f"{record.spec.case.name}, seed {record.spec.seed}: {record.outcome}, {record.reason}"
    title = in_terminal(told)
    columns: dict[str, list[str]] = {
        "epoch": [str(epoch.number) for epoch in record.epochs],
        "training accuracy %": [percent(epoch.training_accuracy) for epoch in record.epochs],
        "training loss": [number(epoch.training_loss, 4) for epoch in record.epochs],
        **_watched(record),
        "test accuracy %": [percent(epoch.test_accuracy) for epoch in record.epochs],
        "test loss": [number(epoch.test_loss, 4) for epoch in record.epochs],
        "seconds": [number(epoch.seconds, 2) for epoch in record.epochs],
    }
    if not record.epochs:
        return title
    rows = list(zip(*columns.values(), strict=True))
    return "\n\n".join(
        filter(None, [title, _did(record), Table([*columns], rows, align="r").terminal()])
    )


def _watched(record: Record) -> dict[str, list[str]]:
    """Return the columns of a recipe with callbacks: what they watched, and the rates they left."""
    found: dict[str, list[str]] = {}
    if any(epoch.validation_loss is not None for epoch in record.epochs):
        found["validation accuracy %"] = [percent(e.validation_accuracy) for e in record.epochs]
        found["validation loss"] = [number(e.validation_loss, 4) for e in record.epochs]
    if record.callbacks:
        found["learning rate"] = [f"{rate:.3g}" for rate in record.callbacks.learning_rates]
    return found


def _did(record: Record) -> str:
    """Say which epochs the callbacks chose, if any did."""
    did = record.callbacks
    best = f"best by validation loss: epoch {did.best_epoch}" if did and did.best_epoch else ""
    stopped = f"stopped after epoch {did.stopped_epoch}" if did and did.stopped_epoch else ""
    return "; ".join(filter(None, [best, stopped]))
