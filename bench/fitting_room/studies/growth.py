"""What trials on a cluster cost as they grow, and what a storm of kills left of them.

Both are measured from a checkout of the engine, by ``python tests/cluster_storm.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from fitting_room.format import count, counted, in_words, listed, spanned
from fitting_room.record import Count, Seconds
from fitting_room.report.table import Table, bullets
from fitting_room.studies import SCHEMA, Origin, block

FOLDER = Path("cluster")
"""The folder within the results."""
GROWTH, STORM = FOLDER / "growth.json", FOLDER / "storm.json"
ABSENT = "Not measured yet. Run, in a checkout of the engine: `python tests/cluster_storm.py`"

GOAL_MS = 50
"""The goal for a trial, in ms of the run's processor."""
MANY = 500
"""Trials from which what a run costs at its start no longer counts."""
KINDS = {
    "worker": "to workers",
    "nanny": "to their nannies",
    "child": "to processes of trials",
    "run": "to the run",
}
"""Kind of process, as a storm counts it → in words."""
WORKERS, TRIALS = 1_000, 100_000
"""What the estimate on paper is for."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A run of trials of fixed length, which train nothing and are real in all else."""

    kind: Literal["sleep", "spin"]
    """Whether they wait, or keep a core busy."""
    seconds: float
    """The length of each trial."""
    trials: Annotated[int, msgspec.Meta(ge=1)]
    workers: Annotated[int, msgspec.Meta(ge=1)]
    slots: Annotated[int, msgspec.Meta(ge=1)]
    """Trials at once, over all workers."""
    wall: float
    """Seconds from the first request to the last record."""
    cpu: Seconds
    """The CPU time of the run's process, in those seconds."""
    scheduler_cpu: Seconds
    """The CPU time of the scheduler's process, with the beginning and the end of the run."""
    peak_mib: float
    """Resident memory of the process of the run."""

    def slots_on(self, cores: int) -> int:
        """Return how many trials can really go on at once; those that wait need no core."""
        return self.slots if self.kind == "sleep" else min(self.slots, cores)

    def lost_ms(self, cores: int) -> float:
        """Return the milliseconds of a slot that a trial takes beyond its length."""
        return 1000 * (self.wall * self.slots_on(cores) / self.trials - self.seconds)

    def share(self, cores: int) -> float:
        """Return the share of its seconds that its trials alone would have taken."""
        return self.trials * self.seconds / self.slots_on(cores) / self.wall

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of the run's processor, a trial."""
        return 1000 * self.cpu / self.trials


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Runs of more and more trials, over more and more workers."""

    schema: int = SCHEMA
    origin: Origin
    points: tuple[Point, ...]

    @property
    def cores(self) -> int:
        """The cores of the machine that had it all: workers, scheduler and run."""
        return self.origin.machine.cores if self.origin.machine else 1


@dataclass(frozen=True, kw_only=True)
class Storm:
    """What was left of a run whose processes were killed at random moments."""

    schema: int = SCHEMA
    origin: Origin
    trials: Count
    workers: Count
    kills: Mapping[Literal["worker", "nanny", "child", "run"], Count]
    """Kind of process → how many."""
    records: Count
    lost: Count
    """Trials without a record."""
    twice: Count
    """Trials with two records that count."""
    aside: Count
    """Second records that were set aside."""
    orphans: Count
    """Processes that outlived the run."""
    trainings: Count
    """Begun, with those that were killed."""
    attempts: Count
    """Most that a trial took."""


def growth_table(known: Growth) -> str:
    """Return the table of every run, and whether the goal is met."""
    columns: dict[str, Callable[[Point], str]] = {
        "each": lambda point: f"{point.kind} {point.seconds:g} s",
        "workers": lambda point: str(point.workers),
        "slots": lambda point: str(point.slots),
        "trials": lambda point: count(point.trials),
        "ms of a slot": lambda point: f"{point.lost_ms(known.cores):.0f}",
        "of the ideal %": lambda point: f"{100 * point.share(known.cores):.0f}",
        "ms of the run": lambda point: f"{point.cpu_ms:.1f}",
        "peak MiB": lambda point: f"{point.peak_mib:.0f}",
    }
    rows = [[cell(point) for cell in columns.values()] for point in known.points]
    return Table([*columns], rows, _notes(known)).markdown()


def _notes(known: Growth) -> list[str]:
    dear = [point for point in known.points if point.trials >= MANY and point.cpu_ms > GOAL_MS]
    worst = max((point.cpu_ms for point in known.points if point.trials >= MANY), default=0.0)
    met = f"missed by {counted(len(dear), 'run')}" if dear else "met"
    grown = 1000 * _memory(known.points)[1]
    return [
        "ms of a slot: what a trial takes of it beyond its own length. ms of the run: processor "
        f"time of the process that hands trials out, a trial; at most {GOAL_MS} is the goal, "
        f"{met}: {worst:.1f} at most from {MANY} trials on.",
        f"Memory of the run grows by {grown:.1f} MiB for each 1,000 trials, most of it the records "
        "that it judges. Trials that spin share the cores with all the rest.",
        f"Workers, scheduler and run share one machine: {known.origin.words}.",
    ]


def _memory(points: Sequence[Point]) -> tuple[float, float]:
    """Return the MiB of a run without trials, and those of each trial."""
    design = np.array([[1, point.trials, point.slots] for point in points], float)
    found = np.linalg.lstsq(design, np.array([point.peak_mib for point in points]), rcond=None)[0]
    return float(found[0]), max(0.0, float(found[1]))


def storm_table(known: Storm) -> str:
    """Return what was killed, and what was lost of it."""
    killed = listed([f"{KINDS[kind]} {number}" for kind, number in known.kills.items()])
    numbers = {
        "trials asked for": known.trials,
        "SIGKILLs": sum(known.kills.values()),
        "trainings begun": known.trainings,
        "records": known.records,
        "trials lost": known.lost,
        "trials with two records that count": known.twice,
        "second records set aside": known.aside,
        "processes left behind": known.orphans,
        "most attempts of a trial": known.attempts,
    }
    rows = [(what, count(number)) for what, number in numbers.items()]
    notes = [f"SIGKILLs over {counted(known.workers, 'worker')}: {killed}.", known.origin.words]
    return Table(("what", "number"), rows, notes).markdown()


def on_paper(known: Growth) -> str:
    """Return what many workers and trials would need, and what breaks first."""
    trial, waiting = _costs(known.points)
    many = [point for point in known.points if point.trials >= MANY] or known.points
    scheduler = median(point.scheduler_cpu / point.trials for point in many)
    base, more = _memory(known.points)
    lines = [
        f"A trial costs the run {1000 * trial:.1f} ms of a processor and the scheduler "
        f"{1000 * scheduler:.1f} ms; to wait for a slot costs the run {1e6 * waiting:.0f} µs a "
        f"second, so that {count(WORKERS)} slots take {100 * WORKERS * waiting:.0f} % of a core.",
        f"{count(TRIALS)} trials take {in_words(TRIALS * trial)} of the run's processor and "
        f"{in_words(TRIALS * scheduler)} of the scheduler's, on however many workers.",
        f"The run's memory would be {(base + TRIALS * more) / 1024:.1f} GiB at the end, with "
        "records as small as those of these trials.",
        _first(trial, waiting, scheduler),
        f"Computed from {counted(len(known.points), 'run')} of "
        f"{spanned(point.trials for point in known.points)} trials; nothing of this size was run.",
    ]
    return bullets(lines)


def _first(trial: float, waiting: float, scheduler: float) -> str:
    """Say what breaks first; each process has one core at most."""
    left = 1 - WORKERS * waiting
    if left <= 0:
        return (
            f"First to break: the run, which can wait for {count(1 / waiting)} slots and then has "
            "no time for a trial. Several runs, each with cases of its own, share the workers."
        )
    limits = {"the run": WORKERS * trial / left, "the scheduler": WORKERS * scheduler}
    (first, longest), (second, shorter) = sorted(limits.items(), key=lambda each: -each[1])
    return (
        f"First to break: {first}. It keeps {count(WORKERS)} workers busy with trials of "
        f"{longest:.1f} s or more; {second} follows at {shorter:.1f} s. Shorter trials leave "
        "workers idle, and lose nothing."
    )


def _costs(points: Sequence[Point]) -> tuple[float, float]:
    """Return processor seconds of the run: of a trial, and of a slot that waits for a second."""
    from scipy.optimize import nnls

    design = np.array([[point.trials, point.slots * point.wall] for point in points])
    trial, waiting = nnls(design, np.array([point.cpu for point in points]))[0]
    return float(trial), float(waiting)


BLOCKS: Mapping[str, Callable[[Path], str]] = {
    "cluster growth": lambda results: block(results / GROWTH, Growth, growth_table, ABSENT),
    "cluster storm": lambda results: block(results / STORM, Storm, storm_table, ABSENT),
    "cluster on paper": lambda results: block(results / GROWTH, Growth, on_paper, ABSENT),
}
"""Name of a block → what makes it of a folder of results."""


def picture(known: Growth) -> dict[str, Any]:
    """Return the picture of the runs that wait, by its name."""
    from fitting_room.report.plots.curves import growth

    sleeping = [point for point in known.points if point.kind == "sleep"]
    lines: dict[str, list[tuple[float, ...]]] = {}
    for point in sorted(sleeping, key=lambda point: (point.slots, point.trials)):
        of = f"{counted(point.workers, 'worker')}, {counted(point.slots, 'slot')}"
        cost = (point.lost_ms(known.cores), point.cpu_ms, point.share(known.cores))
        lines.setdefault(of, []).append((point.trials, *cost, point.peak_mib))
    return {"cluster-growth": partial(growth, lines, small_print=f"{known.origin.words}.")}
