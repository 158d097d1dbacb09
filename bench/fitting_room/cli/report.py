"""``python -m bench report``: one HTML file of stored records, to be opened in a browser."""

from __future__ import annotations

import argparse
from pathlib import Path

from fitting_room.cli import COMMANDS
from fitting_room.cli.stored import read_stored
from fitting_room.data.finding import held
from fitting_room.project import from_here

OUTPUT = "report.html"


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
        print(f"Without the images of {name}: `python -m bench data {name}` fetches them.")
    return 0
