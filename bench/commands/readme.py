"""``python -m bench readme``: the tables of a Markdown file from the committed records."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from bench.cases import CASES
from bench.harness.errors import UserError
from bench.harness.record import Record
from bench.harness.report.markdown import task_table
from bench.harness.report.readme import difference, regenerate
from bench.harness.report.rows import rows
from bench.harness.report.trials import publishable
from bench.harness.spec import TASKS, Case
from bench.harness.store.claims import Claims, read_claims
from bench.harness.store.key import why_stale
from bench.harness.store.records import Store, write_whole

ROOT = Path(__file__).parents[2]
CLAIMS = ROOT / "bench" / "claims.toml"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser("readme", help="rewrite the tables of a Markdown file")
    parser.add_argument(
        "file", nargs="?", type=Path, default=Path("README.md"), help="default: README.md"
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; show the difference, exit 1 if any"
    )
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="holds reference/ (default: results)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Rewrite or check the file; return 1 where a check finds it stale."""
    before = _read(args.file)
    records = _references(args.results / "reference")
    stale = why_stale(records, CASES, root=ROOT)
    tables = blocks(CASES.values(), records, read_claims(CLAIMS, cases=CASES), stale=stale)
    after = regenerate(before, tables, file=str(args.file))
    if args.check and after != before:
        print(difference(before, after, file=str(args.file)))
        print(f"{args.file} is stale. Run: python -m bench readme {args.file}")
        return 1
    if after != before:
        mode = args.file.stat().st_mode
        write_whole(args.file, after.encode())
        args.file.chmod(mode)
    print(f"{args.file} {'rewritten' if after != before else 'is up to date'}.")
    return 0


def blocks(
    cases: Collection[Case],
    records: Sequence[Record],
    claims: Claims,
    *,
    stale: Mapping[str, str],
) -> dict[str, str]:
    """Return the content of every block by its name: one table for each task."""
    of_task = {
        task: rows([case for case in cases if case.task == task], records, {}, claims)
        for task in TASKS
    }
    return {
        task: task_table(found, records, stale=stale, absent="no reference records yet")
        for task, found in of_task.items()
        if found
    }


def _references(folder: Path) -> list[Record]:
    """Read all; what may not be published is no reference, and leaving it out would be a choice."""
    records = list(Store(folder).all())
    unfit = sorted({r.spec.case.name for r in records if not publishable(r)})
    if unfit:
        raise UserError(
            f"{folder} holds records of {', '.join(unfit)} with overridden epochs, on the sample "
            "or of a search. Tables for readers need the recipe's epochs and the whole data: move "
            "them away."
        )
    return records


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")  # as bytes, so that line ends stay
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}. Name a Markdown file."
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text. Save it as UTF-8.") from error
