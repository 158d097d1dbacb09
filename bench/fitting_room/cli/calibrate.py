"""``calibrate``, ``exercises`` and ``search``: trials to be committed, and what follows from them.

The test set stays shut to a search: its trials get a folder that holds training images alone.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from fitting_room.analysis.audit import FOLDERS
from fitting_room.analysis.trials import publishable
from fitting_room.cli.session import (
    CASES,
    DATA,
    ENGINE,
    Session,
    check_platform,
    datasets,
    draw_all,
    emulated,
    session,
    shared,
    tell,
    warn,
)
from fitting_room.data import HELD_OUT, validation_split
from fitting_room.errors import UserError, named, nearest, positive, seconds
from fitting_room.format import difference, in_words, listed
from fitting_room.lab.estimate import forecast
from fitting_room.lab.plan import Arguments, Options, argument, flag, path, specify, whole
from fitting_room.lab.scheduler import job_of
from fitting_room.machine import USUAL, Platform, disturbance, exclusive
from fitting_room.metrics import METRICS
from fitting_room.project import Project, from_here, shown
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
from fitting_room.report.progress import Progress
from fitting_room.spec import TASKS, Case, Dataset, TrialSpec
from fitting_room.store.bounds import read_bounds, reference_folder, table_of
from fitting_room.store.key import explain, why_stale
from fitting_room.store.records import Store, write_whole
from fitting_room.studies.exercises import Exercise, block, pictures
from fitting_room.studies.search import Tried, candidates, read_log, read_study, settings_of
from fitting_room.studies.search import table as candidates_table

DRAWN = "draw a picture of each, light and dark, as SVG and PNG (results/plots)"
APPLYING = "is unchanged: review the change above, and make it with --apply."
RESULTS: tuple[Outcome, ...] = ("completed", "diverged")
"""The outcomes that are kept: results, good or bad, but no crash or interruption."""

ARGUMENTS: dict[str, Arguments] = {
    "calibrate": {
        "case": CASES,
        "--seeds": whole(20, "seeds a case"),
        "--apply": flag("make the change to the file of bounds"),
        **shared(*DATA, "--backend", "--device", "--shared", "--jobs", *ENGINE),
        **shared("--fresh", "--keep-models", "--results"),
    },
    "exercises": {
        "exercise": argument("exercises by name; all, if none is given", nargs="*"),
        "--seeds": argument("seeds a point (else each exercise's own)", type=positive),
        "--thin": flag("only the points that the accept tier trains"),
        "--stored": flag("train nothing: answer from the stored records"),
        "--plots": path(DRAWN, nargs="?", default=False, metavar="FOLDER"),
        **shared(*DATA, *ENGINE, "--shared", "--jobs", "--results"),
    },
    "search": {
        "task": argument("a task of the project"),
        "candidates": path("TOML file; without one, show the whole log", nargs="?"),
        "--only": argument("these candidates of the file", nargs="+", metavar="NAME"),
        "--seeds": whole(1, "seeds a candidate"),
        "--first-seed": argument("the first seed (0)", type=int, default=0),
        "--held-out": whole(HELD_OUT, "number of training images, the last ones, to compare by"),
        "--jobs": whole(1, "trials side by side"),
        **shared("--device", "--backend"),
        "--time-limit": argument("end longer trials", type=seconds, metavar="SECONDS"),
        **shared(*DATA, *ENGINE, "--results"),
    },
}


def calibrate(arguments: argparse.Namespace) -> int:
    """Train what is missing, seed by seed; write the references; print the bounds they suggest."""
    project: Project = arguments.project
    options = Options(backend=arguments.backend, device=arguments.device)
    named = [project.case(name) for name in arguments.case]
    check_platform(arguments, named or project.cases.values())
    cases = named or _all(project, options)
    reference = Store(reference_folder(arguments.results, options.platform))
    with session(arguments) as running:
        reference.check_writable()
        for name, why in explain(reference.readable(), project.cases, root=project.root).items():
            tell(f"The reference of {name} is stale: {why}.")
        found = datasets((case.task for case in cases), arguments)
        wanted = [(case, range(arguments.seeds)) for case in cases]
        specs = _seed_by_seed(wanted, options, found, alone=not arguments.shared)
        for record in _trained(specs, [reference], running):
            # Where its model alone was missing, the reference stays as it is.
            if arguments.fresh or not reference.find(record.spec.case.name, record.key):
                _refer(record, reference, alone=not arguments.shared)
        likes = {spec.case.name: spec for spec in specs}
        whole = {name: _whole(like, reference, running) for name, like in likes.items()}
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
    if arguments.plots is not False:  # without a folder it is None
        folder = arguments.plots or from_here(project.results / "plots")
        draw_all(pictures(chosen, records, stale=stale), folder)
    return 0


def _train_points(chosen: Sequence[Exercise], arguments: argparse.Namespace) -> None:
    """Train the points of exercises that no committed record answers, and keep their records."""
    wanted: dict[str, tuple[Case, range]] = {}
    for each in chosen:
        for case in each.points.values():
            _, seeds = wanted.get(case.name, (case, range(0)))
            wanted[case.name] = case, range(max(len(seeds), arguments.seeds or each.seeds))
    found = datasets((case.task for case, _ in wanted.values()), arguments)
    specs = _seed_by_seed([*wanted.values()], Options(), found, alone=not arguments.shared)
    committed = [Store(arguments.results / name) for name in FOLDERS]
    with session(arguments) as running:
        kept = committed[-1]
        kept.check_writable()
        for record in _trained(specs, committed, running, timed=not arguments.shared):
            kept.replace(slim(record))


def _seed_by_seed(
    wanted: Sequence[tuple[Case, range]], options: Options, data: Mapping[str, Dataset], alone: bool
) -> list[TrialSpec]:
    """Return the trials of cases, seed by seed: an early end leaves each with some."""
    trials = [(seed, case) for case, seeds in wanted for seed in seeds]
    return [
        replace(specify(case, seed, options, data[case.task]), alone=alone)
        for seed, case in sorted(trials, key=itemgetter(0))
    ]


def _trained(
    specs: Sequence[TrialSpec], committed: Sequence[Store], running: Session, *, timed: bool = False
) -> Iterator[Record]:
    """Train what no committed record answers, or has no model that is wanted; yield results."""
    trials = running.scheduler
    fresh = trials.store.run is not None
    # Made by the very code that would run; one scheduler's digests serve all.
    answers = [] if fresh else [replace(trials, store=each) for each in committed]
    missing = [s for s in specs if not any(each.stored(s, timed=False) for each in answers)]
    unstored = [spec for spec in missing if trials.stored(spec, timed=timed) is None]
    running.progress.total = len(unstored)
    known = [r for each in (trials.store, *committed) if missing for r in each.readable()]
    told = f"{len(specs)} trials, {len(specs) - len(missing)} of them committed already"
    tell(f"{told}; {len(missing)} to train, {forecast(missing, known)}")
    warn(unstored, known)
    yield from (r for r in running.train(missing, timed=timed) if r.outcome in RESULTS)


def _all(project: Project, options: Options) -> list[Case]:
    """Return every case, except those whose precision is emulated here and that have a stand-in."""
    left = emulated(project, options.platform)
    for name in left:
        tell(f"{name} is left out, as its precision is emulated here. Name it to train it.")
    return [case for name, case in project.cases.items() if name not in left]


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


def _whole(like: TrialSpec, reference: Store, running: Session) -> list[Record]:
    """Return every seed of a reference that the present code would repeat, asked for or not."""
    known = replace(running.scheduler, store=reference, models=None)
    seeds = {r.spec.seed for r in reference.readable() if r.spec.case.name == like.case.name}
    found = (known.stored(replace(like, seed=seed), timed=False) for seed in sorted(seeds))
    return [record for record in found if record]


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


def published(record: Record, *, alone: bool = True) -> Record:
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


def slim(record: Record) -> Record:
    """Return the record with the figures of exercises alone; tables show the others."""
    return replace(published(record), predictions=None, confidence=None, inference=None)


def stored(results: Path, project: Project) -> list[Record]:
    """Return every committed record of a point that may be shown: references, and exercises'."""
    found = (record for name in FOLDERS for record in Store(results / name).all())
    return [r for r in found if publishable(r) and r.spec.case.name in project.exercise_cases]


def search(arguments: argparse.Namespace) -> int:
    """Train the trials that the log lacks, seed by seed; log each; print the table."""
    named("task", arguments.task, TASKS)
    log = arguments.results / "search" / f"{arguments.task}.jsonl"
    if arguments.candidates is None:
        print(candidates_table(candidates(read_log(log))))
        return 0
    cases = _chosen(read_study(arguments.candidates, arguments.task).cases, arguments.only)
    check_platform(arguments, cases.values())
    found = datasets([arguments.task], arguments)
    dataset = validation_split(found[arguments.task], arguments.held_out)
    options = Options(
        backend=arguments.backend, device=arguments.device, time_limit_s=arguments.time_limit
    )
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    wanted = [(case, seeds) for case in cases.values()]
    # Only accuracies are compared, so others may use the machine.
    specs = _seed_by_seed(wanted, options, {arguments.task: dataset}, alone=False)
    _log_trials(specs, log, arguments)
    tried = {settings_of(c, c.recipe.epochs, dataset.source) for c in cases.values()}
    print(candidates_table(candidates(line for line in read_log(log) if line.settings in tried)))
    return 0


def _chosen(cases: Mapping[str, Case], only: Sequence[str] | None) -> Mapping[str, Case]:
    for name in only or ():
        if name not in cases:
            raise UserError(f"--only: there is no candidate {name!r}. {nearest(name, cases)}")
    return {name: case for name, case in cases.items() if not only or name in only}


def _log_trials(specs: Sequence[TrialSpec], log: Path, arguments: argparse.Namespace) -> None:
    known = {line.key for line in read_log(log) if line.outcome in RESULTS}
    root = arguments.project.root
    missing = [spec for spec in specs if job_of(spec, root).key not in known]
    tell(f"{len(specs)} trials, {len(specs) - len(missing)} of them in {log}")
    warn(missing)
    progress = Progress(verbosity=-1)
    progress.total = len(missing)
    began = time.monotonic()
    with session(arguments, trials=log.parent / "trials", progress=progress) as running:
        for done, record in enumerate(running.train(missing), start=1):
            append(log, tried(record))
            left = (time.monotonic() - began) / done * (len(missing) - done)
            if left:
                tell(f"about {in_words(left)} left")


def tried(record: Record) -> Tried:
    """Return the line of a record; one that was made on a test set is a ValueError."""
    spec, case = record.spec, record.spec.case
    if not spec.dataset.validation:
        raise ValueError(f"the record of {case.name} is of the test set, and no search's")
    machine = record.machine
    return Tried(
        task=case.task,
        candidate=case.architecture,
        builder=case.builder,
        arguments=case.arguments,
        recipe=replace(case.recipe),  # a decoded one would leave its defaults unsaid
        seed=spec.seed,
        epochs=spec.epochs,
        held_out=spec.dataset.source,
        outcome=record.outcome,
        reason=record.reason,
        parameters=record.size.parameters if record.size else None,
        validation_accuracy=record.test_accuracy,
        validation_loss=record.test_loss,
        by_epoch=tuple(epoch.test_accuracy for epoch in record.epochs),
        training_accuracy=record.epochs[-1].training_accuracy if record.epochs else None,
        seconds=round(record.seconds.get("total", 0.0), 1),
        epoch_seconds=tuple(round(epoch.seconds, 2) for epoch in record.epochs),
        started=record.started,
        commit=record.provenance.commit,
        dirty=record.provenance.dirty,
        backend=spec.backend,
        machine=(machine.accelerator or f"{machine.cpu}, {machine.cores} cores") if machine else "",
        key=record.key,
    )


def append(path: Path, line: Tried) -> None:
    """Add a line in one write, so that neither an interruption nor another search splits it.

    Raises:
        UserError: It cannot be written, or not whole.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(file).st_size
            # A full disk or a power cut leaves half a line, which must not swallow the next.
            torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            content = (b"\n" if torn else b"") + msgspec.json.encode(line) + b"\n"
            written = os.write(file, content)
        finally:
            os.close(file)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None
    if written < len(content):
        told = f"{written} of {len(content)} bytes were written"
        raise UserError(f"{path}: {told}. Free the disk, then run the same command again.")
