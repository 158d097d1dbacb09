"""``calibrate`` and ``exercises``: trials to be committed, and what follows from them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from fitting_room.analysis.audit import FOLDERS
from fitting_room.analysis.comparison import Comparison
from fitting_room.analysis.sides import Facts
from fitting_room.analysis.trials import publishable
from fitting_room.cli import CASES, Arguments, flag, option, path, whole
from fitting_room.cli.session import (
    DATA,
    ENGINE,
    OPTIONS,
    Session,
    check_platform,
    datasets,
    draw_all,
    session,
    shared,
    tell,
    warn,
)
from fitting_room.errors import UserError, positive
from fitting_room.format import difference, listed
from fitting_room.lab.estimate import forecast
from fitting_room.lab.plan import Options, specify
from fitting_room.lab.probe import emulation
from fitting_room.lab.scheduler import job_of
from fitting_room.machine import USUAL, Platform, disturbance, exclusive, platform_of
from fitting_room.metrics import METRICS
from fitting_room.project import Project, from_here, shown
from fitting_room.reading import below
from fitting_room.record import Outcome, Record
from fitting_room.report.bounds import (
    counts,
    priced,
    propose,
    sharpest,
    suggest,
    table,
    tables_in,
)
from fitting_room.spec import Case, TrialSpec, folder_of
from fitting_room.store.bounds import read_bounds, reference_folder, table_of
from fitting_room.store.key import explain, why_stale
from fitting_room.store.records import Store, write_whole
from fitting_room.studies.exercises import Exercise, block, pictures

SEEDS = 20

DRAWN = "draw a picture of each, light and dark, as SVG and PNG (results/plots)"
PLOTS = Path()
"""Stands for the folder ``plots`` of the results."""

APPLYING = "is unchanged: review the change above, and make it with --apply."

RESULTS: tuple[Outcome, ...] = ("completed", "diverged")
"""The outcomes that a reference holds: results, good or bad, but no crash or interruption."""


ARGUMENTS: dict[str, Arguments] = {
    "calibrate": {
        "case": CASES,
        "--seeds": whole(SEEDS, "seeds a case"),
        "--apply": flag("make the change to the file of bounds"),
        **OPTIONS,
    },
    "exercises": {
        "exercise": option("exercises by name; all, if none is given", nargs="*"),
        "--seeds": option("seeds a point (else each exercise's own)", type=positive),
        "--thin": flag("only the points that the accept tier trains"),
        "--stored": flag("train nothing: answer from the stored records"),
        "--plots": path(DRAWN, nargs="?", const=PLOTS, metavar="FOLDER"),
        **shared(*DATA, *ENGINE, "--shared", "--jobs", "--results"),
    },
}


def calibrate(arguments: argparse.Namespace) -> int:
    """Train what is missing, seed by seed; write the references; print the bounds they suggest."""
    project: Project = arguments.project
    options = Options(backend=arguments.backend, device=arguments.device)
    check_platform(arguments)
    cases = [project.case(name) for name in arguments.case] or _all(project, options)
    reference = Store(reference_folder(arguments.results, options.platform))
    with session(arguments) as running:
        reference.check_writable()
        for name, why in explain(reference.readable(), project.cases, root=project.root).items():
            tell(f"The reference of {name} is stale: {why}.")
        specs = _seed_by_seed([(case, arguments.seeds) for case in cases], arguments, options)
        _train(specs, reference, running, arguments)
    whole = {case.name: list(_whole(case, specs, reference, project.root)) for case in cases}
    _propose(project, whole, options.platform, apply=arguments.apply)
    known = {record.spec.case.name for record in reference.readable()}
    if lost := [name for name in whole if name not in known]:
        raise UserError(
            f"{listed(lost)}: no trial came to a result. Their records, each with its reason, are "
            f"in {arguments.results / 'trials'}. Mend the cause, then run the same command again."
        )
    return 0


def exercises(arguments: argparse.Namespace) -> int:
    """Train what no committed record answers, seed by seed; keep it; print answers and tables."""
    project: Project = arguments.project
    chosen = [project.exercise(name) for name in arguments.exercise or project.exercises]
    chosen = [each.thinned if arguments.thin else each for each in chosen]
    if not arguments.stored:
        _train_points(chosen, arguments)
    records = stored(arguments.results, project)
    stale = why_stale(records, project.exercise_cases, root=project.root)
    for each in chosen:
        print(f"\n## {each.question}\n\n{block(each, records, stale)}")
    if folder := arguments.plots:
        folder = from_here(project.results / "plots") if folder is PLOTS else folder
        draw_all(pictures(chosen, records, stale=stale), folder)
    return 0


def _seed_by_seed(
    wanted: Sequence[tuple[Case, int]], arguments: argparse.Namespace, options: Options
) -> list[TrialSpec]:
    """Return the trials of cases, seed by seed: an early end leaves each with some."""
    found = datasets((case.task for case, _ in wanted), arguments)
    return [
        replace(specify(case, seed, options, found[case.task]), alone=not arguments.shared)
        for seed in range(max(seeds for _, seeds in wanted))
        for case, seeds in wanted
        if seed < seeds
    ]


def _train(
    specs: Sequence[TrialSpec], reference: Store, running: Session, arguments: argparse.Namespace
) -> None:
    """Train what the reference lacks, and make it the reference."""
    scheduler, root = running.scheduler, arguments.project.root
    known = [None if arguments.fresh else _known(spec, reference, root) for spec in specs]
    pairs = zip(specs, known, strict=True)
    missing = [spec for spec, record in pairs if record is None or scheduler.lacks_model(spec)]
    unstored = [spec for spec in missing if scheduler.stored(spec, timed=False) is None]
    running.progress.total = len(unstored)
    warn(unstored, reference.readable())
    referred = {record.key for record in known if record}
    for record in running.train(missing):
        # Where its model alone was missing, the reference stays as it is.
        if record.key not in referred and record.outcome in RESULTS:
            _refer(record, reference, alone=not arguments.shared)


def _all(project: Project, options: Options) -> list[Case]:
    """Return every case, except those whose precision is emulated here and that have a stand-in."""
    cases, how = project.cases, options.platform._asdict()
    left = [n for n in project.instead if emulation(cases[n].recipe.precision, **how)]
    for name in left:
        tell(f"{name} is left out, as its precision is emulated here. Name it to train it.")
    return [case for name, case in cases.items() if name not in left]


def _propose(
    project: Project, records: Mapping[str, Sequence[Record]], platform: Platform, *, apply: bool
) -> None:
    """Show what the references would change in the file of bounds, and what that costs."""
    file = project.bounds
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    tables = {
        table_of(name, platform): suggest(project.cases[name], found, platform)
        for name, found in records.items()
    }
    few = [text for text in tables.values() if "[" not in text]
    wanted = {name: text for name, text in tables.items() if "[" in text}
    after = propose(before, _uncounted(before, project, records, platform) | wanted)
    print("\n".join(few) + difference(before, after, file=shown(file, project.root)))
    with TemporaryDirectory() as folder:
        draft = Path(folder) / file.name
        draft.write_text(after, encoding="utf-8")
        bounds = read_bounds(draft, cases=project.cases, metrics=METRICS).on(platform)
    completed = {name: [r for r in found if r.completed] for name, found in records.items()}
    if costs := priced(bounds, {name: of for name, of in completed.items() if of}):
        print(table(sharpest(costs)))
    if after == before:
        print(f"\n{file.name} has these bounds already.")
        return
    if apply:
        write_whole(file, after.encode())
    print(f"\n{file.name} {'rewritten.' if apply else APPLYING}")


def _uncounted(
    text: str, project: Project, records: Mapping[str, Sequence[Record]], platform: Platform
) -> dict[str, str]:
    """Return the tables of counts, which all platforms share, that a file of bounds lacks."""
    there = tables_in(text)
    lacking = [name for name in records if platform != USUAL and name not in there]
    tables = {name: counts(project.cases[name], records[name]) for name in lacking}
    return {name: table for name, table in tables.items() if table}


def _known(spec: TrialSpec, reference: Store, root: Path) -> Record | None:
    """Return the reference that is there, if it was made by the very code that would run."""
    return reference.find(spec.case.name, job_of(spec, root).key)


def _whole(
    case: Case, specs: Sequence[TrialSpec], reference: Store, root: Path
) -> Iterator[Record]:
    """Yield every seed of a reference that the present code would repeat, asked for or not."""
    like = next(spec for spec in specs if spec.case == case)
    seeds = {r.spec.seed for r in reference.readable() if r.spec.case.name == case.name}
    found = (_known(replace(like, seed=seed), reference, root) for seed in sorted(seeds))
    yield from (record for record in found if record)


def _refer(record: Record, reference: Store, *, alone: bool) -> None:
    """Make a record the reference of its seed.

    A reference with times stays if the new record is of the same code and has none: the new one
    would say nothing more, and the times would be lost.
    """
    new = published(record, alone=alone)
    name, seed = new.spec.case.name, new.spec.seed
    found = (reference.find(name, new.key, outcome=outcome) for outcome in RESULTS)
    if new.spec.alone and (why := disturbance(new)):
        tell(
            f"{name}, seed {seed}: {why}, so its seconds do not count. "
            "Train it again with --fresh while nothing else runs."
        )
    if any(old and exclusive(old) for old in found) and not exclusive(new):
        tell(f"{name}, seed {seed}: its reference stays, because it has times.")
    else:
        reference.replace(new)


def published(record: Record, *, alone: bool) -> Record:
    """Return the record without what only concerns this machine, and with times only if alone.

    Raises ValueError for a record of a search, whose figures are not of the test set, or of a
    quick trial.
    """
    spec = record.spec
    if spec.stop_after or spec.dataset.validation:
        what = "a quick one" if spec.stop_after else "a search's"
        raise ValueError(f"the record of {spec.case.name} is {what}, and no reference")
    dataset = replace(spec.dataset, folder="")
    spec = replace(spec, dataset=dataset, alone=alone and spec.alone)
    return replace(record, spec=spec, run=None)


def slim(record: Record, *, alone: bool) -> Record:
    """Return the record with the figures of exercises alone; tables show the others."""
    kept = published(record, alone=alone)
    return replace(kept, predictions=None, confidence=None, inference=None)


def stored(results: Path, project: Project) -> list[Record]:
    """Return every committed record of a point that may be shown: references, and exercises'."""
    found = (record for name in FOLDERS for record in Store(results / name).all())
    return [r for r in found if publishable(r) and r.spec.case.name in project.exercise_cases]


def _train_points(chosen: Sequence[Exercise], arguments: argparse.Namespace) -> None:
    """Train the points of exercises that no committed record answers, and keep their records."""
    wanted: dict[str, tuple[Case, int]] = {}
    for each in chosen:
        for case in each.points.values():
            _, seeds = wanted.get(case.name, (case, 0))
            wanted[case.name] = case, max(seeds, arguments.seeds or each.seeds)
    specs = _seed_by_seed(list(wanted.values()), arguments, Options())
    kept = Store(arguments.results / "exercises")
    with session(arguments) as running:
        # Made by the very code that would run; one scheduler's digests serve all.
        trials = running.scheduler
        committed = [replace(trials, store=Store(arguments.results / name)) for name in FOLDERS]
        missing = [s for s in specs if not any(each.stored(s, timed=False) for each in committed)]
        running.progress.total = sum(trials.stored(s, timed=s.alone) is None for s in missing)
        stores = [each.store for each in (trials, *committed) if missing]
        known = [record for store in stores for record in store.readable()]
        told = f"{len(specs)} trials, {len(specs) - len(missing)} of them committed already"
        tell(f"{told}; {len(missing)} to train, {forecast(missing, known)}")
        kept.check_writable()
        for record in running.train(missing, timed=not arguments.shared):
            if record.outcome in RESULTS:
                kept.replace(slim(record, alone=record.spec.alone))


FEWEST = 2
"""Seeds of a reference that ``compare`` writes: one tells nothing of the scatter."""


def update_reference(found: Comparison, results: Path, platform: Platform) -> None:
    """Make head's records the reference of their cases on a platform; print what changes.

    New files are written before old ones go, so that an interruption loses nothing.

    Raises:
        UserError: Head has no records, or some that may be no reference; nothing is changed then.
    """
    store = Store(reference_folder(results, platform))
    pairs = found.pairs
    cases = {head.case for _, head in pairs.pairs} | {*pairs.appeared, *dict(pairs.missing)}
    chosen = [facts for facts in found.head.facts.values() if facts.case in cases]
    if not any(facts.records for facts in chosen):
        raise UserError(
            f"{found.head.told} has no records to be a reference. Name a commit or a folder."
        )
    for facts in chosen:
        _check_reference(facts, platform)
    before = _listing(store)
    for facts in chosen:
        kept = {store.put(published(record, alone=True)) for record in facts.records}
        for file in below(store.root, folder_of(facts.case)).glob("seed-*.json"):
            if file not in kept:
                file.unlink()
    print(difference(before, _listing(store), file=str(store.root)) or "Nothing to update.")
    print("Review this with `git diff` before you commit it: bounds and tables rest on it.")


def _check_reference(facts: Facts, platform: Platform) -> None:
    if len(facts.records) < FEWEST:
        raise UserError(
            f"{facts.case} has {len(facts.records)} seed; a reference needs {FEWEST} at least. "
            "Add --train, or choose others with --case."
        )
    if not all(publishable(record) for record in facts.records):
        raise UserError(
            f"{facts.case} was trained on the sample or not for its recipe's epochs: "
            "that is no reference. Choose others with --case."
        )
    if others := {platform_of(record) for record in facts.records} - {platform}:
        raise UserError(
            f"{facts.case} was trained with {others.pop().words}, and is no reference of "
            f"{platform.words}. Name what it was trained with by --backend and --device."
        )


def _listing(store: Store) -> str:
    """Return one line a record, as a person reviews them."""
    lines = []
    for r in store.all():
        figures = "no score"
        if r.test_accuracy is not None and r.test_loss is not None:
            figures = f"test accuracy {100 * r.test_accuracy:.2f} %, test loss {r.test_loss:.4f}"
        told = f"{r.spec.case.name} seed {r.spec.seed}: {figures}"
        lines.append(f"{told}, {r.outcome}, key {r.key[:12]}")
    return "\n".join(lines)
