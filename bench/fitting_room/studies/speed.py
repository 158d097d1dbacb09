"""Whole runs and records of speed: what of a run is no training, and who is quickest to a goal.

The rules of the records stand in ``bench/docs/verdicts.md``. A task's ``sprints`` are the goals;
every reference takes part that was timed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

from fitting_room.analysis.trials import by_case, figure, publishable, trained
from fitting_room.errors import UserError
from fitting_room.format import Spread, accuracy, count, counted, number, percent
from fitting_room.machine import of_one_machine
from fitting_room.metrics import elapsed_seconds, is_timed, training_seconds
from fitting_room.record import Record, Seconds
from fitting_room.report.table import Table
from fitting_room.spec import TASKS
from fitting_room.store.records import Store
from fitting_room.studies import QUIET, SCHEMA, Origin, block, origin_of, read_document

TIMELINE = Path("latest", "timeline.json")
SHARE = Path("share.json")

PARTS: Mapping[str, Sequence[str]] = {
    "training": ("train",),
    "start, import": ("start", "import"),
    "load, build": ("load", "build"),
    "around fit": ("fit_overhead",),
    "evaluation": ("evaluate",),
    "inference": ("inference",),
    "calibration": ("calibration",),
}
"""Column → phases of a record; what no phase names is in the last column."""
COLUMNS = (*PARTS, "write, until the next")

OVERLAP_S = 0.05
"""The time by which a trial may seem to begin before the last has ended: clocks differ so much."""
GOAL = 0.1


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """When the parts of a run began and ended, UTC, ISO 8601."""

    schema: int = SCHEMA
    tier: str
    began: str
    """The time when pytest was configured."""
    reporting: str
    """The time when all tests had ended."""
    ended: str
    """The time when report, page and pictures were written and shown."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A trial in the course of a run."""

    case: str
    seed: int
    seconds: Mapping[str, Seconds]
    """The phases of its record."""
    gap: Seconds
    """Seconds from its end until the process of the next trial was asked for; 0 for the last."""

    @property
    def wall(self) -> float:
        """Its seconds of the run."""
        return self.seconds["total"] + self.gap

    def of(self, column: str) -> float:
        """Return the seconds of a column."""
        if column in PARTS:
            return sum(self.seconds.get(phase, 0.0) for phase in PARTS[column])
        return self.wall - sum(map(self.of, PARTS))


@dataclass(frozen=True, kw_only=True)
class Share:
    """All trials of a run, and what was before, after and between them."""

    schema: int = SCHEMA
    origin: Origin
    tier: str
    before: Seconds
    """Seconds until the process of the first trial was asked for."""
    after: Seconds
    """Seconds from the end of the last trial until all tests had ended."""
    report: Seconds
    """Seconds for report, page and pictures."""
    trials: tuple[Part, ...]

    @property
    def wall(self) -> float:
        """The seconds of the run."""
        return self.before + self.after + self.report + sum(each.wall for each in self.trials)


def shared(timeline: Timeline, records: Iterable[Record]) -> Share:
    """Return the parts of a run, from its timeline and from any records.

    Raises:
        UserError: It trained nothing, or trials side by side, whose seconds are not the run's.
    """
    began, reporting, ended = map(_at, (timeline.began, timeline.reporting, timeline.ended))
    own = [r for r in records if began <= _at(r.started) <= ended and "total" in r.seconds]
    own.sort(key=_asked)
    if not own:
        raise UserError(
            "The last run trained nothing: all that it needed was stored. "
            "Run it with --fresh, on a machine that does nothing else."
        )
    gaps = [_asked(later) - _end(record) for record, later in pairwise(own)]
    if min(gaps, default=0.0) < -OVERLAP_S:
        raise UserError(
            "Trials of the last run went on side by side, so their seconds are not those of the "
            "run. Run the accept tier alone, without --jobs."
        )
    return Share(
        origin=origin_of(own[0]),
        tier=timeline.tier,
        before=max(0.0, _asked(own[0]) - began),
        after=max(0.0, reporting - _end(own[-1])),
        report=ended - reporting,
        trials=tuple(
            Part(case=r.spec.case.name, seed=r.spec.seed, seconds=r.seconds, gap=max(0.0, gap))
            for r, gap in zip(own, [*gaps, 0.0], strict=True)
        ),
    )


def _at(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _asked(record: Record) -> float:
    return _at(record.started) - record.seconds.get("start", 0.0)


def _end(record: Record) -> float:
    return _asked(record) + record.seconds["total"]


def share_of_last_run(results: Path) -> Share:
    """Return the parts of the last run.

    Raises:
        UserError: There was no run, or its seconds cannot be told apart.
    """
    timeline = read_document(results / TIMELINE, Timeline)
    if timeline is None:
        raise UserError(
            f"{results / TIMELINE} is not there: no run has ended yet. Run `pytest bench/ --fresh`."
        )
    return shared(timeline, Store(results / "trials").readable())


def share_table(found: Share) -> str:
    """Return the share in a sentence, the table and its notes."""
    trials, untrained = found.trials, _untrained(found.trials, found.wall)
    cases = dict.fromkeys(each.case for each in trials)
    rows = [_row(case, [each for each in trials if each.case == case], median) for case in cases]
    shares = [percent(sum(each) / found.wall, 1) for each in _columns(trials)]
    rows += [_row("all", trials, sum), ["share of the run, %", "", *shares, untrained]]
    head = ("case", "trials", "s", *COLUMNS, "not training %")
    most = percent(GOAL, 0)
    goal = f"{untrained} % of the run's wall time is not training; the goal is {most} % at most."
    return f"{goal}\n\n{Table(head, rows, _notes(found)).markdown()}"


def _row(
    name: str, trials: Sequence[Part], middle: Callable[[Iterable[float]], float]
) -> list[str]:
    cells = [number(middle(each), 1) for each in _columns(trials)]
    untrained = _untrained(trials, sum(trial.wall for trial in trials))
    return [name, str(len(trials)), *cells, untrained]


def _columns(trials: Sequence[Part]) -> Iterable[Sequence[float]]:
    """Return the seconds of each trial, in all and by column."""
    return zip(*([trial.wall, *map(trial.of, COLUMNS)] for trial in trials), strict=True)


def _untrained(trials: Sequence[Part], wall: float) -> str:
    return percent(1 - sum(trial.of("training") for trial in trials) / wall, 1)


def _notes(found: Share) -> list[str]:
    return [
        "Seconds of a trial from asking for its process to asking for the next, median over the "
        "seeds of a case; of all, their sum. Training: the steps of all epochs, tracing included.",
        f"The run of the {found.tier} tier took {found.wall:.1f} s: {found.before:.1f} s before "
        f"its first trial, {found.after:.1f} s after the last, {found.report:.1f} s for report, "
        "page and pictures.",
        f"Measured: {found.origin.words}; {counted(len(found.trials), 'trial')} of one run.",
    ]


def share_block(results: Path) -> str:
    """Return what stands in the page, from what is committed."""
    return block(results / SHARE, Share, share_table, QUIET.format("speed --share --json"))


LEAST_SEEDS = 20
"""Seeds that the mean of a record takes."""

HEAD = ("goal", "case", "test accuracy %", "s of training", "s from start", "epochs", "parameters")


@dataclass(frozen=True, kw_only=True)
class Runner:
    """All seeds of a case whose times count, those of other kinds of machine apart."""

    case: str
    records: Sequence[Record]
    """Trained to the end on all images, one a seed, timed or not."""
    timed: Sequence[Record]
    """The records that had a machine to themselves, of the kind that most of them had."""
    accuracy: Spread
    """Test accuracy after the last epoch, over all seeds."""
    seconds: Spread
    """Training seconds to the last epoch, tracing apart."""
    from_start: Spread
    """Seconds from the start of the process to the last evaluation."""

    def cells(self, goal: str) -> tuple[str, ...]:
        """Return its row of the table."""
        sizes = [record.size.parameters for record in self.records if record.size]
        epochs = max(len(record.epochs) for record in self.records)
        seconds = (
            f"{each.mean:.1f} ({min(each.values):.1f}–{max(each.values):.1f}; {each.n})"
            for each in (self.seconds, self.from_start)
        )
        parameters = count(sizes[0] if sizes else None)
        return (goal, self.case, accuracy(self.accuracy), *seconds, str(epochs), parameters)


def runners(records: Sequence[Record], task: str) -> list[Runner]:
    """Return the cases of a task that have times, the quickest first."""
    fit = by_case(r for r in records if r.spec.case.task == task and publishable(r))
    found = []
    for case, of in fit.items():
        seeds = trained(of)
        timed = of_one_machine([record for record in seeds if is_timed(record)])
        learned = figure([r.test_accuracy for r in seeds if r.test_accuracy is not None])
        seconds, from_start = (
            figure([clock(record, len(record.epochs)) for record in timed])
            for clock in (training_seconds, elapsed_seconds)
        )
        if learned and seconds and from_start:
            figures = {"accuracy": learned, "seconds": seconds, "from_start": from_start}
            found.append(Runner(case=case, records=seeds, timed=timed, **figures))
    return sorted(found, key=lambda each: each.seconds.mean)


def quickest(found: Sequence[Runner], goal: float) -> Runner | None:
    """Return the quickest whose mean over enough seeds is at a goal, a fraction."""
    fit = (each for each in found if each.accuracy.n >= LEAST_SEEDS)
    return next((each for each in fit if each.accuracy.mean >= goal), None)


def sprint_table(records: Sequence[Record]) -> str:
    """Return the quickest case for each goal of each task, and whether it keeps to its time."""
    rows, machines = [], set()
    for task in TASKS.values():
        found = runners(records, task.name)
        for goal, limit in task.sprints.items():
            told = f"{task.title or task.name} {percent(goal, 1)} % in {limit:g} s"
            best = quickest(found, goal)
            if best is None:
                rows.append((f"{told}: no case yet", *[""] * (len(HEAD) - 1)))
                continue
            met = "met" if best.seconds.mean <= limit else "not met"
            rows.append(best.cells(f"{told}: {met}"))
            machines |= {origin_of(record).platform for record in best.timed}
    notes = [
        f"The quickest of all references whose mean test accuracy over {LEAST_SEEDS} seeds or more "
        "is at the goal. Test accuracy: mean ± sd (seeds), of the last epoch. Seconds: mean "
        "(least–most; seeds) of those that had the machine to themselves, tracing apart; from the "
        "start of the process with all that is around it.",
        f"Measured: {'; '.join(sorted(machines)) or 'nothing yet'}.",
    ]
    return Table(HEAD, rows, notes, align="llr").markdown()
