"""``python -m bench compare``: what changed between two commits or folders of records."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import numpy as np

from fitting_room import data
from fitting_room.analysis.comparison import IN_TURN, Comparison, compare, in_turn
from fitting_room.analysis.sides import Facts, Side
from fitting_room.analysis.trials import publishable
from fitting_room.cli import COMMANDS, quick
from fitting_room.cli.calibrate import published
from fitting_room.cli.session import OPTIONS as SHARED
from fitting_room.cli.session import check_platform, platform
from fitting_room.cli.sides import Asked, Place, ask, called, place, side_of
from fitting_room.errors import UserError, in_ci, nearest, positive
from fitting_room.format import difference, in_words, listed
from fitting_room.judge.change import Change, not_comparable
from fitting_room.judge.timing import ABTiming
from fitting_room.lab.estimate import warnings
from fitting_room.lab.locks import machine_lock, why_wait
from fitting_room.lab.plan import Options, specify
from fitting_room.lab.timing import ANEW, CHUNK_S, Timed, time_checkouts
from fitting_room.machine import USUAL, Platform, platform_of
from fitting_room.project import Project
from fitting_room.reading import below
from fitting_room.record import Record
from fitting_room.report.findings import comparison_json, comparison_markdown
from fitting_room.spec import Case, Dataset, folder_of
from fitting_room.store.bounds import reference_folder
from fitting_room.store.git import exported
from fitting_room.store.records import Store, write_whole

PAIRS = 20
"""The pairs of a comparison: twice what the exact test needs, as other work may run beside it."""

OWN_TRAINER = "a trainer of one's own does not stop after a chunk to let the other side run"

Checkout = tuple[Path, Mapping[str, Any]]
"""A folder with ``bench`` and ``models``, and its cases by name, in plain values."""


def time_all(
    base: Place, head: Place, asked: Asked, pairs: int, *, shared: bool
) -> dict[str, Change]:
    """Return case → seconds of base and head, for every case that both checkouts have.

    Raises:
        UserError: A checkout cannot train.
    """
    found: dict[str, Change] = {}
    project = asked.project
    with _checkout(base, project) as (old, before), _checkout(head, project) as (new, after):
        names = [name for name in after if name in before]
        chosen = [name for name in names if not asked.cases or name in asked.cases]
        for number, name in enumerate(chosen, start=1):
            sides = (
                Timed(name="base", checkout=old, case=before[name]),
                Timed(name="head", checkout=new, case=after[name]),
            )
            if before[name].get("trainer") or after[name].get("trainer"):
                found[name] = not_comparable(IN_TURN, OWN_TRAINER)
                continue
            told = f"[{number}/{len(chosen)}] {name}"
            task = after[name]["task"]
            dataset = data.find(task, data_dir=asked.data_dir, offline=asked.offline)
            timing = time_case(*sides, dataset, pairs, told=told, platform=asked.platform)
            before_s, after_s = timing.medians
            found[name] = in_turn(timing.verdict(shared=shared), base=before_s, head=after_s)
    return found


def time_case(
    base: Timed,
    head: Timed,
    dataset: Dataset,
    pairs: int,
    *,
    told: str,
    platform: Platform = USUAL,
) -> ABTiming:
    """Time one case, alone on this machine; progress goes to standard error as ``told``."""
    options = Options(**platform._asdict())
    spec = specify(msgspec.convert(head.case, Case), 0, options, dataset)
    for line in warnings([spec], []):
        print(line, file=sys.stderr)

    done: list[float] = []

    def listen(pair: int, ratio: float) -> None:
        done.append(time.monotonic() - began)  # the first pair had to load both sides
        starts = (pairs - 1) // ANEW - (pair - 1) // ANEW
        left = in_words(starts * done[0] + (pairs - pair) * 2 * CHUNK_S)
        print(f"{told}: pair {pair}/{pairs} ×{ratio:.2f}, {left} left", file=sys.stderr)

    def waiting() -> None:
        print(f"{told}: {why_wait(exclusive=True)}", file=sys.stderr)

    print(f"{told}: loading both sides", file=sys.stderr)
    with machine_lock(waiting, exclusive=True):
        began = time.monotonic()
        return time_checkouts(base, head, spec, pairs=pairs, listen=listen)


@contextmanager
def _checkout(place: Place, project: Project) -> Iterator[Checkout]:
    if place.commit is None:
        yield project.root, msgspec.to_builtins(project.cases)
        return
    with exported(place.commit, root=project.root) as folder:
        yield folder, ask(folder, called(place.commit)).cases


FEWEST = 2
"""The fewest seeds of a reference: one seed does not show the scatter."""


def update_reference(found: Comparison, results: Path, platform: Platform = USUAL) -> None:
    """Make head's records the reference of their cases on a platform; print what changes.

    New files are written before old ones go, so that an interruption loses nothing.

    Raises:
        UserError: Head has no records, or some that may be no reference; nothing is changed then.
    """
    folder = reference_folder(results, platform)
    store = Store(folder)
    compared = {head.case for _, head in found.pairs.pairs} | set(found.pairs.appeared)
    missing = {case for case, _ in found.pairs.missing}
    chosen = [f for f in found.head.facts.values() if f.case in compared | missing]
    _check(chosen, found, platform)
    before = _listing(list(store.all()))
    for facts in chosen:
        _replace(facts, store)
    print(difference(before, _listing(list(store.all())), file=str(folder)) or "Nothing to update.")
    print("Review this with `git diff` before you commit it: bounds and tables rest on it.")


def _check(chosen: Sequence[Facts], found: Comparison, platform: Platform) -> None:
    if not any(facts.records for facts in chosen):
        raise UserError(
            f"{found.head.told} has no records to be a reference. Name a commit or a folder."
        )
    for facts in chosen:
        if len(facts.records) < FEWEST:
            raise UserError(
                f"{facts.case} has {len(facts.records)} seed; a reference needs {FEWEST} at least. "
                "Add --train, or choose others with --case."
            )
        if not all(publishable(record) for record in facts.records):
            raise UserError(
                f"{facts.case} was trained on the sample or not for its recipe's epochs: "
                "that is no reference. Choose others with --case."
            )
        if others := {platform_of(record) for record in facts.records} - {platform}:
            raise UserError(
                f"{facts.case} was trained with {others.pop().words}, and is no reference of "
                f"{platform.words}. Name what it was trained with by --backend and --device."
            )


def _replace(facts: Facts, store: Store) -> None:
    kept = {store.put(published(record, alone=True)) for record in facts.records}
    for path in below(store.root, folder_of(facts.case)).glob("seed-*.json"):
        if path not in kept:
            path.unlink()


def _listing(records: Sequence[Record]) -> str:
    """Return one line a record, as a person reviews them."""
    return "\n".join(
        f"{record.spec.case.name} seed {record.spec.seed}: {_figures(record)}, "
        f"{record.outcome}, key {record.key[:12]}"
        for record in records
    )


def _figures(record: Record) -> str:
    accuracy, loss = record.test_accuracy, record.test_loss
    if accuracy is None or loss is None:
        return "no score"
    return f"test accuracy {100 * accuracy:.2f} %, test loss {loss:.4f}"


SEEDS = 5
"""The seeds that ``--train`` trains of each case: enough to know each side's scatter."""

UNDECIDED = ("fail", "pass")

EPILOG = """\
BASE and HEAD are each a commit (its references), a folder of records, or a case of this checkout;
two cases, or two folders of one case each, are compared with each other. Exit status: 0 where
nothing got worse; 1 for a regression, an exact count that changed, a missing reference or missing
records, and with --undecided fail for an open verdict; 2 for a mistake in the call; 130 after
Ctrl-C."""

OPTIONS: dict[str, dict[str, Any]] = {
    "--case": {
        "action": "append",
        "default": [],
        "metavar": "NAME",
        "help": "compare this case alone; may be repeated",
    },
    "--train": {
        "action": "store_true",
        "help": "train the cases that a commit, or this checkout, has no records of",
    },
    "--seeds": {
        "type": positive,
        "default": SEEDS,
        "help": f"seeds a case that --train trains ({SEEDS})",
    },
    "--tier": {
        "choices": ("quick",),
        "help": "compare the first epochs alone: those of BASE's references with those that this "
        "checkout trains now, seed by seed while a verdict is open",
    },
    "--time": {
        "action": "store_true",
        "help": "time both checkouts here and now, interleaved; for commits and this checkout",
    },
    "--pairs": {
        "type": positive,
        "default": PAIRS,
        "help": f"pairs of chunks that --time trains ({PAIRS})",
    },
    **{
        name: SHARED[name] | {"help": f"compare records of this {of}"}
        for name, of in (
            ("--backend", "backend of Keras (tensorflow)"),
            ("--device", "device (cpu)"),
        )
    },
    "--engine": {
        "metavar": "ENGINE",
        "help": "where --train trains, with the code of each side sent there: dask://HOST:PORT or "
        "a scheduler file",
    },
    "--shared": {
        "action": "store_true",
        "help": "others use this machine: --train keeps no times, --time allows for them",
    },
    "--undecided": {
        "choices": UNDECIDED,
        "help": "whether an open verdict fails the comparison: it does where CI is set",
    },
    "-v": {
        "action": "store_true",
        "dest": "verbose",
        "help": "list the figures that did not change, too",
    },
    "--output": {"type": Path, "metavar": "FILE", "help": "write the Markdown there too"},
    "--json": {"type": Path, "metavar": "FILE", "help": "write the comparison as JSON"},
    "--update-reference": {
        "action": "store_true",
        "help": "make HEAD's records the reference; shows what changes",
    },
    "--data-dir": {
        "type": Path,
        "help": f"a folder with the data sets' IDX files (or {data.DATA_DIR_VARIABLE})",
    },
    "--offline": {"action": "store_true", "help": "never touch the network"},
    "--results": {"type": Path, "help": "where records are kept (default: results)"},
}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "compare",
        help=COMMANDS["compare"],
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "base", metavar="BASE", help="the side before: a commit, a folder of records or a case"
    )
    parser.add_argument(
        "head", metavar="HEAD", nargs="?", help="the side after; default: this checkout"
    )
    for name, settings in OPTIONS.items():
        parser.add_argument(name, **settings)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compare; print and keep what was found; return 1 where a gate fails."""
    if args.tier:
        quick.check(args)
    if args.tier or args.train or args.time:
        check_platform(args)
    places = place(args.base, args.project), place(args.head, args.project)
    asked = _asked(args)
    if args.time:
        _check_timeable(*places)
    found = _quick(args, places[0], asked) if args.tier else _whole(args, *places, asked)
    strict = (args.undecided or ("fail" if in_ci(os.environ) else "pass")) == "fail"
    text = comparison_markdown(
        found,
        undecided=strict,
        hint="" if args.tier else _hint(found, args.seeds),
        verbose=args.verbose,
    )
    print(text, end="")
    if args.output:
        write_whole(args.output, text.encode())
    if args.json:
        write_whole(args.json, comparison_json(found, undecided=strict))
    if args.update_reference:
        update_reference(found, args.results, platform(args))
        return 0
    return int(found.red(undecided=strict))


def _whole(args: argparse.Namespace, base: Place, head: Place, asked: Asked) -> Comparison:
    sides = {each: side_of(each, asked) for each in dict.fromkeys((base, head))}
    _check_cases(args.case, sides[base], sides[head])
    timed = time_all(base, head, asked, args.pairs, shared=args.shared) if args.time else None
    return compare(
        sides[base],
        sides[head],
        labels=lambda task: _labels(task, asked.data_dir),
        in_turn=timed,
        only=args.case,
    )


def _quick(args: argparse.Namespace, base: Place, asked: Asked) -> Comparison:
    side = side_of(base, asked)
    _check_cases(args.case, side, Side(told="", facts={}, known=frozenset(args.project.cases)))
    return quick.compare_quick(args, side)


def _asked(args: argparse.Namespace) -> Asked:
    return Asked(
        project=args.project,
        results=args.results,
        cases=tuple(args.case),
        seeds=args.seeds if args.train else None,
        data_dir=data.chosen_data_dir(args.data_dir, os.environ),
        offline=args.offline,
        shared=args.shared,
        engine=args.engine,
        platform=platform(args),
    )


def _hint(found: Comparison, seeds: int) -> str:
    """Return what trains the missing cases, and how long that took when their records were made."""
    known = {
        name: [record.seconds["total"] for record in facts.records if "total" in record.seconds]
        for side in (found.base, found.head)
        for name, facts in side.facts.items()
    }
    missing = [name for name, _ in found.pairs.missing]
    took = sum(median(known[name]) * seeds for name in missing if known.get(name))
    unknown = [name for name in missing if not known.get(name)]
    time = f", about {in_words(took)} on the machine of their records" if took else ""
    rest = f" (unknown for {listed(unknown)})" if took and unknown else ""
    return f"`--train` trains what is missing, {seeds} seeds a case{time}{rest}."


def _check_timeable(*places: Place) -> None:
    for each in places:
        if each.commit is None and not each.checkout:
            raise UserError(
                f"--time runs the code of both sides, but {each.told} has no code of its own. "
                "Name two commits, or one commit alone to compare it with this checkout."
            )


def _check_cases(wanted: list[str], base: Side, head: Side) -> None:
    known = {name for side in (base, head) for name in (*side.facts, *(side.known or ()))}
    for name in wanted:
        if name not in known:
            raise UserError(f"There is no case {name!r}. {nearest(name, sorted(known))}")


@lru_cache
def _labels(task: str, data_dir: Path | None) -> np.ndarray | None:
    """Return the labels of a task's test images where the data is on this machine."""
    try:
        dataset = data.find(task, data_dir=data_dir, offline=True)
    except UserError:
        return None  # predictions are shown, and decide nothing
    return np.asarray(data.load(dataset).test_labels)
