"""``python -m bench exercises``: one thing varied at a time, and a sentence on what came of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fitting_room.analysis.audit import FOLDERS
from fitting_room.analysis.trials import publishable
from fitting_room.cli import COMMANDS
from fitting_room.cli.calibrate import RESULTS, published
from fitting_room.cli.session import DATA, ENGINE, add_options, datasets, session
from fitting_room.errors import positive
from fitting_room.lab.estimate import forecast
from fitting_room.lab.plan import Options, specify
from fitting_room.project import Project, from_here
from fitting_room.record import Record
from fitting_room.spec import TrialSpec
from fitting_room.store.key import why_stale
from fitting_room.store.records import Store
from fitting_room.studies.exercises import Exercise, block, pictures

PLOTS = Path()
"""Stands for the folder ``plots`` of the results."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("exercises", help=COMMANDS["exercises"])
    parser.add_argument("exercise", nargs="*", help="exercises by name; all, if none is given")
    parser.add_argument("--seeds", type=positive, help="seeds a point (else each exercise's own)")
    parser.add_argument(
        "--thin", action="store_true", help="only the points that the accept tier trains"
    )
    parser.add_argument(
        "--stored", action="store_true", help="train nothing: tell what the stored records say"
    )
    parser.add_argument(
        "--plots",
        nargs="?",
        type=Path,
        const=PLOTS,
        metavar="FOLDER",
        help="draw a picture of each, light and dark, as SVG and PNG (results/plots)",
    )
    add_options(parser, *DATA, *ENGINE, "--shared", "--jobs", "--results")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train what no committed record answers, seed by seed; keep it; print answers and tables."""
    project: Project = arguments.project
    chosen = [project.exercise(name) for name in arguments.exercise or project.exercises]
    chosen = [each.thinned if arguments.thin else each for each in chosen]
    if not arguments.stored:
        _train(list(_specs(chosen, arguments)), arguments)
    records = stored(arguments.results, project)
    stale = why_stale(records, project.exercise_cases, root=project.root)
    for each in chosen:
        print(f"\n## {each.question}\n\n{block(each, records, stale)}")
    if arguments.plots:
        asked = arguments.plots
        folder = from_here(project.results / "plots") if asked is PLOTS else asked
        _draw(chosen, records, stale, folder)
    return 0


def _draw(
    chosen: Sequence[Exercise], records: Sequence[Record], stale: Mapping[str, str], folder: Path
) -> None:
    # Matplotlib takes longer to load than all of the rest.
    from fitting_room.report.plots import KINDS, THEMES, save

    for name, draw in pictures(chosen, records, stale=stale).items():
        if isinstance(draw, str):
            print(f"No {name}: {draw}.", file=sys.stderr)
            continue
        for theme in THEMES.values():
            for kind in KINDS:
                save(draw, folder / theme.file_name(name, kind), theme)
        print(f"{name} drawn in {folder}", file=sys.stderr)


def stored(results: Path, project: Project) -> list[Record]:
    """Return every committed record of a point that may be shown: references, and exercises'."""
    found = (record for name in FOLDERS for record in Store(results / name).all())
    return [r for r in found if publishable(r) and r.spec.case.name in project.exercise_cases]


def slim(record: Record, *, alone: bool) -> Record:
    """Return the record with what answers rest on; other figures are of the tables' cases."""
    kept = published(record, alone=alone)
    return replace(kept, predictions=None, confidence=None, inference=None)


def _specs(chosen: Sequence[Exercise], arguments: argparse.Namespace) -> Iterator[TrialSpec]:
    """Seed by seed through all points, so that an early end leaves each with some."""
    cases = arguments.project.exercise_cases
    wanted: dict[str, int] = {}
    for each in chosen:
        for case in each.points.values():
            seeds = arguments.seeds or each.seeds
            wanted[case.name] = max(seeds, wanted.get(case.name, 0))
    found = datasets((cases[name].task for name in wanted), arguments)
    for seed in range(max(wanted.values())):
        for name, seeds in wanted.items():
            if seed < seeds:
                spec = specify(cases[name], seed, Options(), found[cases[name].task])
                yield replace(spec, alone=not arguments.shared)


def _train(specs: Sequence[TrialSpec], arguments: argparse.Namespace) -> None:
    results = arguments.results
    kept = Store(results / "exercises")
    with session(arguments) as running:
        scheduler, progress = running.scheduler, running.progress
        # Made by the very code that would run; one scheduler's digests serve all.
        committed = [replace(scheduler, store=Store(results / name)) for name in FOLDERS]
        missing = [s for s in specs if not any(each.stored(s, timed=False) for each in committed)]
        progress.total = sum(scheduler.stored(spec, timed=spec.alone) is None for spec in missing)
        print(_outline(specs, missing, scheduler.store), file=sys.stderr)
        kept.check_writable()
        for future in [scheduler.request(spec, timed=spec.alone) for spec in missing]:
            record = progress.wait(future)
            if record.outcome in RESULTS:
                kept.replace(slim(record, alone=record.spec.alone))


def _outline(specs: Sequence[TrialSpec], missing: Sequence[TrialSpec], trials: Store) -> str:
    told = f"{len(specs)} trials, {len(specs) - len(missing)} of them committed already"
    stores = (trials, *(Store(trials.root.parent / name) for name in FOLDERS))
    known = [record for store in stores for record in store.readable()] if missing else []
    return f"{told}; {len(missing)} to train, {forecast(missing, known)}"
