"""``show`` and ``claims``: the stored records, and the verdicts on published claims."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from fitting_room.analysis.audit import audit, claims_in, grounds
from fitting_room.analysis.trials import (
    figure,
    of_one_machine,
    one_per_seed,
    publishable,
    quartiles,
)
from fitting_room.cli import Subparsers, add_command
from fitting_room.errors import UserError, nearest
from fitting_room.format import accuracy, in_terminal, number, percent
from fitting_room.machine import USUAL, platform_of
from fitting_room.metrics import METRICS
from fitting_room.project import Project
from fitting_room.record import Record
from fitting_room.report.findings import claims_json, claims_shown, surprises, tally
from fitting_room.report.progress import Screen, coloured, plain
from fitting_room.report.table import Table
from fitting_room.store.bounds import reference_folders
from fitting_room.store.key import training_key, why_stale
from fitting_room.store.records import Store, encoded

PREFIX = 12
"""Characters of a key that tell records apart for a person."""

Found = tuple[str, Record]
"""A folder of the results, and a record in it."""

WIDE = 160
"""Columns of a pipe or a file, which has no width of its own."""

NOT_FOR_PUBLICATION = "Not for publication (sample, search, quick run or overridden epochs):"


def register(subparsers: Subparsers) -> None:
    """Add both commands."""
    parser = add_command(subparsers, "show", show)
    parser.add_argument("case", nargs="?", help="show this case alone, epoch by epoch")
    parser.add_argument("--seeds", action="store_true", help="a line for each record")
    parser.add_argument("--json", action="store_true", help="as JSON, accuracies as fractions")
    parser.add_argument("--results", type=Path, help="where records are kept (default: results)")
    parser = add_command(subparsers, "claims", claims)
    parser.add_argument("file", nargs="?", type=Path, help="default: bench/claims.toml")
    parser.add_argument("--json", action="store_true", help="as JSON, accuracies as fractions")
    parser.add_argument(
        "--results",
        type=Path,
        help="holds reference/, exercises/ and speed/ (results)",
    )


def show(args: argparse.Namespace) -> int:
    """Print the records under ``--results``."""
    folders = [*reference_folders(args.results), args.results / "trials"]
    names = {folder.relative_to(args.results).as_posix(): folder for folder in folders}
    found = [(name, r) for name, folder in names.items() for r in Store(folder).readable()]
    known = dict.fromkeys([*args.project.cases, *(record.spec.case.name for _, record in found)])
    if args.case is not None and args.case not in known:
        raise UserError(f"There is no case {args.case!r}. {nearest(args.case, known)}")
    chosen = [(f, r) for f, r in found if args.case in (None, r.spec.case.name)]
    if args.json:
        told = [_told(folder, record, epochs=args.case is not None) for folder, record in chosen]
        print(encoded(told).decode(), end="")
    elif not chosen:
        print(f"No records{f' of {args.case}' if args.case else ''} under {args.results}.")
    elif args.case is not None:
        print("\n\n".join([_listing(chosen), *(_curve(record) for _, record in chosen)]))
    else:
        print(_listing(chosen) if args.seeds else _summary(chosen, args.project))
    return 0


def _told(folder: str, record: Record, *, epochs: bool) -> dict[str, Any]:
    told = {
        "case": record.spec.case.name,
        "backend": record.spec.backend,
        "device": record.spec.device,
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


def _summary(found: Sequence[Found], project: Project) -> str:
    """Return a line for each training of a case, those that count before those that do not."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for folder, record in found:
        groups.setdefault((folder, training_key(record, versions=False)), []).append(record)
    order = [*project.known]
    rows: dict[bool, list[tuple[int, list[str]]]] = {True: [], False: []}
    notes: dict[str, None] = {}
    for (folder, _), records in groups.items():
        case = records[0].spec.case.name
        state, note = _state(records[0], project)
        notes |= {note: None} if note else {}
        place = order.index(case) if case in order else len(order)
        rows[publishable(records[0])].append((place, _row(folder, records, state)))
    head = ("case", "test accuracy %", "s/epoch", "not completed", "code", "in")
    tables = {
        counts: Table(head, [row for _, row in sorted(of)], align="lrrlll").terminal()
        for counts, of in rows.items()
        if of
    }
    if False in tables:
        tables[False] = f"{NOT_FOR_PUBLICATION}\n\n{tables[False]}"
    return "\n\n".join([*tables.values(), *(["\n".join(notes)] if notes else [])])


def _row(folder: str, records: Sequence[Record], state: str) -> list[str]:
    scores = [r.test_accuracy for r in one_per_seed(records) if r.test_accuracy is not None]
    timed = of_one_machine([record for record in records if record.completed])
    seconds = quartiles([epoch.seconds for record in timed for epoch in record.epochs[1:]])
    lost = Counter(record.outcome for record in records if not record.completed)
    return [
        _named(records[0]),
        accuracy(figure(scores)),
        number(seconds.median if seconds else None, 2),  # as the tables have it
        ", ".join(f"{count} {outcome}" for outcome, count in sorted(lost.items())),
        state,
        folder,
    ]


def _named(record: Record) -> str:
    """Return the case, and what it was trained on where that is not as usual."""
    name, where = record.spec.case.name, platform_of(record)
    return name if where == USUAL else f"{name}, {where.words}"


def _state(record: Record, project: Project) -> tuple[str, str]:
    """Return whether the present code would make a record again, and why not."""
    case = record.spec.case.name
    if case not in project.known:
        what = f"`fitting-room remove {case}` removes what is left of it"
        return "no such case", f"{case} is no case of this project: {what}, `rename` keeps it."
    why = why_stale([record], project.known, root=project.root).get(case)
    return ("stale", f"{case} is stale: {why}.") if why else ("current", "")


def _listing(records: Sequence[Found]) -> str:
    head = "case", "seed", "epochs", "test accuracy %", "outcome", "s/epoch", "started", "in", "key"
    rows = [
        [
            _named(record),
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
    ]
    return Table(head, rows, align="lrrrlrl").terminal()


def _curve(record: Record) -> str:
    told = f"{record.spec.case.name}, seed {record.spec.seed}: {record.outcome}, {record.reason}"
    if not record.epochs:
        return in_terminal(told)
    columns: dict[str, list[str]] = {
        "epoch": [str(epoch.number) for epoch in record.epochs],
        "training accuracy %": [percent(epoch.training_accuracy) for epoch in record.epochs],
        "training loss": [number(epoch.training_loss, 4) for epoch in record.epochs],
        **_watched(record),
        "test accuracy %": [percent(epoch.test_accuracy) for epoch in record.epochs],
        "test loss": [number(epoch.test_loss, 4) for epoch in record.epochs],
        "seconds": [number(epoch.seconds, 2) for epoch in record.epochs],
    }
    table = Table([*columns], list(zip(*columns.values(), strict=True)), align="r").terminal()
    return "\n\n".join(filter(None, [in_terminal(told), _did(record), table]))


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
    """Return which epochs the callbacks chose; empty if none did."""
    did = record.callbacks
    best = f"best by validation loss: epoch {did.best_epoch}" if did and did.best_epoch else ""
    stopped = f"stopped after epoch {did.stopped_epoch}" if did and did.stopped_epoch else ""
    return "; ".join(filter(None, [best, stopped]))


def claims(args: argparse.Namespace) -> int:
    """Print every claim with its verdict; return 1 if one is not as the file expects."""
    file = args.file or args.project.claims
    if file is None:
        raise UserError(
            'There is no file of claims. Name one, or add claims = "claims.toml" to '
            f"[tool.fitting-room] in {args.project.root / 'pyproject.toml'}."
        )
    rest = grounds(args.project, args.results)
    published = claims_in(file, args.project)
    if not published.all and not args.json:
        print(f"{file} holds no claims.")
        return 0
    findings = audit(published, rest.records, rest.speeds)
    if args.json:
        print(claims_json(findings, stale=rest.stale).decode(), end="")
    else:
        screen = Screen(width=WIDE)
        if sys.stdout.isatty():
            mark = plain if os.environ.get("NO_COLOR") else coloured
            screen = Screen(width=shutil.get_terminal_size().columns, mark=mark)
        last = map(in_terminal, [f"{tally(findings)}.", *surprises(findings)])
        print("\n".join([claims_shown(findings, screen, stale=rest.stale), "", *last]))
    return int(any(each.surprising for each in findings))
