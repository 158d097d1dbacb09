"""``compare BASE --tier quick``: the first epochs of this checkout beside those of references."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fitting_room.analysis.comparison import Comparison, compare
from fitting_room.analysis.sides import Side, beginnings
from fitting_room.cli.session import Session, datasets, platform, session, tell
from fitting_room.cli.sides import CHECKOUT, repeated
from fitting_room.errors import UserError
from fitting_room.format import listed
from fitting_room.lab.estimate import estimate, forecast, warnings
from fitting_room.lab.evaluator import Evaluator
from fitting_room.lab.plan import MOST_SEEDS, QUICK_EPOCHS, Need, Options, plan
from fitting_room.lab.probe import emulation
from fitting_room.machine import Platform
from fitting_room.project import Project
from fitting_room.record import Record
from fitting_room.spec import Case
from fitting_room.store.bounds import Bounds, reference_folder
from fitting_room.store.records import Store

QUICK = Options(tier="quick")

FIRST = f"the first {QUICK_EPOCHS} epochs of each trial"

NOT_TRAINED = "not trained, as a regression was found before"


def check(arguments: argparse.Namespace) -> None:
    """Raise a UserError where options contradict ``--tier quick``."""
    given = {
        "HEAD": arguments.head,
        "--train": arguments.train,
        "--time": arguments.time,
        "--engine": arguments.engine,
        "--update-reference": arguments.update_reference,
    }
    if wrong := [name for name, value in given.items() if value]:
        raise UserError(
            f"--tier quick trains the first {QUICK_EPOCHS} epochs of this checkout on this machine "
            f"and compares them with those of BASE's references. Leave out {listed(wrong)}, or "
            "--tier."
        )


def compare_quick(arguments: argparse.Namespace, base: Side) -> Comparison:
    """Compare the first epochs of BASE's references with those that this checkout trains.

    Cases whose code and settings are unchanged train nothing. The others get seeds, round by round
    and the cheapest case first, until no verdict is open or one has failed.

    Raises:
        TrialFailedError: A trial crashed, or was ended.
        UserError: There is no data.
    """
    before = [record for facts in base.facts.values() for record in facts.records]
    looks = _looks(arguments, base, before)
    if not looks.changed:
        return looks.at({})
    cases = [arguments.project.cases[name] for name in looks.changed]
    with session(arguments) as running:
        evaluator = _evaluator(cases, arguments, running)
        known = [*before, *running.scheduler.store.readable()]
        seconds = {
            name: estimate([trials[0].spec], known) or math.inf
            for name, trials in evaluator.planned.items()
        }
        _tell_estimate(evaluator, known, running)
        return _rounds(sorted(cases, key=lambda case: seconds[case.name]), evaluator, looks)


def _rounds(cases: Sequence[Case], evaluator: Evaluator, looks: _Looks) -> Comparison:
    """Train seed after seed of the open cases, and judge after every trial."""
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


@dataclass(frozen=True, kw_only=True)
class _Looks:
    """Compares the records that there are so far."""

    base: Side
    head: Side
    """This checkout, with the cases that are unchanged."""
    changed: Sequence[str]
    """Cases that are to be trained."""
    only: Sequence[str]

    def at(
        self, trained: Mapping[str, Sequence[Record]], *, as_if_unchanged: bool = False
    ) -> Comparison:
        """Compare, with changed cases that are not trained yet missing, or as if unchanged.

        The latter keeps the family as large as it will be, so that many looks err no more often.
        """
        found = [record for of_case in trained.values() for record in of_case]
        facts = {**self.head.facts, **beginnings(found, epochs=QUICK_EPOCHS)}
        rest = [name for name in self.changed if name not in trained]
        if as_if_unchanged:
            facts |= {name: self.base.facts[name] for name in rest}
        head = replace(self.head, facts=facts, unfit=dict.fromkeys(rest, NOT_TRAINED))
        return compare(self.base, head, only=self.only)


def _looks(arguments: argparse.Namespace, base: Side, before: Sequence[Record]) -> _Looks:
    """Return both sides before anything is trained, without what this machine leaves out."""
    project, only = arguments.project, arguments.case
    own = Store(reference_folder(arguments.results, platform(arguments))).all()
    kept = repeated([*before, *own], project)
    same = beginnings(kept, epochs=QUICK_EPOCHS)
    chosen = [name for name in project.cases if name in base.facts and name not in same]
    left = [] if only else [n for n in _replaced(project, platform(arguments)) if n in chosen]
    old = beginnings(before, epochs=QUICK_EPOCHS)
    without = f", without {listed(left)}, which --case names" if left else ""
    return _Looks(
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
    )


def _replaced(project: Project, on: Platform) -> list[str]:
    """Return the cases that have a stand-in here, and the stand-ins that are not needed here."""
    precisions = {name: project.cases[name].recipe.precision for name in project.instead}
    return [
        name if emulation(precisions[name], **on._asdict()) else other
        for name, other in project.instead.items()
    ]


def _evaluator(cases: Sequence[Case], arguments: argparse.Namespace, running: Session) -> Evaluator:
    found = datasets((case.task for case in cases), arguments)
    options = replace(QUICK, backend=arguments.backend, device=arguments.device)
    return Evaluator(
        scheduler=running.scheduler,
        bounds=Bounds(path=arguments.project.bounds),
        options=options,
        planned=plan([Need(case=case) for case in cases], options, found),
        wait=running.progress.wait,
    )


def _tell_estimate(evaluator: Evaluator, known: Sequence[Record], running: Session) -> None:
    missing = [trial.spec for trial in evaluator.missing]
    running.progress.total = len(missing)
    for line in warnings(missing, known):
        tell(line)
    took = f", {forecast(missing, known)}, more where a verdict stays open" if missing else ""
    tell(f"{len(evaluator.planned)} cases changed, {len(missing)} trials to train{took}")
