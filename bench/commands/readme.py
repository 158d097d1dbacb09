"""``python -m bench readme``: tables and pictures of Markdown files from committed records."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from bench.cases import CASES
from bench.commands.readme_blocks import Committed, blocks
from bench.commands.stored import Stored
from bench.committed import CLAIMS, FOLDERS, KNOWN, ROOT, claims_in, references
from bench.harness.errors import UserError
from bench.harness.report.readme import difference, regenerate
from bench.harness.report.rows import rows
from bench.harness.store.key import why_stale
from bench.harness.store.records import write_whole

PAGES = (Path("README.md"), *(Path(f"results/{of}.md") for of in ("gate", "exercises", "search")))
"""Files of this project that have blocks; the first one shows pictures, too."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser("readme", help="rewrite the tables of Markdown files")
    pages = ", ".join(map(str, PAGES))
    parser.add_argument(
        "file", nargs="*", type=Path, help=f"default: {pages}, and the pictures of the first"
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; show the difference, exit 1 if any"
    )
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="holds reference/ (default: results)"
    )
    parser.add_argument(
        "--claims", type=Path, default=CLAIMS, help="what was published (bench/claims.toml)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Rewrite or check every file; return 1 where a check finds one stale."""
    texts = {file: _read(file) for file in args.file or PAGES}
    known = committed(args.results, args.claims)
    made = {file: regenerate(text, blocks(known), file=str(file)) for file, text in texts.items()}
    stale = [file for file, text in texts.items() if made[file] != text]
    for file, text in texts.items():
        if args.check and file in stale:
            print(difference(text, made[file], file=str(file)))
        elif file in stale:
            _write(file, made[file])
        print(f"{file} {_state(stale=file in stale, check=args.check)}.")
    drawn = not args.file and _draw(known, check=args.check)
    if args.check and (stale or drawn):
        print("Run the same without --check.")
        return 1
    return 0


def committed(results: Path, claims: Path) -> Committed:
    """Read all that a block may be made of.

    Raises:
        UserError: There is no folder of references: every cell would say so.
    """
    if not (results / "reference").is_dir():
        raise UserError(
            f"{results} has no folder reference, whose records the tables are made of. Name a "
            "folder that has with --results DIR, or train some: python -m bench calibrate"
        )
    records, exercises = (references(results / name) for name in FOLDERS)
    return Committed(
        results=results,
        cases=CASES,
        records=records,
        exercises=exercises,
        stale=why_stale([*records, *exercises], KNOWN, root=ROOT),
        published=claims_in(claims),
    )


def _draw(known: Committed, *, check: bool) -> bool:
    """Draw the pictures of the README, or check them; return whether any was stale."""
    # What draws takes longer to load than all the tables to be made.
    plots = import_module("bench.commands.plots")
    found = rows(list(known.cases.values()), known.records, {}, known.published.figures)
    stored = Stored(rows=found, records=known.records, stale=known.stale)
    return bool(plots.committed(stored, check=check))


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")  # as bytes, so that line ends stay
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}. Name a Markdown file."
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text. Save it as UTF-8.") from error


def _write(path: Path, text: str) -> None:
    mode = path.stat().st_mode
    write_whole(path, text.encode())
    path.chmod(mode)


def _state(*, stale: bool, check: bool) -> str:
    if not stale:
        return "is up to date"
    return "is stale" if check else "rewritten"
