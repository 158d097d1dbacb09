"""The options, the data and the scheduler that commands share."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from fitting_room import data
from fitting_room.errors import UserError
from fitting_room.format import in_words
from fitting_room.lab.estimate import forecast, warnings
from fitting_room.lab.evaluator import Evaluator
from fitting_room.lab.plan import (
    PLACE,
    SOURCE,
    Arguments,
    Need,
    Options,
    argument,
    flag,
    path,
    plan,
    whole,
)
from fitting_room.lab.probe import check_backend, emulation
from fitting_room.lab.scheduler import Scheduler, open_scheduler
from fitting_room.machine import USUAL, Platform
from fitting_room.project import Project
from fitting_room.record import Record
from fitting_room.report.model import card
from fitting_room.report.progress import Progress
from fitting_room.spec import Case, Dataset, TrialSpec
from fitting_room.store.bounds import Bounds

if TYPE_CHECKING:
    from fitting_room.report.plots.album import Pictures

CASES = argument("cases by name; all, if none is given", nargs="*")

OPTIONS: Arguments = {
    **PLACE,
    **SOURCE,
    "--shared": flag("others use this machine meanwhile: keep no times"),
    "--jobs": whole(1, "trials side by side, with --shared"),
    "--keep-models": flag("keep trained models, with a card each"),
    "--results": path("where records are kept (default: results)"),
}

DATA = ("--data-dir", "--offline")
ENGINE = ("--engine", "--ship")


def shared(*names: str) -> Arguments:
    """Return these of the options that commands share."""
    return {name: OPTIONS[name] for name in names}


def platform(arguments: argparse.Namespace) -> Platform:
    """Return the platform that a command trains on, or whose records it reads."""
    return Platform(arguments.backend, arguments.device)


def check_platform(arguments: argparse.Namespace, cases: Iterable[Case]) -> None:
    """Raise a UserError if this machine cannot train so; an engine's workers say so later.

    Cases that all have trainers of their own need no backend.
    """
    if any(case.trainer is None for case in cases):
        check_backend(arguments.backend, USUAL.device if arguments.engine else arguments.device)


def tell(words: str, end: str = "\n") -> None:
    """Print progress, warnings and times, which are no results, to standard error."""
    print(words, end=end, file=sys.stderr, flush=True)


def warn(specs: Iterable[TrialSpec], known: Sequence[Record] = ()) -> None:
    """Tell what will be slow on this machine, and how slow by what is known."""
    for line in warnings(specs, known):
        tell(line)


@dataclass(frozen=True, kw_only=True)
class Session:
    """The trials of one command."""

    scheduler: Scheduler
    progress: Progress

    def train(self, specs: Iterable[TrialSpec], *, timed: bool = False) -> Iterator[Record]:
        """Yield the record of each trial in turn; those that are not stored train meanwhile."""
        for future in [self.scheduler.request(spec, timed=timed) for spec in specs]:
            yield self.progress.wait(future)

    def evaluator(
        self, cases: Sequence[Case], bounds: Bounds, options: Options, asked: argparse.Namespace
    ) -> Evaluator:
        """Return what holds cases to their bounds, with trials of this session."""
        found = datasets((case.task for case in cases), asked)
        planned = plan([Need(case=case) for case in cases], options, found)
        return Evaluator(self.scheduler, bounds, options, planned, self.progress.wait)

    def expect(
        self, missing: Sequence[TrialSpec], records: Sequence[Record] = (), told: str = ""
    ) -> None:
        """Tell, after ``told``, how many trials are to be trained at least, and for how long.

        The time follows from the ``records`` and those that are stored.
        """
        self.progress.total = len(missing)
        known = [*records, *self.scheduler.store.readable()] if missing else []
        took = f", {forecast(missing, known)}, more where a verdict stays open" if missing else ""
        tell(f"{told}{len(missing)} trials to train{took}")


def emulated(project: Project, on: Platform) -> list[str]:
    """Return the cases that have a stand-in, and whose precision this machine emulates."""
    cases = project.cases
    return [n for n in project.instead if emulation(cases[n].recipe.precision, **on._asdict())]


SLOWED = (
    "--jobs: trials side by side slow each other down, so their times say nothing. Add --shared, "
    "which keeps no times."
)


@contextmanager
def session(
    arguments: argparse.Namespace,
    *,
    trials: Path | None = None,
    fresh: bool = False,
    keep_models: bool = False,
    progress: Progress | None = None,
) -> Iterator[Session]:
    """Yield the session that runs a command's trials; when it ends, none is left running.

    Args:
        arguments: Those of the command; an option that it lacks counts as not given.
        trials: Folder of the records; None is ``trials`` of the results.
        fresh: Ignore stored records, also without ``--fresh``.
        keep_models: Keep trained models, also without ``--keep-models``.
        progress: Shows the trials; None writes lines to standard error.

    Raises:
        UserError: Records cannot be written, or several trials are to run at once and be timed.
    """
    given = vars(arguments).get
    if (jobs := given("jobs", 1)) > 1 and not given("shared", True):
        raise UserError(SLOWED)
    options = Options(
        engine=given("engine"),
        ship=given("ship", False),
        jobs=jobs if jobs > 1 else None,
        keep_models=keep_models or given("keep_models", False),
        fresh=uuid4().hex if fresh or given("fresh") else None,
        results=arguments.results,
    )
    progress, root = progress or Progress(), arguments.project.root
    scheduler = open_scheduler(options, card, listen=progress.listen, root=root, trials=trials)
    try:
        scheduler.store.check_writable()
        yield Session(scheduler=scheduler, progress=progress)
    finally:
        scheduler.close()
        if scheduler.engine and scheduler.engine.words:
            tell(scheduler.engine.words)


def datasets(tasks: Iterable[str], arguments: argparse.Namespace) -> dict[str, Dataset]:
    """Return task → verified copy of its data, from where the options or the variable say.

    Raises:
        UserError: No source has one of them.
    """
    folder = data.chosen_data_dir(arguments.data_dir, os.environ)
    return {
        task: data.find(task, data_dir=folder, offline=arguments.offline)
        for task in dict.fromkeys(tasks)
    }


def dataset(task: str) -> Dataset:
    """Return a verified copy of a task's data, for a command that has no options for it."""
    return data.find(task, data_dir=data.chosen_data_dir(None, os.environ))


def draw_all(pictures: Pictures, folder: Path) -> None:
    """Write each picture as SVG and PNG, light and dark; tell which there cannot be."""
    # Matplotlib takes longer to load than all else.
    from fitting_room.report.plots import KINDS, THEMES, save

    drawn = {name: draw for name, draw in pictures.items() if not isinstance(draw, str)}
    began = time.monotonic()
    for number, (name, draw) in enumerate(drawn.items(), start=1):
        for theme in THEMES.values():
            for kind in KINDS:
                save(draw, folder / theme.file_name(name, kind), theme)
        left = (time.monotonic() - began) / number * (len(drawn) - number)
        tell(f"[{number}/{len(drawn)}] {name}, {in_words(left)} left")
    print(f"{len(drawn)} pictures in {folder}, each as {' and '.join(KINDS)}, light and dark.")
    missing = {name: reason for name, reason in pictures.items() if isinstance(reason, str)}
    for reason in dict.fromkeys(missing.values()):
        print(f"No {', '.join(n for n, why in missing.items() if why == reason)}: {reason}.")
