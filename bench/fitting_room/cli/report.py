"""``python -m bench report``: one HTML file of stored records, to be opened in a browser."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fitting_room.analysis.audit import claims_in
from fitting_room.analysis.rows import Row, rows
from fitting_room.cli import COMMANDS
from fitting_room.data import held
from fitting_room.errors import UserError
from fitting_room.project import Project, from_here
from fitting_room.record import Record
from fitting_room.store.claims import Published
from fitting_room.store.key import why_stale
from fitting_room.store.records import Store

OUTPUT = "report.html"


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What pictures and pages are made of: the records of a folder, and what is known of them."""

    project: Project
    records: Sequence[Record]
    stale: Mapping[str, str]
    """Case → why its records are not those of the present code."""
    published: Published

    @cached_property
    def rows(self) -> Sequence[Row]:
        """One for each case, in the order of the tables; not judged."""
        return rows(list(self.project.cases.values()), self.records, {}, self.published.figures)


def read_stored(folder: Path, project: Project) -> Stored:
    """Read a folder of records of a project's cases.

    Raises:
        UserError: It holds none, or one that cannot be read.
    """
    records = list(Store(folder).all())
    if not records:
        raise UserError(f"{folder} holds no records. Name a folder that does with --records.")
    return Stored(
        project=project,
        records=records,
        stale=why_stale(records, project.cases, root=project.root),
        published=claims_in(project.claims, project),
    )


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("report", help=COMMANDS["report"])
    parser.add_argument("--records", type=Path, help="folder of records (results/reference)")
    parser.add_argument("--output", type=Path, help="the page (results/report.html)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the page and say where it is."""
    # Only this command writes one, and every command would wait for Jinja.
    from fitting_room.report.page import write_page

    stored = read_stored(arguments.records, arguments.project)
    datasets = {record.spec.dataset.checksum: record.spec.dataset for record in stored.records}
    test_sets = held(datasets.values())
    path = write_page(
        arguments.output or from_here(arguments.project.results / OUTPUT),
        stored.rows,
        stored.records,
        run=f"Records of {arguments.records}",
        test_sets=test_sets,
        stale=stored.stale,
        inspected=arguments.records.parent / "inspect",
    )
    print(f"{path}: {len(stored.records)} records, {path.stat().st_size / 1000:.0f} kB")
    missing = sorted({each.name for sum_, each in datasets.items() if sum_ not in test_sets})
    for name in missing:
        print(f"Without the images of {name}: `fitting-room data {name}` fetches them.")
    return 0
