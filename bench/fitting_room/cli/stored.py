"""``show``, ``claims``, ``remove`` and ``rename``: what is stored, and what it is worth."""

from __future__ import annotations

import json
import re
import shutil
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
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
from fitting_room.cli.session import shared
from fitting_room.errors import UserError, named
from fitting_room.format import accuracy, difference, in_terminal, number, percent
from fitting_room.lab.plan import Arguments, argument, flag, path
from fitting_room.machine import USUAL, platform_of
from fitting_room.metrics import METRICS
from fitting_room.project import Project
from fitting_room.project import shown as shown_path
from fitting_room.reading import read_toml
from fitting_room.record import Record
from fitting_room.report.bounds import Keys, edited
from fitting_room.report.findings import claims_json, claims_shown, surprises, tally
from fitting_room.report.model import card
from fitting_room.report.progress import Screen
from fitting_room.report.table import Table
from fitting_room.spec import Case, folder_of
from fitting_room.store.bounds import reference_folders
from fitting_room.store.key import quality_key, renamed, training_key, why_stale
from fitting_room.store.records import (
    Models,
    Store,
    encoded,
    read_record,
    read_speed,
    write_speed,
    write_whole,
)
from fitting_room.studies import write_document

NOT_FOR_PUBLICATION = "Not for publication (sample, search, quick run or overridden epochs):"

RECORDS = ("reference", "exercises", "trials")
FOLDERS = ("exercises", "trials", "models", "inspect")
"""Folders of the results that have one for each case, beside those of references."""


JSON_TOO = flag("as JSON, accuracies as fractions")
GONE = "which the list of cases no longer has"

ARGUMENTS: dict[str, Arguments] = {
    "show": {
        "case": argument("show this case alone, epoch by epoch", nargs="?"),
        "--seeds": flag("a line for each record"),
        "--json": JSON_TOO,
        **shared("--results"),
    },
    "claims": {
        "file": path("default: bench/claims.toml", nargs="?"),
        "--json": JSON_TOO,
        "--results": path("holds reference/, exercises/ and speed/ (results)"),
    },
    "remove": {
        "case": argument(f"its name, {GONE}"),
        "--apply": flag("remove what is shown"),
        **shared("--results"),
    },
    "rename": {
        "old": argument(f"its name until now, {GONE}"),
        "new": argument("its name in the list of cases"),
        "--apply": flag("rename what is shown"),
        **shared("--results"),
    },
}


def show(args: Namespace) -> int:
    """Print the records under ``--results``."""
    folders = [*reference_folders(args.results), args.results / "trials"]
    names = [folder.relative_to(args.results).as_posix() for folder in folders]
    found = [(n, r) for n, each in zip(names, folders, strict=True) for r in Store(each).readable()]
    known = dict.fromkeys([*args.project.cases, *(record.spec.case.name for _, record in found)])
    if args.case is not None:
        named("case", args.case, known)
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
        "callbacks": record.callbacks,
    }
    return told | ({"per_epoch": record.epochs} if epochs else {})


def _seconds_per_epoch(record: Record) -> float | None:
    """Median without the first epoch, which includes tracing."""
    after_first = [epoch.seconds for epoch in record.epochs[1:]]
    return median(after_first) if after_first else None


def _summary(found: Sequence[tuple[str, Record]], project: Project) -> str:
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
    real, rest = (
        Table(head, [row for _, row in sorted(of)], align="lrrlll").terminal() if of else ""
        for of in rows.values()
    )
    parts = [real, rest and f"{NOT_FOR_PUBLICATION}\n\n{rest}", "\n".join(notes)]
    return "\n\n".join(filter(None, parts))


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
    case, original = record.spec.case.name, record.spec.case.original
    if case not in project.known:
        mend = f"{case} is no case of this project: `fitting-room remove {case}`, or `rename` it."
        return ("variant", "") if original in project.known else ("no such case", mend)
    why = why_stale([record], project.known, root=project.root).get(case)
    return ("stale", f"{case} is stale: {why}.") if why else ("current", "")


def _listing(records: Sequence[tuple[str, Record]]) -> str:
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
            record.key[:12],
        ]
        for folder, record in records
    ]
    return Table(head, rows, align="lrrrlrl").terminal()


def _curve(record: Record) -> str:
    """Return what became of a record, what its callbacks did, and a table of its epochs."""
    told = f"{record.spec.case.name}, seed {record.spec.seed}: {record.outcome}, {record.reason}"
    epochs, did = record.epochs, record.callbacks
    if not epochs:
        return in_terminal(told)
    columns = {
        "epoch": [str(each.number) for each in epochs],
        "training accuracy %": [percent(each.training_accuracy) for each in epochs],
        "training loss": [number(each.training_loss, 4) for each in epochs],
    }
    if any(each.validation_loss is not None for each in epochs):
        columns["validation accuracy %"] = [percent(each.validation_accuracy) for each in epochs]
        columns["validation loss"] = [number(each.validation_loss, 4) for each in epochs]
    if did:
        columns["learning rate"] = [f"{rate:.3g}" for rate in did.learning_rates]
    columns["test accuracy %"] = [percent(each.test_accuracy) for each in epochs]
    columns["test loss"] = [number(each.test_loss, 4) for each in epochs]
    columns["seconds"] = [number(each.seconds, 2) for each in epochs]
    best = f"best by validation loss: epoch {did.best_epoch}" if did and did.best_epoch else ""
    stopped = f"stopped after epoch {did.stopped_epoch}" if did and did.stopped_epoch else ""
    table = Table([*columns], list(zip(*columns.values(), strict=True)), align="r").terminal()
    acted = "; ".join(filter(None, [best, stopped]))
    return "\n\n".join(filter(None, [in_terminal(told), acted, table]))


def claims(args: Namespace) -> int:
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
        table = claims_shown(findings, Screen.of_output(), stale=rest.stale)
        last = map(in_terminal, [f"{tally(findings)}.", *surprises(findings)])
        print("\n".join([table, "", *last]))
    return int(any(each.surprising for each in findings))


def remove(args: Namespace) -> int:
    """Show what is left of a case: files, bounds and claims; with ``--apply`` remove it."""
    nothing = "Nothing is left of {!r}: no record under {}, no bound, no claim."
    return _move(args, args.case, None, nothing)


def rename(args: Namespace) -> int:
    """Show what goes by the old name: files, bounds and claims; with ``--apply`` rename it."""
    new = args.project.case(args.new)
    return _move(args, args.old, new, "Nothing goes by the name of {!r} under {}.")


def _move(args: Namespace, old: str, new: Case | None, nothing: str) -> int:
    """Rename what is stored of a case that is gone, or remove it where there is no new one."""
    project, results, verb = args.project, args.results, "rename" if new else "remove"
    if old in project.known:
        raise UserError(f"{old} is a case of this project. Take it out of its code first.")
    if new and (taken := _traces(results, new.name)):
        raise UserError(f"{taken[0]} is there already. Remove it, or give the case another name.")
    paths, texts = _traces(results, old), dict[Path, str]()
    for file in (project.bounds, project.claims):
        if file and file.exists():
            before, after = file.read_text("utf-8"), _edited(file, old, new.name if new else None)
            print(difference(before, after, file=shown_path(file, project.root)), end="")
            texts |= {file: after} if after != before else {}
    if not texts and not paths:
        raise UserError(nothing.format(old, results))
    for each in paths:
        print(f"{verb} {each}")
    # Before anything is written: it refuses what is of another task.
    records = {each: _renamed(each, new) for each in paths} if new else {}
    if not args.apply:
        print("Nothing is changed yet. Review the above, then repeat the command with --apply.")
        return 0
    for each in paths:
        if new:
            _put(each, records[each], new, results)
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    for file, text in texts.items():
        write_whole(file, text.encode())
    print(f"{verb.title()}d.")
    return 0


def _traces(results: Path, case: str) -> list[Path]:
    """Return the files and folders of a case that there are under the results."""
    folder = folder_of(case)
    wanted = [each / folder for each in reference_folders(results)]
    wanted += [results / name / folder for name in FOLDERS]
    wanted += [results / "inspect" / f"{folder}-sample"]
    wanted += [results / room / f"{case}.json" for room in ("speed", "peers")]
    wanted += [results / "noise" / f"{case}{end}.json" for end in ("", "-times")]
    return [path for path in wanted if path.exists()]


def _renamed(path: Path, new: Case) -> list[Record]:
    """Return a folder's records under the new name, with the keys that the name is part of."""
    found = []
    for record in map(read_record, sorted(path.glob("seed-*.json"))):
        spec = renamed(record.spec, new)
        found.append(replace(record, spec=spec, key=quality_key(spec, record.provenance)))
    return found


def _put(path: Path, records: Sequence[Record], new: Case, results: Path) -> None:
    """Write what lies under a path under the new name, beside it."""
    room = path.relative_to(results).parts[0]
    end = "-times" if path.stem.endswith("-times") else ""
    if room in RECORDS:
        for record in records:
            Store(path.parent).put(record)
    elif room == "models":
        models = Models(results / room, card)
        for record in records:
            models.file(record.spec).parent.mkdir(parents=True, exist_ok=True)
            models.put(record, path / models.file(record.spec).name)
    elif room == "speed":
        speed = read_speed(path)
        write_speed(path.parent, replace(speed, spec=renamed(speed.spec, new)))
    elif room in ("noise", "peers"):
        document = msgspec.json.decode(path.read_bytes()) | {"case": new.name}
        write_document(path.with_name(f"{new.name}{end}.json"), document)
    else:  # pictures, whose titles say the name
        sample = "-sample" * path.stem.endswith("-sample")
        shutil.copytree(path, path.with_name(f"{folder_of(new.name)}{sample}"))


def _edited(path: Path, old: str, new: str | None) -> str:
    """Return the text of a file of bounds or claims with a case renamed, or without it.

    Raises:
        UserError: It is no TOML, or its text cannot be edited so that it holds just what is wanted.
    """
    toml = read_toml(path, mend="It holds bounds or claims.", infinite=True)
    document, published = toml.document, toml.document.get("claims", {})
    gone = {n for n, told in published.items() if not new and _replaced(told, old, None) != told}

    def edit(keys: Keys, table: str) -> str:
        if new:
            return _in_table(keys, table, old, new)
        dropped = keys[:1] == (old,) or (keys[:1] == ("claims",) and gone & {*keys[1:2]})
        return "" if dropped else table

    if new and new in document and old in document:
        raise UserError(f"{path} has both [{old}] and [{new}]. Remove one of them by hand.")
    wanted = {
        new if new and key == old else key: value
        for key, value in document.items()
        if key != "claims" and (new or key != old)
    }
    left = {n: _replaced(told, old, new or old) for n, told in published.items() if n not in gone}
    try:
        return edited(toml.text, edit, wanted | ({"claims": left} if left else {}))
    except ValueError:
        told = f"{path} is written in a way that this cannot edit. Edit it by hand."
        raise UserError(told) from None


def _in_table(keys: Keys, text: str, old: str, new: str) -> str:
    """Return a table with a case renamed: in its header, or in the lines of a claim."""
    if keys[:1] == ("claims",):
        return re.sub(rf"""(["']){re.escape(old)}\1""", json.dumps(new), text)
    if keys[:1] != (old,):
        return text
    bare = new if re.fullmatch(r"[\w-]+", new, re.ASCII) else json.dumps(new)
    header = rf"""(?m)^([ \t]*\[[ \t]*)(["']?){re.escape(old)}\2"""
    return re.sub(header, lambda found: f"{found[1]}{bare}", text, count=1)


def _replaced(value: Any, old: str, new: str | None) -> Any:
    """Return values with one text in the place of another, however deep they lie."""
    if isinstance(value, dict):
        return {key: _replaced(each, old, new) for key, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, old, new) for each in value]
    return new if value == old else value
