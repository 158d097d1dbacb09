"""What claims are judged by: one value a seed, and what cases cost beside each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from statistics import median

from fitting_room import format as words
from fitting_room.analysis.trials import of_one_machine, quartiles, trained
from fitting_room.judge.interval import LEVEL, Interval, of_contrast
from fitting_room.judge.timing import SECONDS
from fitting_room.metrics import METRICS, is_own, of_epoch
from fitting_room.record import Record, unpack_classes
from fitting_room.spec import TASKS, Case, parts
from fitting_room.store.claims import Claim
from fitting_room.store.records import Speed


def _training_images(record: Record) -> float | None:
    """Whole batches, as many as an epoch has."""
    found = record.resolved
    return found.steps_per_epoch * record.spec.case.recipe.batch_size if found else None


def _test_images(record: Record) -> float | None:
    return len(unpack_classes(record.predictions)) if record.predictions else None


COUNTS: Mapping[str, Callable[[Record], float | None]] = {
    "parameters": METRICS["parameters"],
    "training_images": _training_images,
    "test_images": _test_images,
}
"""Every record has the same, and no seed scatters."""


@dataclass(frozen=True)
class Evidence:
    """The records of every case, and what else was timed."""

    records: Sequence[Record]
    speeds: Sequence[Speed] = ()
    """The times of the present code, one a case."""

    @cached_property
    def _of_case(self) -> dict[str, list[Record]]:
        found: dict[str, list[Record]] = {}
        for record in self.records:
            found.setdefault(record.spec.case.name, []).append(record)
        return found

    @cached_property
    def _trained(self) -> dict[str, list[Record]]:
        return {case: trained(records) for case, records in self._of_case.items()}

    def trained(self, case: str) -> list[Record]:
        """Return the completed records of a case, one a seed, in the order of the seeds."""
        return self._trained.get(case, [])

    def lost(self, case: str) -> int:
        """Return how many trials of a case came to no result."""
        return sum(not record.completed for record in self._of_case.get(case, []))

    def values(self, case: str, metric: str, *, epoch: int | None = None) -> list[float]:
        """Return one value a seed that has it, in the order of the seeds; see ``by_seed``."""
        return list(self.by_seed(case, metric, epoch=epoch).values())

    def by_seed(self, case: str, metric: str, *, epoch: int | None = None) -> dict[int, float]:
        """Return seed → value, of those that have it; infinite epochs to a target are "never".

        Args:
            case: By name.
            metric: Of an epoch, a count, or ``epochs_to_target``.
            epoch: Which, from 1; the last by default.
        """
        found = {r.spec.seed: _value(r, metric, epoch) for r in self.trained(case)}
        return {seed: value for seed, value in found.items() if value is not None}

    def probabilities(self, claim: Claim) -> list[float]:
        """Return the probability that each seed gives to the class of an image, where kept."""
        image, label = claim.image, claim.label
        if image is None or label is None:
            return []
        firsts = [r.confidence.first for r in self.trained(claim.case) if r.confidence]
        return [first[image][label] for first in firsts if image < len(first)]

    def curves(self, case: str, metric: str) -> list[list[float | None]]:
        """Return the metric after each epoch, one list a seed."""
        return [[of_epoch(e, metric) for e in r.epochs] for r in self.trained(case)]

    def costs(self, cases: Iterable[str], metric: str) -> Costs:
        """Return what each case costs, by its records.

        Seconds are the median and the quartiles of the epochs but the first of each trial, all of
        them timed alone on the machine of most. A metric of the project's own is a mean with an
        interval, and both of a ratio hold together with 95 %. Other metrics are counts.
        """
        cases = list(dict.fromkeys(cases))
        if metric != SECONDS:
            counts = {case: found for case in cases if (found := self.values(case, metric))}
            n = min(map(len, counts.values()), default=0)
            ends, how = _ends, "counted"
            if is_own(metric):
                ends, how = _mean, f"means of at least {n} seeds"
            return Costs(of={c: ends(v) for c, v in counts.items()}, n=n, unit="seeds", how=how)
        timed = of_one_machine([record for case in cases for record in self.trained(case)])
        spreads = {}
        for case in cases:
            own = [record for record in timed if record.spec.case.name == case]
            if spread := quartiles([epoch.seconds for r in own for epoch in r.epochs[1:]]):
                spreads[case] = spread
        n = min((spread.n for spread in spreads.values()), default=0)
        return Costs(
            of={
                case: Interval(estimate=spread.median, low=spread.lower, high=spread.upper)
                for case, spread in spreads.items()
            },
            n=n,
            unit="epochs",
            how=f"middle half of at least {n} epochs each, alone on one machine",
            differ=_differing([r.spec.case for case in cases for r in self.trained(case)[-1:]]),
        )


def _ends(values: Sequence[float]) -> Interval:
    return Interval(estimate=median(values), low=min(values), high=max(values))


def _mean(values: Sequence[float]) -> Interval:
    return of_contrast([values], [1.0], level=1 - (1 - LEVEL) / 2)


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
    distribution (0.94 for 5 pairs). A quotient of such ends holds wherever both of them do.
    """
    if metric == SECONDS and (speeds := _side_by_side(cases, evidence.speeds)):
        n = min(len(each.plain) for each in speeds)
        recipes = [each.spec.case for each in speeds]
        return Costs(
            of={each.spec.case.name: _ends(each.plain) for each in speeds},
            n=n,
            unit="pairs",
            how=f"by a plain fit, {n} pairs, alone on one machine, lowest to highest",
            differ=[name for name in _differing(recipes) if name not in PATH],
        )
    return evidence.costs(cases, metric)


def _side_by_side(cases: Sequence[str], speeds: Sequence[Speed]) -> list[Speed]:
    """Return the times of every case, if all were taken under the same circumstances; else none."""
    by_case = {speed.spec.case.name: speed for speed in speeds if speed.plain}
    found = [by_case[case] for case in cases if case in by_case]
    alike = len({_circumstances(each) for each in found}) == 1
    return found if alike and len(found) == len(cases) else []


def _circumstances(speed: Speed) -> Hashable:
    versions = tuple(sorted(speed.provenance.versions.items()))
    return speed.machine, versions, speed.images, speed.spec.backend, speed.spec.device


def _differing(cases: Sequence[Case]) -> list[str]:
    """Return the settings in which recipes differ: times follow them."""
    recipes = [asdict(case.recipe) for case in cases]
    return [key for key in (recipes or [{}])[0] if any(r[key] != recipes[0][key] for r in recipes)]
