"""What claims are judged by: one value a seed, and what cases cost beside each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import median

from fitting_room import format as words
from fitting_room.analysis.trials import by_case, of_one_machine, quartiles, trained
from fitting_room.format import Interval
from fitting_room.judge.interval import LEVEL, of_contrast
from fitting_room.judge.timing import SECONDS
from fitting_room.metrics import METRICS, is_own, of_epoch
from fitting_room.record import Record, unpack_classes
from fitting_room.spec import TASKS, Case, parts
from fitting_room.store.records import Speed


def _training_images(record: Record) -> float | None:
    """Whole batches, as many as an epoch has."""
    found = record.resolved
    return found.steps_per_epoch * record.spec.case.recipe.batch_size if found else None


COUNTS: Mapping[str, Callable[[Record], float | None]] = {
    "parameters": METRICS["parameters"],
    "training_images": _training_images,
    "test_images": lambda r: len(unpack_classes(r.predictions)) if r.predictions else None,
}
"""Every record has the same, and no seed scatters."""


@dataclass(frozen=True)
class Evidence:
    """The records of every case, and what else was timed."""

    records: Sequence[Record]
    speeds: Sequence[Speed] = ()
    """The times of the present code, one a case."""

    @cached_property
    def _trained(self) -> dict[str, list[Record]]:
        return {case: trained(records) for case, records in by_case(self.records).items()}

    def trained(self, case: str) -> list[Record]:
        """Return the completed records of a case, one a seed, in the order of the seeds."""
        return self._trained.get(case, [])

    def values(self, case: str, metric: str, *, epoch: int | None = None) -> list[float]:
        """Return one value a seed that has it, in the order of the seeds; see ``by_seed``."""
        return list(self.by_seed(case, metric, epoch=epoch).values())

    def by_seed(self, case: str, metric: str, *, epoch: int | None = None) -> dict[int, float]:
        """Return seed → value, of those that have it; infinite epochs to a target are "never".

        The metric is one of an epoch, the last unless another is named, a count, or
        ``epochs_to_target``.
        """
        found = {r.spec.seed: _value(r, metric, epoch) for r in self.trained(case)}
        return {seed: value for seed, value in found.items() if value is not None}

    def curves(self, case: str, metric: str) -> list[list[float | None]]:
        """Return the metric after each epoch, one list a seed."""
        return [[of_epoch(e, metric) for e in r.epochs] for r in self.trained(case)]


def _value(record: Record, metric: str, epoch: int | None) -> float | None:
    if metric == "epochs_to_target":
        reached = METRICS[metric](record)
        return math.inf if reached is None else reached
    if epoch is None or metric in COUNTS:
        return (COUNTS.get(metric) or METRICS[metric])(record)
    return of_epoch(record.epochs[epoch - 1], metric) if epoch <= len(record.epochs) else None


def short(case: str) -> str:
    """Return the architecture of a case: ``cnn_64``."""
    return parts(case)[1] or case


def title(case: str) -> str:
    """Return the task of a case as a heading has it: ``Handwritten digits``."""
    task = parts(case)[0]
    return TASKS[task].title if task in TASKS else task


PATH = ("jit_compile", "steps_per_execution")
"""Settings of a recipe that change how fast it trains, and not what is trained."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What several cases cost, and how that is known."""

    of: Mapping[str, Interval]
    """The cost of each case; unknown ones are left out."""
    n: int
    """Values of the case that has fewest."""
    unit: str
    """What these are."""
    how: str
    """How they were taken, in words."""
    differ: Sequence[str] = ()
    """Settings of the recipes, as they were timed, that differ from case to case."""

    @property
    def comparable(self) -> bool:
        """Whether they say something of the cases, and not of how each was trained here."""
        return not set(self.differ) & {*PATH}

    @property
    def told(self) -> str:
        """How they were taken, with what to know of it."""
        differ = f"; here the recipes differ in {words.listed(self.differ)}" if self.differ else ""
        wanted = "; no plain fit by this code is timed of all of them on one machine"
        return f"{self.how}{differ}{'' if self.comparable else wanted}"


def costs_of(cases: Sequence[str], metric: str, evidence: Evidence) -> Costs:
    """Return what different cases cost: seconds by a plain ``fit`` where that was timed of all.

    Those of a plain fit are the median of the pairs, between the lowest and the highest. These two
    enclose the median of all that could be timed with probability 1 − 2^(1−n), whatever the
    distribution (0.94 for 5 pairs). A quotient of such ends holds wherever both of them do. A
    metric of the project's own is a mean with an interval, and both of a ratio hold together with
    95 %. Other metrics are counts.
    """
    if metric == SECONDS:
        speeds = _side_by_side(cases, evidence.speeds)
        return _plain_fits(speeds) if speeds else epoch_seconds(cases, evidence)
    counts = {case: found for case in cases if (found := evidence.values(case, metric))}
    n = min(map(len, counts.values()), default=0)
    if is_own(metric):
        level = 1 - (1 - LEVEL) / 2
        means = {case: of_contrast([found], [1.0], level=level) for case, found in counts.items()}
        return Costs(of=means, n=n, unit="seeds", how=f"means of at least {n} seeds")
    ends = {case: _ends(found) for case, found in counts.items()}
    return Costs(of=ends, n=n, unit="seeds", how="counted")


def epoch_seconds(cases: Sequence[str], evidence: Evidence) -> Costs:
    """Return what an epoch of each case took, as its records have it.

    It is the median with the quartiles of all epochs but the first of each trial, of those that
    ran alone on the machine of most.
    """
    of: dict[str, Interval] = {}
    timed = [record for case in cases for record in evidence.trained(case)]
    n = 0
    for case, records in by_case(of_one_machine(timed)).items():
        if found := quartiles([epoch.seconds for r in records for epoch in r.epochs[1:]]):
            of[case] = Interval(estimate=found.median, low=found.lower, high=found.upper)
            n = min(n or found.n, found.n)
    return Costs(
        of=of,
        n=n,
        unit="epochs",
        how=f"middle half of at least {n} epochs each, alone on one machine",
        differ=_differing([r.spec.case for case in cases for r in evidence.trained(case)[-1:]]),
    )


def _ends(values: Sequence[float]) -> Interval:
    return Interval(estimate=median(values), low=min(values), high=max(values))


def _plain_fits(speeds: Sequence[Speed]) -> Costs:
    n = min(len(each.plain) for each in speeds)
    differ = _differing([each.spec.case for each in speeds])
    return Costs(
        of={each.spec.case.name: _ends(each.plain) for each in speeds},
        n=n,
        unit="pairs",
        how=f"by a plain fit, {n} pairs, alone on one machine, lowest to highest",
        differ=[name for name in differ if name not in PATH],
    )


def _side_by_side(cases: Sequence[str], speeds: Sequence[Speed]) -> list[Speed]:
    """Return the times of every case, if all were taken under the same circumstances; else none."""
    of_case = {speed.spec.case.name: speed for speed in speeds if speed.plain}
    found = [of_case[case] for case in cases if case in of_case]
    circumstances = [
        (each.machine, each.provenance.versions, each.images, each.spec.backend, each.spec.device)
        for each in found
    ]
    alike = all(each == circumstances[0] for each in circumstances)
    return found if alike and len(found) == len(cases) else []


def _differing(cases: Sequence[Case]) -> list[str]:
    """Return the settings in which recipes differ: times follow them."""
    recipes = [asdict(case.recipe) for case in cases]
    return [key for key in (recipes or [{}])[0] if any(r[key] != recipes[0][key] for r in recipes)]
