"""``python -m bench calibrate``: reference records, and the bounds that they suggest."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from fitting_room.analysis.suggestion import difference, propose, suggest
from fitting_room.cli import COMMANDS
from fitting_room.cli.session import OPTIONS, Session, add_options, datasets, session
from fitting_room.errors import positive
from fitting_room.lab.estimate import warnings
from fitting_room.lab.plan import Options, specify
from fitting_room.lab.probe import emulation
from fitting_room.lab.scheduler import job_of
from fitting_room.machine import disturbance, exclusive
from fitting_room.metrics import METRICS
from fitting_room.project import Project, shown
from fitting_room.record import Outcome, Record
from fitting_room.report.prices import priced, sharpest, table
from fitting_room.spec import Case, TrialSpec
from fitting_room.store.bounds import read_bounds
from fitting_room.store.key import explain
from fitting_room.store.records import Store, write_whole

SEEDS = 20

APPLYING = "is as it was: review the change above, and make it with --apply."

RESULTS: tuple[Outcome, ...] = ("completed", "diverged")
"""What a reference holds: what came of training, be it good or bad, and no accident."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("calibrate", help=COMMANDS["calibrate"])
    parser.add_argument("case", nargs="*", help="cases by name; all, if none is given")
    parser.add_argument("--seeds", type=positive, default=SEEDS, help=f"seeds a case ({SEEDS})")
    parser.add_argument(
        "--apply", action="store_true", help="make the change to the file of bounds that is shown"
    )
    add_options(parser, *OPTIONS)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train what is missing, seed by seed; write the references; print the bounds they suggest."""
    project: Project = arguments.project
    cases = [project.case(name) for name in arguments.case] or _all(project)
    reference = Store(arguments.results / "reference")
    with session(arguments) as running:
        reference.check_writable()
        for name, why in explain(reference.readable(), project.cases, root=project.root).items():
            print(f"The reference of {name} is stale: {why}.", file=sys.stderr)
        specs = _specs(cases, arguments)
        _train(specs, reference, running, arguments)
    whole = {case.name: list(_whole(case, specs, reference, project.root)) for case in cases}
    return _propose(project, whole, apply=arguments.apply)


def _train(
    specs: Sequence[TrialSpec],
    reference: Store,
    running: Session,
    arguments: argparse.Namespace,
) -> None:
    """Train what the reference lacks, and make it the reference."""
    scheduler, progress = running.scheduler, running.progress
    root = arguments.project.root
    known = [None if arguments.fresh else _known(spec, reference, root) for spec in specs]
    pairs = list(zip(specs, known, strict=True))
    missing = [spec for spec, record in pairs if record is None or scheduler.lacks_model(spec)]
    unstored = [spec for spec in missing if scheduler.stored(spec, timed=False) is None]
    progress.total = len(unstored)
    for line in warnings(unstored, reference.readable()):
        print(line, file=sys.stderr)
    referred = {record.key for record in known if record}
    for future in [scheduler.request(spec, timed=False) for spec in missing]:
        record = progress.wait(future)
        # Where its model alone was missing, the reference stays as it is.
        if record.key not in referred and record.outcome in RESULTS:
            _refer(record, reference, alone=not arguments.shared)


def _all(project: Project) -> list[Case]:
    """Return every case, but for those that are emulated here and have another in their place."""
    cases, backend = project.cases, Options().backend
    left = [n for n in project.instead if emulation(cases[n].recipe.precision, backend=backend)]
    for name in left:
        print(
            f"{name} is left out: its precision is emulated here; name it to train it.",
            file=sys.stderr,
        )
    return [case for name, case in cases.items() if name not in left]


def _propose(project: Project, records: Mapping[str, Sequence[Record]], *, apply: bool) -> int:
    """Show what the references would change in the file of bounds, and what that costs."""
    file = project.bounds
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    tables = {name: suggest(project.cases[name], found) for name, found in records.items()}
    after = propose(before, {name: text for name, text in tables.items() if "[" in text})
    few = [text for text in tables.values() if "[" not in text]
    print("\n".join(few) + difference(before, after, file=shown(file, project.root)))
    with TemporaryDirectory() as folder:
        draft = Path(folder) / file.name
        draft.write_text(after, encoding="utf-8")
        bounds = read_bounds(draft, cases=project.cases, metrics=METRICS)
    completed = {name: [r for r in found if r.completed] for name, found in records.items()}
    print(table(sharpest(priced(bounds, {name: of for name, of in completed.items() if of}))))
    if apply and after != before:
        write_whole(file, after.encode())
    if after == before:
        print(f"\n{file.name} has these bounds already.")
    else:
        print(f"\n{file.name} {'rewritten.' if apply else APPLYING}")
    return 0


def _known(spec: TrialSpec, reference: Store, root: Path) -> Record | None:
    """Return the reference that is there, if it was made by the very code that would run."""
    return reference.find(spec.case.name, job_of(spec, root).key)


def _whole(
    case: Case, specs: Sequence[TrialSpec], reference: Store, root: Path
) -> Iterator[Record]:
    """Yield every seed of a reference that the present code would repeat, be it asked for or not.

    Bounds rest on all of them, also where a few are trained anew.
    """
    like = next(spec for spec in specs if spec.case == case)
    seeds = {r.spec.seed for r in reference.readable() if r.spec.case.name == case.name}
    found = (_known(replace(like, seed=seed), reference, root) for seed in sorted(seeds))
    yield from (record for record in found if record)


def _refer(record: Record, reference: Store, *, alone: bool) -> None:
    """Make a record the reference of its seed.

    One that has times stays where the same code gave another without: the new one would say
    nothing more, and the times would be lost.
    """
    new = published(record, alone=alone)
    name, seed = new.spec.case.name, new.spec.seed
    found = (reference.find(name, new.key, outcome=outcome) for outcome in RESULTS)
    if new.spec.alone and (why := disturbance(new)):
        print(
            f"{name}, seed {seed}: {why}, so that its seconds do not count. "
            "Train it again with --fresh where nothing else runs.",
            file=sys.stderr,
        )
    if any(old and exclusive(old) for old in found) and not exclusive(new):
        print(f"{name}, seed {seed}: its reference stays, for that has times.", file=sys.stderr)
    else:
        reference.replace(new)


def _specs(cases: Sequence[Case], arguments: argparse.Namespace) -> list[TrialSpec]:
    """Seed by seed through all cases, so that an early end leaves each with some."""
    found = datasets((case.task for case in cases), arguments)
    return [
        replace(specify(case, seed, Options(), found[case.task]), alone=not arguments.shared)
        for seed in range(arguments.seeds)
        for case in cases
    ]


def published(record: Record, *, alone: bool) -> Record:
    """Return the record without what only concerns this machine, and with times only if alone.

    Raises ValueError where it is a search's, whose figures are not of the test set, or a quick one.
    """
    if record.spec.stop_after:
        raise ValueError(f"the record of {record.spec.case.name} is a quick one, and no reference")
    if record.spec.dataset.validation:
        raise ValueError(f"the record of {record.spec.case.name} is a search's, and no reference")
    dataset = replace(record.spec.dataset, folder="")
    spec = replace(record.spec, dataset=dataset, alone=alone and record.spec.alone)
    return replace(record, spec=spec, run=None)
