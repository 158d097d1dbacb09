"""``python -m bench compare``: what changed between two commits or folders of records."""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import numpy as np

from fitting_room import data
from fitting_room.analysis.comparison import IN_TURN, Comparison, Looks, in_turn
from fitting_room.analysis.comparison import compare as compared
from fitting_room.analysis.sides import Side, beginnings, repeated
from fitting_room.cli.session import (
    DATA,
    OPTIONS,
    check_platform,
    emulated,
    platform,
    session,
    shared,
    tell,
    warn,
)
from fitting_room.cli.sides import (
    CHECKOUT,
    Asked,
    Place,
    ask,
    called,
    place,
    side_of,
    update_reference,
)
from fitting_room.errors import UserError, in_ci, named
from fitting_room.format import in_words, listed
from fitting_room.judge.change import Change, not_comparable
from fitting_room.judge.timing import ABTiming
from fitting_room.lab.estimate import estimate
from fitting_room.lab.evaluator import Evaluator
from fitting_room.lab.locks import machine_lock
from fitting_room.lab.plan import (
    MOST_SEEDS,
    QUICK_EPOCHS,
    Arguments,
    Options,
    argument,
    flag,
    path,
    specify,
    whole,
)
from fitting_room.lab.timing import ANEW, CHUNK_S, Timed, time_checkouts
from fitting_room.machine import USUAL, Platform
from fitting_room.project import Project
from fitting_room.record import Record
from fitting_room.report.findings import comparison_json, comparison_markdown
from fitting_room.spec import Case, Dataset
from fitting_room.store.bounds import Bounds, reference_folder
from fitting_room.store.git import exported
from fitting_room.store.records import Store, write_whole

SEEDS = 5
"""What ``--train`` trains of each case: as many as let each side's scatter be known."""

PAIRS = 20
"""The pairs of a comparison: twice what the exact test needs, as other work may run beside it."""

OWN_TRAINER = "a trainer of one's own does not stop after a chunk to let the other side run"

EPILOG = """\
BASE and HEAD are each a commit (its references), a folder of records, or a case of this checkout;
two cases, or two folders of one case each, are compared with each other. Exit status: 0 where
nothing got worse; 1 for a regression, an exact count that changed, a missing reference or missing
records, and with --undecided fail for an open verdict; 2 for a mistake in the call; 130 after
Ctrl-C."""


EARLY = (
    "compare the first epochs alone: those of BASE's references with those that this checkout "
    "trains now, seed by seed while a verdict is open"
)
ELSEWHERE = (
    "where --train trains, with the code of each side sent there: dask://HOST:PORT or a scheduler "
    "file"
)

ARGUMENTS: dict[str, Arguments] = {
    "compare": {
        "base": argument(
            "the side before: a commit, a folder of records or a case", metavar="BASE"
        ),
        "head": argument("the side after; default: this checkout", metavar="HEAD", nargs="?"),
        "--case": argument(
            "compare this case alone; may be repeated", action="append", default=[], metavar="NAME"
        ),
        "--train": flag("train the cases that a commit, or this checkout, has no records of"),
        "--seeds": whole(SEEDS, "seeds a case that --train trains"),
        "--tier": argument(EARLY, choices=["quick"]),
        "--time": flag(
            "time both checkouts here and now, interleaved; for commits and this checkout"
        ),
        "--pairs": whole(PAIRS, "pairs of chunks that --time trains"),
        "--backend": OPTIONS["--backend"]
        | argument("compare records of this backend of Keras (tensorflow)"),
        "--device": OPTIONS["--device"] | argument("compare records of this device (cpu)"),
        "--engine": argument(ELSEWHERE, metavar="ENGINE"),
        "--shared": flag("others use this machine: --train keeps no times, --time allows for them"),
        "--undecided": argument(
            "whether an open verdict fails the comparison: it does where CI is set",
            choices=["fail", "pass"],
        ),
        "-v": flag("list the figures that did not change, too", dest="verbose"),
        "--output": path("write the Markdown there too", metavar="FILE"),
        "--json": path("write the comparison as JSON", metavar="FILE"),
        "--update-reference": flag("make HEAD's records the reference; shows what changes"),
        **shared(*DATA, "--results"),
    }
}


def compare(args: argparse.Namespace) -> int:
    """Compare; print and keep what was found; return 1 where a gate fails."""
    if args.tier:
        _check_quick(args)
    if args.tier or args.train or args.time:
        known = args.project.cases
        check_platform(args, [known[name] for name in args.case if name in known] or known.values())
    base, head = place(args.base, args.project), place(args.head, args.project)
    asked = _asked(args)
    if args.time and (without := [each.told for each in (base, head) if not each.has_code]):
        raise UserError(
            f"--time runs the code of both sides, but {without[0]} has no code of its own. "
            "Name two commits, or one and nothing, which is this checkout."
        )
    found = _quick(args, base, asked) if args.tier else _whole(args, base, head, asked)
    strict = (args.undecided or ("fail" if in_ci(os.environ) else "pass")) == "fail"
    hint = "" if args.tier else _hint(found, args.seeds)
    text = comparison_markdown(found, undecided=strict, hint=hint, verbose=args.verbose)
    print(text, end="")
    if args.output:
        write_whole(args.output, text.encode())
    if args.json:
        write_whole(args.json, comparison_json(found, undecided=strict))
    if args.update_reference:
        update_reference(found, args.results, asked.platform)
        return 0
    return int(found.red(undecided=strict))


def _asked(args: argparse.Namespace) -> Asked:
    return Asked(
        project=args.project,
        results=args.results,
        cases=tuple(args.case),
        seeds=args.seeds if args.train else None,
        data_dir=data.chosen_data_dir(args.data_dir, os.environ),
        offline=args.offline,
        shared=args.shared,
        engine=args.engine,
        platform=platform(args),
    )


def _whole(args: argparse.Namespace, base: Place, head: Place, asked: Asked) -> Comparison:
    sides = {each: side_of(each, asked) for each in dict.fromkeys((base, head))}
    _check_cases(args.case, sides[base], sides[head])
    return compared(
        sides[base],
        sides[head],
        labels=lambda task: _labels(task, asked.data_dir),
        in_turn=time_all(base, head, asked, args.pairs) if args.time else None,
        only=args.case,
    )


def _check_cases(wanted: Sequence[str], base: Side, head: Side) -> None:
    known = {name for side in (base, head) for name in (*side.facts, *(side.known or ()))}
    for name in wanted:
        named("case", name, dict.fromkeys(sorted(known)))


@lru_cache
def _labels(task: str, data_dir: Path | None) -> np.ndarray | None:
    """Return the labels of a task's test images where the data is on this machine."""
    try:
        dataset = data.find(task, data_dir=data_dir, offline=True)
    except UserError:
        return None  # predictions are evidence: what decides does without
    return np.asarray(data.load(dataset).test_labels)


def _hint(found: Comparison, seeds: int) -> str:
    """Return what trains the missing cases, and how long that took when their records were made."""
    known = {
        name: [record.seconds["total"] for record in facts.records if "total" in record.seconds]
        for side in (found.base, found.head)
        for name, facts in side.facts.items()
    }
    missing = [name for name, _ in found.pairs.missing]
    took = sum(median(known[name]) * seeds for name in missing if known.get(name))
    unknown = [name for name in missing if not known.get(name)]
    time = f", about {in_words(took)} on the machine of their records" if took else ""
    rest = f" (unknown for {listed(unknown)})" if took and unknown else ""
    return f"`--train` trains what is missing, {seeds} seeds a case{time}{rest}."


@contextmanager
def code_of(place: Place, project: Project) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield a folder with the code of a side, and its cases by name, in plain values."""
    if place.commit is None:
        yield project.root, msgspec.to_builtins(project.cases)
        return
    with exported(place.commit, root=project.root) as folder:
        yield folder, ask(folder, called(place.commit)).cases


def time_all(base: Place, head: Place, asked: Asked, pairs: int) -> dict[str, Change]:
    """Return case → seconds of base and head, for every case that both checkouts have.

    Raises:
        UserError: A checkout cannot train.
    """
    found: dict[str, Change] = {}
    project = asked.project
    with code_of(base, project) as (old, before), code_of(head, project) as (new, after):
        names = [n for n in after if n in before and (not asked.cases or n in asked.cases)]
        for number, name in enumerate(names, start=1):
            if before[name].get("trainer") or after[name].get("trainer"):
                found[name] = not_comparable(IN_TURN, OWN_TRAINER)
                continue
            sides = (
                Timed(name="base", checkout=old, case=before[name]),
                Timed(name="head", checkout=new, case=after[name]),
            )
            task, told = after[name]["task"], f"[{number}/{len(names)}] {name}"
            dataset = data.find(task, data_dir=asked.data_dir, offline=asked.offline)
            timing = time_case(*sides, dataset, pairs, told=told, platform=asked.platform)
            before_s, after_s = timing.medians
            verdict = timing.verdict(shared=asked.shared)
            found[name] = in_turn(verdict, base=before_s, head=after_s)
    return found


def time_case(
    base: Timed, head: Timed, dataset: Dataset, pairs: int, *, told: str, platform: Platform = USUAL
) -> ABTiming:
    """Time one case, alone on this machine; progress goes to standard error as ``told``."""
    options = Options(**platform._asdict())
    spec = specify(msgspec.convert(head.case, Case), 0, options, dataset)
    warn([spec])
    done: list[float] = []

    def listen(pair: int, ratio: float) -> None:
        done.append(time.monotonic() - began)  # the first pair had to load both sides
        starts = (pairs - 1) // ANEW - (pair - 1) // ANEW
        left = in_words(starts * done[0] + (pairs - pair) * 2 * CHUNK_S)
        tell(f"{told}: pair {pair}/{pairs} ×{ratio:.2f}, {left} left")

    tell(f"{told}: loading both sides")
    with machine_lock(lambda why: tell(f"{told}: {why}"), exclusive=True):
        began = time.monotonic()
        return time_checkouts(base, head, spec, pairs=pairs, listen=listen)


FIRST = f"the first {QUICK_EPOCHS} epochs of each trial"


def _check_quick(args: argparse.Namespace) -> None:
    """Raise a UserError where options contradict ``--tier quick``."""
    given = {
        "HEAD": args.head,
        "--train": args.train,
        "--time": args.time,
        "--engine": args.engine,
        "--update-reference": args.update_reference,
    }
    if wrong := [name for name, value in given.items() if value]:
        raise UserError(
            f"--tier quick trains the first {QUICK_EPOCHS} epochs of this checkout on this machine "
            f"and compares them with those of BASE's references. Leave out {listed(wrong)}, or "
            "--tier."
        )


def _quick(args: argparse.Namespace, place: Place, asked: Asked) -> Comparison:
    """Compare the first epochs of BASE's references with those that this checkout trains.

    Cases whose code and settings are unchanged train nothing. Of the others seeds are added, round
    by round and the cheapest case first, until no verdict is open or one has failed.

    Raises:
        TrialFailedError: A trial crashed, or was ended.
        UserError: There is no data.
    """
    base = side_of(place, asked)
    _check_cases(args.case, base, Side(told="", facts={}, known=frozenset(args.project.cases)))
    before = [record for facts in base.facts.values() for record in facts.records]
    looks = _looks(asked, base, before)
    if not looks.changed:
        return looks.at({})
    cases = [args.project.cases[name] for name in looks.changed]
    with session(args) as running:
        options = Options(tier="quick", backend=args.backend, device=args.device)
        evaluator = running.evaluator(cases, Bounds(path=args.project.bounds), options, args)
        known = [*before, *running.scheduler.store.readable()]
        seconds = {
            name: estimate([first.spec], known) or math.inf
            for name, (first, *_) in evaluator.planned.items()
        }
        missing = [trial.spec for trial in evaluator.missing]
        warn(missing, known)
        running.expect(missing, before, f"{len(cases)} cases changed, ")
        return _rounds(sorted(cases, key=lambda case: seconds[case.name]), evaluator, looks)


def _rounds(cases: Sequence[Case], evaluator: Evaluator, looks: Looks) -> Comparison:
    """Train seed after seed of the cases that are open, and look after every trial."""
    trained: dict[str, list[Record]] = {}
    for n in range(1, MOST_SEEDS + 1):
        for case in cases:
            trained[case.name] = evaluator.records(case, n)
            if looks.at(trained, as_if_unchanged=True).failed:
                return looks.at(trained)
        found = looks.at(trained)
        undecided = {change.verdict.subject for change in found.of("undecided")}
        cases = [case for case in cases if case.name in undecided]
        if not cases:
            break
    return found


def _looks(asked: Asked, base: Side, before: Sequence[Record]) -> Looks:
    """Return both sides before anything is trained, without what this machine leaves out.

    It leaves out each case that another stands for here, and each that needs to stand for none.
    """
    project, only = asked.project, asked.cases
    own = Store(reference_folder(asked.results, asked.platform)).all()
    same = beginnings(repeated([*before, *own], project), epochs=QUICK_EPOCHS)
    chosen = [name for name in project.cases if name in base.facts and name not in same]
    slow = emulated(project, asked.platform)
    replaced = [name if name in slow else other for name, other in project.instead.items()]
    left = [] if only else [name for name in replaced if name in chosen]
    old = beginnings(before, epochs=QUICK_EPOCHS)
    without = f", without {listed(left)}, which --case names" if left else ""
    return Looks(
        base=replace(
            base,
            told=f"{base.told}, {FIRST}",
            facts={name: facts for name, facts in old.items() if name not in left},
            known=None if base.known is None else base.known - {*left},
        ),
        head=Side(
            told=f"{CHECKOUT}, {FIRST}{without}",
            facts=same,
            known=frozenset(project.cases) - {*left},
        ),
        changed=[name for name in chosen if name not in left and (not only or name in only)],
        only=only,
        epochs=QUICK_EPOCHS,
    )
