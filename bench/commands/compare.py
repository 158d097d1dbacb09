"""``python -m bench compare``: what changed between two commits or folders of records."""

from __future__ import annotations

import argparse
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.commands.compare_sides import Asked, Place, place, side_of
from bench.commands.compare_time import PAIRS, race_all
from bench.commands.compare_update import update_reference
from bench.harness import data
from bench.harness.arguments import positive
from bench.harness.errors import UserError, nearest
from bench.harness.report.comparison.as_json import as_json
from bench.harness.report.comparison.markdown import as_markdown
from bench.harness.report.comparison.side import Side
from bench.harness.report.comparison.verdicts import compare
from bench.harness.store.records import write_whole

SEEDS = 5
"""What ``--train`` trains of each case: as many as let each side's scatter be known."""

UNDECIDED = ("fail", "pass")

EPILOG = """\
BASE and HEAD are each a commit (its results/reference) or a folder of records. Exit status: 0 where
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
        "help": "train what a commit, or this checkout, has no records of",
    },
    "--seeds": {
        "type": positive,
        "default": SEEDS,
        "help": f"seeds a case that --train trains ({SEEDS})",
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
    "--shared": {
        "action": "store_true",
        "help": "others use this machine: --train keeps no times, --time allows for them",
    },
    "--undecided": {
        "choices": UNDECIDED,
        "help": "whether an open verdict fails the comparison: it does where CI is set",
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
    "--results": {"type": Path, "default": Path("results"), "help": "holds the records"},
}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "compare",
        help="compare with a commit or with older results",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", metavar="BASE", help="what was")
    parser.add_argument("head", metavar="HEAD", nargs="?", help="what is; default: this checkout")
    for name, settings in OPTIONS.items():
        parser.add_argument(name, **settings)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compare; print and keep what was found; return 1 where a gate fails."""
    places = place(args.base), place(args.head)
    data_dir = data.chosen_data_dir(args.data_dir, os.environ)
    asked = Asked(
        results=args.results,
        cases=tuple(args.case),
        seeds=args.seeds if args.train else None,
        data_dir=data_dir,
        offline=args.offline,
        shared=args.shared,
    )
    if args.time:
        _check_timeable(*places)
    sides = {each: side_of(each, asked) for each in dict.fromkeys(places)}
    base, head = (sides[each] for each in places)
    _check_cases(args.case, base, head)
    found = compare(
        base,
        head,
        labels=lambda task: _labels(task, data_dir),
        races=race_all(*places, asked, args.pairs, shared=args.shared) if args.time else None,
        only=args.case,
    )
    strict = (args.undecided or ("fail" if os.environ.get("CI") else "pass")) == "fail"
    text = as_markdown(found, undecided=strict)
    print(text, end="")
    if args.output:
        write_whole(args.output, text.encode())
    if args.json:
        write_whole(args.json, as_json(found, undecided=strict))
    if args.update_reference:
        update_reference(found, args.results / "reference")
        return 0
    return int(found.red(undecided=strict))


def _check_timeable(*places: Place) -> None:
    for each in places:
        if each.commit is None and not each.checkout:
            raise UserError(
                f"--time runs the code of both sides, but {each.told} has none. Name two commits, "
                "or one and nothing, which is this checkout."
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
        return None  # predictions are evidence: what decides does without
    return np.asarray(data.load(dataset).test_labels)
