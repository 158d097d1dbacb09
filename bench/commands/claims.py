"""``python -m bench claims``: published figures and statements, judged one by one from records."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from bench.cases import CASES
from bench.commands.readme import CLAIMS, ROOT, references
from bench.exercises import EXERCISE_CASES
from bench.harness.report.audit.auditing import audit
from bench.harness.report.audit.table import as_json, tally
from bench.harness.report.audit.terminal import shown, surprises
from bench.harness.store.claims import read_published
from bench.harness.store.key import why_stale

FOLDERS = ("reference", "exercises")
"""Of committed records; claims speak of exercises too."""

WIDE = 160
"""Columns where nobody watches: a pipe or a file has no width."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser("claims", help="judge published claims from the references")
    parser.add_argument(
        "file", nargs="?", type=Path, default=CLAIMS, help="default: bench/claims.toml"
    )
    parser.add_argument("--json", action="store_true", help="as JSON, accuracies as fractions")
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        help="holds reference/ and exercises/ (results)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print every claim with its verdict; return 1 where one is not what the file expects."""
    published = read_published(args.file, cases=CASES)
    records = [r for name in FOLDERS for r in references(args.results / name)]
    stale = why_stale(records, {**EXERCISE_CASES, **CASES}, root=ROOT)
    findings = audit(published, records)
    if args.json:
        print(as_json(findings, stale=stale))
    else:
        console = Console(highlight=False)
        if not console.is_terminal:
            console.width = WIDE
        for each in shown(findings, width=console.width, stale=stale):
            console.print(each)
        print("\n".join([f"{tally(findings)}.", *surprises(findings)]))
    return int(any(each.surprising for each in findings))
