"""The share of a run's wall time that is not training, trial by trial and part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

from fitting_room.errors import UserError
from fitting_room.format import counted, number, percent
from fitting_room.record import Record, Seconds
from fitting_room.report.table import Table
from fitting_room.store.records import Store
from fitting_room.studies import QUIET, SCHEMA, Origin, origin_of, read_document, write_document

TIMELINE = Path("latest", "timeline.json")
SHARE = Path("share.json")

TRAIN = "train"
PARTS: Mapping[str, Sequence[str]] = {
    "training": (TRAIN,),
    "start, import": ("start", "import"),
    "load, build": ("load", "build"),
    "around fit": ("fit_overhead",),
    "evaluation": ("evaluate",),
    "inference": ("inference",),
    "calibration": ("calibration",),
}
"""Column → phases of a record; what no phase names is in the last column."""
REST = "write, until the next"

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
            Part(
                case=record.spec.case.name,
                seed=record.spec.seed,
                seconds=record.seconds,
                gap=max(0.0, gap),
            )
            for record, gap in zip(own, [*gaps, 0.0], strict=True)
        ),
    )


def _at(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _asked(record: Record) -> float:
    return _at(record.started) - record.seconds.get("start", 0.0)


def _end(record: Record) -> float:
    return _asked(record) + record.seconds["total"]


def share_of_last_run(results: Path, *, keep: bool) -> str:
    """Return the table of the last run; ``keep`` writes its document.

    Raises:
        UserError: There was no run, or its seconds cannot be told apart.
    """
    timeline = read_document(results / TIMELINE, Timeline)
    if timeline is None:
        raise UserError(
            f"{results / TIMELINE} is not there: no run has ended yet. Run `pytest bench/ --fresh`."
        )
    found = shared(timeline, Store(results / "trials").readable())
    if keep:
        write_document(results / SHARE, found)
    return share_table(found)


def share_table(found: Share) -> str:
    """Return the share in a sentence, the table and its notes."""
    columns = (*PARTS, REST)
    by_case: dict[str, list[Part]] = {}
    for trial in found.trials:
        by_case.setdefault(trial.case, []).append(trial)
    rows = [_row(case, trials, columns, median) for case, trials in by_case.items()]
    rows.append(_row("all", found.trials, columns, sum))
    shares = (sum(trial.of(column) for trial in found.trials) / found.wall for column in columns)
    inside = sum(trial.wall for trial in found.trials) / found.wall
    rows.append(["share of the run, %", "", percent(inside, 1), *(percent(s, 1) for s in shares)])
    rows[-1].append(percent(_untrained(found.trials, found.wall), 1))
    head = ("case", "trials", "s", *columns, "not training %")
    told = percent(_untrained(found.trials, found.wall), 1)
    most = percent(GOAL, 0)
    goal = f"{told} % of the run's wall time is not training; the goal is {most} % at most."
    return f"{goal}\n\n{Table(head, rows, _notes(found)).markdown()}"


def _row(
    name: str,
    trials: Sequence[Part],
    columns: Sequence[str],
    middle: Callable[[Iterable[float]], float],
) -> list[str]:
    cells = [number(middle([trial.of(column) for trial in trials]), 1) for column in columns]
    wall = middle([trial.wall for trial in trials])
    untrained = percent(_untrained(trials, sum(trial.wall for trial in trials)), 1)
    return [name, str(len(trials)), number(wall, 1), *cells, untrained]


def _untrained(trials: Sequence[Part], wall: float) -> float:
    return 1 - sum(trial.of("training") for trial in trials) / wall


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
    found = read_document(results / SHARE, Share)
    return share_table(found) if found else QUIET.format("speed --share --json")
