"""Statements judged: what each kind measures, and the range that it claims."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from fitting_room import format as words
from fitting_room.analysis.evidence import COUNTS, Evidence, costs_of, short
from fitting_room.format import Interval
from fitting_room.judge.interval import (
    LEVEL,
    epochs_to_target,
    first_epoch,
    of_contrast,
    of_ranges,
    of_ratio,
)
from fitting_room.judge.verdict import (
    LEAST_SEEDS,
    Check,
    ClaimLabel,
    as_printed,
    judge_figure,
    judge_statement,
    with_its_source,
)
from fitting_room.metrics import known
from fitting_room.store.claims import (
    AnyStatement,
    Difference,
    Diminishing,
    Opinion,
    Order,
    Ratio,
    Reach,
    Turn,
)

NO_RECORDS = "no reference records yet"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What became of a claim, and in which words."""

    label: ClaimLabel
    because: str
    measured: str = ""
    """The figure with scatter and n; empty where nothing was measured."""
    interval: Interval | None = None
    """The range of a new seed, or the confidence interval of a mean."""
    n: int = 0
    short: str = "The 95 % interval lies outside what it says."
    """Why it is not reproduced, if it is not, in a sentence that other claims may share."""
    published: str = ""
    """What it is held against, if not against what the claim itself has."""


def undecided(because: str) -> Judgement:
    """Return that a claim cannot be decided yet, and why."""
    return Judgement(label="undecided", because=because)


Printed = Mapping[str, Interval]
"""Case → the figure that the same source prints in its tables."""


def judge(statement: AnyStatement, evidence: Evidence, printed: Printed) -> Judgement:
    """Judge a statement by the records, and by what its own source prints."""
    if isinstance(statement, Difference | Order):
        return _on_means(statement, evidence, printed)
    if isinstance(statement, Diminishing) and statement.of_cases:
        return _on_means(statement, evidence, printed)
    if isinstance(statement, Ratio):
        return _on_ratio(statement, evidence, printed)
    if isinstance(statement, Opinion):
        return Judgement(label="not comparable", because="no measurement decides it")
    if not evidence.trained(statement.case or ""):
        return undecided(_awaited(statement.cases_named))
    if isinstance(statement, Diminishing):
        return _on_epochs(statement, evidence)
    return _on_event(statement, evidence)


def _awaited(cases: Sequence[str]) -> str:
    return f"{NO_RECORDS} of {words.listed([short(case) for case in cases])}"


def _sign(metric: str) -> float:
    return 1.0 if known(metric).better == "higher" else -1.0


Means = Difference | Order | Diminishing


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One thing that a statement says: a sum of means over cases lies in a range."""

    of: str
    """What it is said of, in words."""
    weights: Mapping[str, float]
    """Case → its weight in the sum."""
    low: float = 0
    high: float = math.inf

    def of_means(self, metric: str, evidence: Evidence, *, of: int) -> Check | None:
        """Hold the records to it; ``of`` is how many such intervals are to hold together."""
        samples = [evidence.values(case, metric) for case in self.weights]
        if not all(samples):
            return None
        level = 1 - (1 - LEVEL) / of
        found = of_contrast(samples, list(self.weights.values()), level=level)
        return Check(found=found, low=self.low, high=self.high)

    def of_figures(self, printed: Printed) -> Check | None:
        """Hold to it what its own source prints."""
        if not self.weights.keys() <= printed.keys():
            return None
        figures = [printed[case] for case in self.weights]
        found = of_ranges(figures, list(self.weights.values()))
        return Check(found=found, low=self.low, high=self.high)


def asked(statement: Means) -> list[Asked]:
    """Return what a statement says of the means of cases."""
    sign = _sign(statement.metric)
    if isinstance(statement, Difference):
        claimed = as_printed(statement.published, statement.low, statement.high)
        ends = {"low": claimed.low, "high": claimed.high}
        return [
            Asked(of=short(case), weights={case: 1, statement.over: -1}, **ends)
            for case in statement.cases
        ]
    if isinstance(statement, Order):
        pairs = zip(statement.cases, statement.cases[1:], strict=False)
        return [
            Asked(of=f"{short(a)} over {short(b)}", weights={a: sign, b: -sign}) for a, b in pairs
        ]
    first, second, *_, before, last = [*statement.cases[:2], *statement.cases[-2:]]
    weights: dict[str, float] = {}
    for case, weight in ((second, sign), (first, -sign), (last, -sign), (before, sign)):
        weights[case] = weights.get(case, 0) + weight
    return [Asked(of="the first step over the last", weights=weights)]


Checks = list[tuple[Asked, Check]]


def _on_means(statement: Means, evidence: Evidence, printed: Printed) -> Judgement:
    """Judge by sums of means: the 95 % intervals of all things that it says hold together."""
    things, metric = asked(statement), statement.metric
    own = [(each, check) for each in things if (check := each.of_figures(printed))]
    refuted = [(each, check) for each, check in own if check.place in ("above", "below")]
    by_itself = f"its own figures have {_told(metric, refuted)}" if refuted else ""
    missing = [case for case in statement.cases_named if not evidence.trained(case)]
    if missing:
        label = with_its_source("undecided", contradicted=bool(refuted))
        because = "; ".join(filter(None, [by_itself, _awaited(missing)]))
        return Judgement(label=label, because=because)
    count = len(things)
    checks = [(e, check) for e in things if (check := e.of_means(metric, evidence, of=count))]
    way = known(metric).better if isinstance(statement, Difference) else "neither"
    label = judge_statement([check for _, check in checks], better=way)
    # A verdict rests on all that agrees, or else on what does not.
    decisive = checks
    if label != "reproduced":
        decisive = [(each, check) for each, check in checks if check.place != "inside"]
    n = min(len(evidence.values(case, metric)) for case in statement.cases_named)
    return Judgement(
        label=with_its_source(label, contradicted=bool(refuted)),
        because="; ".join(filter(None, [f"here {_told(metric, decisive)}", by_itself])),
        measured=f"{_measured(statement, evidence, checks)} ({n})",
        interval=checks[0][1].found if len(checks) == 1 else None,
        n=n,
    )


def _told(metric: str, checks: Checks) -> str:
    told = [f"{each.of} {words.signed(metric, check.found)}" for each, check in checks]
    return words.listed(told) + known(metric).points


def _measured(statement: Means, evidence: Evidence, checks: Checks) -> str:
    if not isinstance(statement, Order):
        return words.between(statement.metric, [check.found.estimate for _, check in checks])
    sign = _sign(statement.metric)
    means = {c: sign * fmean(evidence.values(c, statement.metric)) for c in statement.cases}
    best_first = sorted(means, key=means.__getitem__, reverse=True)
    return ", ".join(short(case) for case in best_first)


def _on_ratio(statement: Ratio, evidence: Evidence, printed: Printed) -> Judgement:
    """Judge a multiple: by its own range, or by that of the figures it was printed in."""
    costs = costs_of(statement.cases_named, statement.metric, evidence)
    unknown = [case for case in statement.cases_named if case not in costs.of]
    if missing := [case for case in unknown if not evidence.trained(case)]:
        return undecided(_awaited(missing))
    metric = words.name(statement.metric)
    if unknown:
        return undecided(f"no {metric} of one machine for all of its cases")
    if min(interval.low for interval in costs.of.values()) <= 0:
        return undecided(f"{metric} may be zero by these seeds: no multiple is known")
    found = of_ratio(costs.of[statement.case], costs.of[statement.over])
    theirs = None
    if statement.low is None and {statement.case, statement.over} <= printed.keys():
        theirs = of_ratio(printed[statement.case], printed[statement.over])
    label: ClaimLabel = "not comparable"
    because = costs.told
    if statement.low is None and theirs is None:
        label = "undecided"
        because = f"its source prints no {metric} of both"
    elif costs.comparable and theirs:
        enough = LEAST_SEEDS if statement.metric in COUNTS else costs.n
        label = judge_figure(found, theirs, seeds=enough)
    elif costs.comparable:
        check = Check(found=found, low=statement.low or 0, high=statement.high)
        label = judge_statement([check])
    return Judgement(
        label=label,
        because=because,
        short=f"Our own {'figures' if costs.unit == 'seeds' else 'seconds'} give another multiple.",
        measured=f"{_times(found)}, {costs.n} {costs.unit}",
        interval=found,
        n=costs.n,
        published=_times(theirs) if theirs else "",
    )


def _times(found: Interval) -> str:
    return words.around(found.estimate, found.low, found.high, " ×")


def _on_epochs(statement: Diminishing, evidence: Evidence) -> Judgement:
    """Judge how much more an epoch gains before the middle one than after it, seed by seed."""
    sign, metric = _sign(statement.metric), statement.metric
    early, middle, late = statement.epochs
    case = statement.case or ""
    gains = [
        sign * ((b - a) / (middle - early) - (c - b) / (late - middle))
        for curve in evidence.curves(case, metric)
        if len(curve) >= late
        for a, b, c in [(curve[early - 1], curve[middle - 1], curve[late - 1])]
        if a is not None and b is not None and c is not None
    ]
    if not gains:
        return undecided(f"no seed was trained for {late} epochs")
    found = of_contrast([gains], [1.0])
    gain = f"{words.signed(metric, found)}{known(metric).points}"
    return Judgement(
        label=judge_statement([Check(found=found, low=0, high=math.inf)]),
        because=f"an epoch up to {middle} gains more than one from there to {late} by {gain}",
        measured=gain,
        interval=found,
        n=len(evidence.trained(case)),
    )


def _on_event(statement: Turn | Reach, evidence: Evidence) -> Judgement:
    """Judge when something comes about: the interval of its median over the seeds."""
    metric = words.name(statement.metric)
    curves = evidence.curves(statement.case, statement.metric)
    if not curves:
        return undecided(f"no seed has {metric} by epoch")
    if isinstance(statement, Turn):
        events = [_turn(curve, statement.metric) for curve in curves]
        first, last = statement.low, statement.high
        event = f"{metric} is best after epoch"
    else:
        events = [first_epoch(curve, statement.target) for curve in curves]
        first, last = 0, statement.by
        event = f"{100 * statement.target:g} % {metric} at epoch"
    found = epochs_to_target(events, watched=[len(curve) for curve in curves])
    low, high = found.interval
    # What was not seen by the last epoch comes after it, and a turn perhaps with it: no later
    # epoch is excluded by not having been watched.
    seen = found.horizon + isinstance(statement, Reach)
    interval = Interval(estimate=found.median, low=min(low, seen), high=high)
    check = Check(found=interval, low=first - 0.5, high=last + 0.5)  # epochs are whole numbers
    return Judgement(
        label=judge_statement([check]),
        because=f"{event} {found.words} seeds (median, 95 % interval)",
        measured=found.words,
        interval=interval,
        n=found.n,
    )


def _turn(curve: Sequence[float | None], metric: str) -> int | None:
    """Return the epoch of the best value; None where it is the last, so that no turn was seen."""
    signed = [-math.inf if value is None else _sign(metric) * value for value in curve]
    best = signed.index(max(signed)) + 1
    return best if best < len(curve) else None
