"""``python -m bench speed``: seconds per epoch of the bench's training against a plain ``fit``."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import msgspec
from tabulate import tabulate

from bench.cases import CASES, case_named
from bench.harness import data
from bench.harness.arguments import positive
from bench.harness.errors import UserError
from bench.harness.lab.options import Options
from bench.harness.lab.plan import specify
from bench.harness.spec import Case
from bench.harness.store.records import write_whole
from bench.harness.trial.contest import Contest, Outcome
from bench.harness.trial.process import child_environment, machine_alone

PAIRS = 10
IMAGES = 15_000
"""A quarter of an epoch: the ratio is that of whole ones."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("speed", help="time the training path against a plain fit")
    parser.add_argument("case", nargs="*", help="cases by name; all, if none is given")
    parser.add_argument("--pairs", type=positive, default=PAIRS, help=f"pairs of epochs ({PAIRS})")
    parser.add_argument(
        "--images", type=positive, default=IMAGES, help=f"training images an epoch ({IMAGES})"
    )
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Time each case in a process of its own, alone on this machine; print ratios and keep them."""
    cases = [case_named(name) for name in arguments.case or CASES]
    found: dict[str, Outcome] = {}
    for number, case in enumerate(cases, start=1):
        began = time.monotonic()
        print(f"[{number}/{len(cases)}] {case.name} …", end="", file=sys.stderr, flush=True)
        found[case.name] = _contest(case, arguments.pairs, arguments.images)
        print(f" {time.monotonic() - began:.0f} s", file=sys.stderr)
    write_whole(arguments.results / "latest" / "speed.json", _json(found))
    print(_table(found, arguments.images))
    return 0


def _contest(case: Case, pairs: int, images: int) -> Outcome:
    spec = specify(case, 0, Options(), data.find(case.task))
    with machine_alone():
        ran = subprocess.run(
            [sys.executable, "-m", "bench.harness.trial.contest"],
            input=msgspec.json.encode(Contest(spec=spec, pairs=pairs, images=images)),
            env=child_environment(spec),
            capture_output=True,
            check=False,
        )
    if ran.returncode:
        last = (ran.stderr.decode(errors="replace").strip().splitlines() or ["nothing"])[-1]
        raise UserError(f"{case.name} could not be timed; its process said: {last}")
    return msgspec.json.decode(ran.stdout, type=Outcome)


def _json(found: Mapping[str, Outcome]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(found)) + b"\n"


def _table(found: Mapping[str, Outcome], images: int) -> str:
    lines = [
        (
            name,
            f"{median(outcome.ours):.2f}",
            f"{median(outcome.plain):.2f}",
            f"{median(outcome.ratios):.2f}",
            f"{min(outcome.ratios):.2f}–{max(outcome.ratios):.2f}",
            len(outcome.ratios),
        )
        for name, outcome in found.items()
    ]
    head = ["case", "seconds", "plain fit", "ratio", "min–max", "pairs"]
    return f"Seconds per {images:,} images, interleaved A B B A; medians.\n\n" + tabulate(
        lines, headers=head, tablefmt="github", disable_numparse=True
    )
