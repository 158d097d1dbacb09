"""``python -m bench claims``: published figures and statements, judged one by one from records."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from fitting_room.analysis.audit import audit, claims_in, grounds
from fitting_room.cli import COMMANDS
from fitting_room.errors import UserError
from fitting_room.format import in_terminal
from fitting_room.report.audit import as_json, shown, surprises, tally
from fitting_room.report.progress import Screen, coloured, plain

WIDE = 160
"""Columns where nobody watches: a pipe or a file has no width."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser("claims", help=COMMANDS["claims"])
    parser.add_argument("file", nargs="?", type=Path, help="default: bench/claims.toml")
    parser.add_argument("--json", action="store_true", help="as JSON, accuracies as fractions")
    parser.add_argument(
        "--results",
        type=Path,
        help="holds reference/, exercises/ and speed/ (results)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print every claim with its verdict; return 1 where one is not what the file expects."""
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
        print(as_json(findings, stale=rest.stale))
    else:
        screen = Screen(width=WIDE)
        if sys.stdout.isatty():
            mark = plain if os.environ.get("NO_COLOR") else coloured
            screen = Screen(width=shutil.get_terminal_size().columns, mark=mark)
        last = map(in_terminal, [f"{tally(findings)}.", *surprises(findings)])
        print("\n".join([shown(findings, screen, stale=rest.stale), "", *last]))
    return int(any(each.surprising for each in findings))
