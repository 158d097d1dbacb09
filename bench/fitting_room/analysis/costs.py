"""The costs of cases beside each other: by a plain ``fit`` where that was timed, else by trials."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from fitting_room import format as words
from fitting_room.analysis import claims
from fitting_room.analysis.claims import Finding
from fitting_room.analysis.evidence import Evidence
from fitting_room.judge.claims import LEAST_SEEDS, Check, Label, judge_figure, judge_statement
from fitting_room.judge.interval import Interval, of_ratio
from fitting_room.spec import Case
from fitting_room.store.claims import Ratio
from fitting_room.store.records import Speed

SECONDS = "seconds_per_epoch"

PATH = ("jit_compile", "steps_per_execution")
"""Settings of a recipe that change how fast it trains, and not what is trained."""


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What several cases cost, and how that is known."""

    of: Mapping[str, Interval]
    """By case; those of which it is not known are left out."""
    n: int
    """Values of the case that has fewest."""
    unit: str
    """What these are."""
    how: str
    """How they were taken, in words."""
    differ: Sequence[str] = ()
    """Settings of the recipes, as they were timed, that differ from case to case."""
    exact: bool = False
    """Whether one value is as good as many."""

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
    """Return what different cases cost; seconds are those of one machine."""
    if metric != SECONDS:
        return _of_records(cases, metric, evidence, unit="seeds", how="counted", exact=True)
    if speeds := _side_by_side(cases, evidence.speeds):
        return _of_plain_fits(speeds)
    how = "middle half of at least {n} epochs each, alone on one machine"
    recipes = [each.spec.case for case in cases for each in evidence.trained(case)[-1:]]
    return _of_records(cases, metric, evidence, unit="epochs", how=how, differ=_differing(recipes))


def _of_records(
    cases: Sequence[str],
    metric: str,
    evidence: Evidence,
    *,
    unit: str,
    how: str,
    differ: Sequence[str] = (),
    exact: bool = False,
) -> Costs:
    found = evidence.costs(cases, metric)
    n = min((n for _, n in found.values()), default=0)
    return Costs(
        of={case: interval for case, (interval, _) in found.items()},
        n=n,
        unit=unit,
        how=how.format(n=n),
        differ=differ,
        exact=exact,
    )


def _of_plain_fits(speeds: Sequence[Speed]) -> Costs:
    """Return the median of the pairs of each case, between the lowest and the highest.

    These two enclose the median of all that could be timed with probability 1 − 2^(1−n), whatever
    the distribution (0.94 for 5 pairs); a quotient of such ends holds wherever both of them do.
    """
    n = min(len(each.plain) for each in speeds)
    return Costs(
        of={
            each.spec.case.name: Interval(
                estimate=median(each.plain), low=min(each.plain), high=max(each.plain)
            )
            for each in speeds
        },
        n=n,
        unit="pairs",
        how=f"by a plain fit, {n} pairs, alone on one machine, lowest to highest",
        differ=[name for name in _differing([e.spec.case for e in speeds]) if name not in PATH],
    )


def _side_by_side(cases: Sequence[str], speeds: Sequence[Speed]) -> list[Speed]:
    """Return the times of every case, if all were taken under the same circumstances; else none."""
    by_case = {speed.spec.case.name: speed for speed in speeds if speed.plain}
    found = [by_case[case] for case in cases if case in by_case]
    whole = len(found) == len(cases)
    return found if whole and len({_circumstances(each) for each in found}) == 1 else []


def _circumstances(speed: Speed) -> Hashable:
    versions = tuple(sorted(speed.provenance.versions.items()))
    return speed.machine, versions, speed.images, speed.spec.backend, speed.spec.device


def _differing(cases: Sequence[Case]) -> list[str]:
    """Return the settings in which recipes differ: times follow them."""
    recipes = [asdict(case.recipe) for case in cases]
    return [key for key in (recipes or [{}])[0] if any(r[key] != recipes[0][key] for r in recipes)]


def on_ratio(statement: Ratio, evidence: Evidence, printed: Mapping[str, Interval]) -> Finding:
    """Judge a multiple: by its own range, or by that of the figures it was printed in."""
    costs = costs_of(statement.cases_named, statement.metric, evidence)
    if why := _why_nothing(statement, costs, evidence):
        return claims.on_statement(statement, "undecided", [why])
    found = of_ratio(costs.of[statement.case], costs.of[statement.over])
    theirs = None
    if statement.low is None and {statement.case, statement.over} <= printed.keys():
        theirs = of_ratio(printed[statement.case], printed[statement.over])
    outcome, because = _multiple(statement, found, theirs, costs)
    return claims.on_statement(
        statement,
        outcome,
        [because],
        short="Our own seconds give another multiple.",
        measured=f"{_times(found)}, {costs.n} {costs.unit}",
        interval=found,
        n=costs.n,
        **({"published": _times(theirs)} if theirs else {}),
    )


def _times(found: Interval) -> str:
    return words.around(found.estimate, found.low, found.high, " ×")


def _multiple(
    statement: Ratio, found: Interval, theirs: Interval | None, costs: Costs
) -> tuple[Label, str]:
    if statement.low is None and theirs is None:
        return "undecided", f"its source prints no {words.name(statement.metric)} of both"
    if not costs.comparable:
        return "not comparable", costs.told
    if theirs:
        seeds = LEAST_SEEDS if costs.exact else costs.n
        return judge_figure(found, theirs, seeds=seeds, better=None), costs.told
    check = Check(found=found, low=statement.low or 0, high=statement.high)
    return judge_statement([check], better=None), costs.told


def _why_nothing(statement: Ratio, costs: Costs, evidence: Evidence) -> str | None:
    """Return why a statement has to wait, if it has to."""
    unknown = [case for case in statement.cases_named if case not in costs.of]
    if missing := [case for case in unknown if not evidence.trained(case)]:
        return claims.awaited(missing)
    if unknown:
        return f"no {words.name(statement.metric)} of one machine for all of its cases"
    return None
