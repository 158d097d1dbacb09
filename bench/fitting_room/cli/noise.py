"""``noise`` and ``speed``: where scatter comes from, and what the bench's own training costs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count, product
from pathlib import Path

from fitting_room import data
from fitting_room.analysis.audit import references
from fitting_room.cli.calibrate import slim
from fitting_room.cli.session import (
    CASES,
    DATA,
    ENGINE,
    Session,
    dataset,
    datasets,
    session,
    shared,
    tell,
    warn,
)
from fitting_room.errors import UserError, positive, seconds
from fitting_room.format import in_words
from fitting_room.lab.locks import machine_lock
from fitting_room.lab.plan import Arguments, Options, argument, flag, specify, whole
from fitting_room.lab.scheduler import job_of
from fitting_room.lab.timing import OURS, peer_specs, time_paths, time_peers
from fitting_room.machine import this_machine
from fitting_room.project import Project
from fitting_room.record import Record, now
from fitting_room.report.progress import Progress
from fitting_room.spec import Case, Dataset, TrialSpec
from fitting_room.store.key import provenance
from fitting_room.store.records import Speed, write_speed
from fitting_room.studies import origin_of, peers, read_document, write_document
from fitting_room.studies.noise import FOLDER, TIMED, Block, Crossed, Times, noise_block, sample
from fitting_room.studies.speed import SHARE, share_of_last_run, share_table

PROCESSES = 3
"""Timed right after one another: a block."""
FEWEST = 2
"""Blocks, without which nothing can be said of what lies between them."""
LEVELS = 6
MINUTES = 6.0

IMAGES = 15_000
"""A quarter of an epoch: the ratio is that of whole ones."""

ROUND_S = 10.0
"""The time of a round of all peers: ten rounds of two cases take less than five minutes."""


NAMED = "cases by name; if none is given, those that the project names"
EACH = f"seeds of the weights, and of the order ({LEVELS}); each weight meets each order"
EPOCH = f"training images an epoch ({IMAGES}; with --peers as many as take {ROUND_S:g} s)"
PEERS = "time Keras on other backends and the project's plain loops beside both, in turn"
SHARE_ONLY = "time nothing: show how much of the last run was not training, and what it was"
KEEP = (
    "keep the figures, to be committed: as results/speed/CASE.json, those of peers as "
    "results/peers/CASE.json, the share as results/share.json"
)

ARGUMENTS: dict[str, Arguments] = {
    "noise": {
        "case": argument(NAMED, nargs="*"),
        "--levels": argument(EACH, type=positive, default=LEVELS),
        "--epochs": argument("instead of each recipe's", type=positive),
        "--times": flag("time epochs instead, alone on this machine"),
        "--minutes": argument(f"how long to time ({MINUTES:g})", type=seconds, default=MINUTES),
        **shared(*DATA, *ENGINE, "--results"),
    },
    "speed": {
        "case": CASES,
        "--pairs": whole(10, "pairs of epochs"),
        "--images": argument(EPOCH, type=positive),
        "--peers": flag(PEERS),
        "--share": flag(SHARE_ONLY),
        "--json": flag(KEEP),
        **shared("--results"),
    },
}


def noise(arguments: argparse.Namespace) -> int:
    """Train or time what is missing, keep it under ``noise/``, and print the tables."""
    project: Project = arguments.project
    names = arguments.case or project.noise or project.cases
    cases = [project.case(name) for name in names]
    if arguments.levels < 2:
        raise UserError("--levels 1: the scatter between seeds takes at least two. Name 2 or more.")
    found = datasets((case.task for case in cases), arguments)
    if arguments.times and arguments.engine:
        raise UserError("--times times epochs on this machine, alone. Leave out --engine.")
    if arguments.times:
        folder = arguments.results / FOLDER / "trials" / "timed"
        with session(arguments, trials=folder, fresh=True) as running:
            _time(cases, found, arguments, running)
    else:
        for case in cases:
            _cross(case, found[case.task], arguments)
    print(noise_block(arguments.results))
    return 0


def _cross(case: Case, dataset: Dataset, arguments: argparse.Namespace) -> None:
    """Train every pair of seeds, and those on the diagonal twice; resume where it was left."""
    base = specify(case, 0, Options(epochs=arguments.epochs), dataset)
    base = replace(base, alone=False, evaluate_each_epoch=False)
    folder, root = arguments.results / FOLDER, arguments.project.root
    before = read_document(folder / f"{case.name}.json", Crossed)
    origin = before.origin if before else None
    known = {(s.key, s.repeat): s for s in before.samples} if before else {}
    pairs = _wanted(base, arguments.levels)
    wanted = {(job_of(spec, root).key, repeat): spec for spec, repeat in pairs}
    progress = Progress()
    progress.total = len(wanted.keys() - known.keys())
    for repeat in range(2):  # each has its own store, as a scheduler repeats no spec
        trials = folder / "trials" / str(repeat)
        missing = {k: s for k, s in wanted.items() if k not in known and k[1] == repeat}
        with session(arguments, trials=trials, progress=progress) as running:
            for key, record in zip(missing, running.train(missing.values()), strict=True):
                known[key], origin = sample(record, repeat=repeat), origin_of(record)
    assert origin is not None  # either nothing was missing, or something was trained
    document = Crossed(
        origin=origin,
        case=case.name,
        epochs=base.epochs,
        whole=case.recipe.epochs,
        levels=arguments.levels,
        samples=tuple(known[each] for each in wanted),
    )
    write_document(folder / f"{case.name}.json", document)


def _wanted(base: TrialSpec, levels: int) -> Iterator[tuple[TrialSpec, int]]:
    """Yield each spec, and whether it is a repeat; repeats come after what they repeat."""
    for initial, order in product(range(levels), repeat=2):
        yield replace(base, seed=initial, order_seed=order), 0
    for level in range(levels):
        yield replace(base, seed=level, order_seed=level), 1


def _time(
    cases: Sequence[Case],
    found: Mapping[str, Dataset],
    arguments: argparse.Namespace,
    running: Session,
) -> None:
    """Time blocks of the cases in turn until the minutes are over, adding them to the series."""
    until, slowest = time.monotonic() + 60 * arguments.minutes, 0.0
    for number, case in ((number, case) for number in count() for case in cases):
        began = time.monotonic()
        if began + slowest > until and number >= FEWEST:
            return
        share = arguments.project.noise.get(case.name, 1.0)
        specs = _timed(case, found[case.task], number, share)
        records = list(running.train(specs, timed=True))
        _append(records, arguments.results / FOLDER / f"{case.name}{TIMED}.json")
        slowest = max(slowest, time.monotonic() - began)
        left = in_words(max(until - time.monotonic(), 0))
        tell(f"block {number + 1} of {case.name}, {left} left")


def _timed(case: Case, dataset: Dataset, number: int, share: float) -> Iterator[TrialSpec]:
    """Yield the trials of a block; their seeds differ, as a scheduler repeats no spec."""
    recipe = replace(case.recipe, train_fraction=share, stop_at_accuracy=None)
    for process in range(PROCESSES):
        seed = PROCESSES * number + process
        spec = specify(replace(case, recipe=recipe), seed, Options(), dataset)
        yield replace(spec, evaluate_each_epoch=False)


def _append(records: Sequence[Record], path: Path) -> None:
    failed = [record for record in records if not record.completed]
    if failed:
        raise UserError(f"A timed trial gave no result: {failed[0].reason}. Run the command again.")
    first = records[0]
    before = read_document(path, Times)
    alike = before.blocks if before and before.origin.machine == first.machine else ()
    times = tuple(tuple(epoch.seconds for epoch in record.epochs[1:]) for record in records)
    document = Times(
        origin=origin_of(first),
        case=first.spec.case.name,
        train_fraction=first.spec.case.recipe.train_fraction,
        blocks=(*alike, Block(started=first.started, seconds=times)),
    )
    write_document(path, document)


def speed(arguments: argparse.Namespace) -> int:
    """Time each case in a process of its own, alone on this machine; print the ratios."""
    project: Project = arguments.project
    if arguments.peers:
        return _beside_peers(arguments)
    if arguments.share:
        share = share_of_last_run(arguments.results)
        if arguments.json:
            write_document(arguments.results / SHARE, share)
        print(share_table(share))
        return 0
    cases, images = _comparable(project, arguments.case), arguments.images or IMAGES
    found: dict[str, Speed] = {}
    for number, case in enumerate(cases, start=1):
        began = time.monotonic()
        tell(f"[{number}/{len(cases)}] {case.name} …", end="")
        found[case.name] = timed(case, arguments.pairs, images, root=project.root)
        tell(f" {time.monotonic() - began:.0f} s")
        if arguments.json:
            write_speed(arguments.results / "speed", found[case.name])
    print(peers.speed_table(list(found.values()), list(found), stale={}))
    return 0


def _comparable(project: Project, names: Sequence[str]) -> list[Case]:
    """Return the cases of these names, or all, that a plain ``fit`` can train as well."""
    plain = peers.plain_cases(project)
    others = f"Name some of {', '.join(plain)}." if plain else "That is so of every case here."
    for name in names or (() if plain else project.cases):
        if project.case(name).name not in plain:
            own = "its trainer is its own" if project.case(name).trainer else ""
            why = own or "its recipe uses what a plain fit does not have"
            raise UserError(f"{name}: {why}, so there is nothing to compare it with. {others}")
    return [plain[name] for name in names or plain]


def timed(case: Case, pairs: int, images: int, *, root: Path) -> Speed:
    """Time a case in a process of its own, alone on this machine.

    Raises:
        UserError: The process failed.
    """
    spec = specify(case, 0, Options(), dataset(case.task))
    warn([spec])
    with machine_lock(_waiting, exclusive=True):
        started = now()
        ours, plain, limit = time_paths(spec, pairs=pairs, images=images)
    return Speed(
        spec=spec,
        started=started,
        provenance=provenance(spec, root=root),
        machine=this_machine(),
        images=images,
        ours=ours,
        plain=plain,
        flops_per_image=limit.flops_per_image,
        flops_per_second=limit.flops_per_second,
    )


def _waiting(why: str) -> None:
    tell(f" {why} …", end="")


def _beside_peers(arguments: argparse.Namespace) -> int:
    """Time each case beside its peers; print what to pick, and why."""
    project: Project = arguments.project
    names = arguments.case or [*project.peers]
    if not names:
        raise UserError("No case has peers in [tool.fitting-room]. Name the cases to be timed.")
    _comparable(project, names)
    found = [race(project.case(name), arguments) for name in names]
    print(peers.peers_table(found, references(project.results / "reference"), stale={}))
    return 0


def race(case: Case, arguments: argparse.Namespace) -> peers.Peers:
    """Return the times of a case and its peers; rounds of a run that was ended count."""
    path = peers.FOLDER / f"{case.name}.json"
    kept, part = arguments.results / path, arguments.results / "latest" / path
    loops = arguments.project.peers.get(case.name, {})
    specs = peer_specs(case, loops, dataset(case.task))
    trials = _trials(specs, read_document(kept, peers.Peers), arguments)
    found = peers.Peers(
        case=case.name,
        started=now(),
        machine=this_machine(),
        images=arguments.images or _images(trials, specs),
        sides={name: peers.Side(trial=trial) for name, trial in trials.items()},
    )
    before = read_document(part, peers.Peers)
    if before and found.resumes(before) and arguments.images in (None, before.images):
        found = before

    able = {name: specs[name] for name in found.able}
    rounds = range(found.rounds, arguments.pairs)
    with machine_lock(_waiting, exclusive=True):
        for times in time_peers(able, images=found.images, rounds=rounds):
            found = found.with_round(times)
            write_document(part, found)
            tell(f"{case.name}: round {found.rounds} of {arguments.pairs}")
    if arguments.json:
        write_document(kept, found)
    part.unlink(missing_ok=True)
    return found


def _trials(
    specs: Mapping[str, TrialSpec], kept: peers.Peers | None, arguments: argparse.Namespace
) -> dict[str, Record]:
    """Return way → its trial: the one that its figures were kept with, or trained unless stored.

    One that did not complete is tried again on another machine.
    """
    before = [side.trial for side in kept.sides.values()] if kept else []
    known = {t.key: t for t in before if t.completed or t.machine == this_machine()}
    keys = {name: job_of(spec, arguments.project.root).key for name, spec in specs.items()}
    missing = {name: spec for name, spec in specs.items() if keys[name] not in known}
    with session(arguments) as running:
        records = running.train(missing.values())
        trained = {n: slim(r) for n, r in zip(missing, records, strict=True)}
    found = {name: trained.get(name) or known[keys[name]] for name in specs}
    if not found[OURS].completed:
        raise UserError(f"There is nothing to compare with: {found[OURS].reason}.")
    return found


def _images(trials: Mapping[str, Record], specs: Mapping[str, TrialSpec]) -> int:
    """Return how many images a chunk may have for a round of ``ROUND_S``, by the last epochs."""
    spec = next(iter(specs.values()))
    n, recipe = len(data.load(spec.dataset).train_labels), spec.case.recipe
    epoch = sum(trial.epochs[-1].seconds for trial in trials.values() if trial.completed)
    unit = recipe.batch_size * recipe.steps_per_execution
    return min(n, unit * max(1, int(n * ROUND_S / epoch / unit)))
