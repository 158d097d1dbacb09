"""Verdicts as a person reads them, and the price of each bound."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

from fitting_room.analysis.rows import SEVERITY
from fitting_room.format import MISSING, is_accuracy, name, number, shown, shown_difference
from fitting_room.judge.price import BRIEF, Price, in_brief, percent, price, setback
from fitting_room.judge.quality import Curve
from fitting_room.judge.sequential import plans, share
from fitting_room.judge.verdict import EPOCHS, Bound, Verdict
from fitting_room.machine import exclusive
from fitting_room.metrics import KNOWN_AFTER, METRICS, of_epoch
from fitting_room.record import Record
from fitting_room.report.ci import Judged
from fitting_room.report.progress import Screen
from fitting_room.report.table import Table
from fitting_room.store.bounds import Bounds

APART = "not comparable"
WIDTH = max(map(len, SEVERITY))


def in_order(judged: Sequence[Judged]) -> list[Judged]:
    """Return what was judged in the order of the metrics, whichever worker was done first."""
    order = {metric: place for place, metric in enumerate(METRICS)}

    def place(one: Judged) -> tuple[int, str]:
        metric = one.verdict.metric if one.verdict else ""
        return order.get(metric, len(order)), metric

    return sorted(judged, key=place)


def verdict_lines(
    judged: Mapping[str, Sequence[Judged]], screen: Screen, *, unjudged: int = 0
) -> list[str]:
    """Return the headline and the lines of every case, or nothing where nothing was judged.

    Args:
        judged: Case → what its tests said, in the order to be shown.
        screen: Quiet, it leaves out cases that met all; verbose, it has the evidence of all below
            their case. Else that of bounds that are met comes last, in brief.
        unjudged: Tests that failed without a verdict.
    """
    verdicts = [one.verdict for each in judged.values() for one in each if one.verdict]
    headline = [_headline(verdicts, screen)] if verdicts else []
    if unjudged:
        tests = f"{unjudged} test{'s' if unjudged > 1 else ''}"
        headline.append(screen.outcome(f"{tests} failed without a verdict", "fail"))
    cases = [line for case, each in judged.items() for line in _case(case, each, screen)]
    if screen.verbosity == 0:
        cases += [*_incomparable(verdicts, screen), *_passed(judged, screen)]
    return [*headline, *cases]


def _headline(verdicts: Sequence[Verdict], screen: Screen) -> str:
    counts = Counter(verdict.outcome for verdict in verdicts)
    worst = _worst(verdicts)
    told = ", ".join(f"{counts[o]} {o}" for o in SEVERITY if counts[o])  # type: ignore[index]
    total = f"{len(verdicts)} bound{'s' if len(verdicts) > 1 else ''}"
    return screen.mark(screen.outcome(f"{total}: {told}", worst), bold=True)


def _worst(verdicts: Sequence[Verdict]) -> str:
    return min((verdict.outcome for verdict in verdicts), key=SEVERITY.index)


def _case(case: str, judged: Sequence[Judged], screen: Screen) -> list[str]:
    """A case is as good as the worst of the bounds that it could be held to."""
    verdicts = [one.verdict for one in judged if one.verdict]
    held = [verdict for verdict in verdicts if verdict.outcome != APART]
    met = sum(verdict.passed for verdict in held)
    if not verdicts or (screen.verbosity < 0 and met == len(held)):
        return []
    worst = _worst(held or verdicts)
    told = f"{met} of {len(held)} bounds met" if held else ""
    apart = f"{len(verdicts) - len(held)} {APART}" if len(held) < len(verdicts) else ""
    outcome = screen.outcome(f"{worst:{WIDTH}}", worst)
    return [
        f"{outcome}  {case}: {', '.join(filter(None, (told, apart)))}",
        *(
            _reason(one.verdict, screen, explained=one.explained)
            for one in judged
            if one.verdict and (screen.verbosity > 0 or one.verdict.outcome not in ("pass", APART))
        ),
    ]


def _incomparable(verdicts: Sequence[Verdict], screen: Screen) -> list[str]:
    """Return a line a reason, for it is mostly the same for all."""
    reasons: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.outcome == APART:
            reasons.setdefault(verdict.reason, []).append(verdict.metric)
    told = (
        f"{APART}, as {why}: {', '.join(dict.fromkeys(metrics))}"
        for why, metrics in reasons.items()
    )
    return [screen.outcome(screen.folded(each, rest="    "), APART) for each in told]


def _reason(verdict: Verdict, screen: Screen, *, explained: bool) -> str:
    """Return a verdict's evidence, or its figure and bound where pytest has told the evidence."""
    said = f"{_value(verdict)}, bound {verdict.against}" if explained else verdict.reason
    text = screen.folded(f"{verdict.metric} {verdict.outcome}: {said}", first="    ", rest=" " * 8)
    return text.replace(
        f" {verdict.outcome}:", f" {screen.outcome(verdict.outcome, verdict.outcome)}:", 1
    )


def _value(verdict: Verdict) -> str:
    if verdict.estimate is None:
        return f"no value (n={verdict.n})"
    return f"{shown(verdict.metric, verdict.estimate)} (n={verdict.n})"


def _passed(judged: Mapping[str, Sequence[Judged]], screen: Screen) -> list[str]:
    """Return the evidence of each bound that is met, in brief, a line each."""
    met = {
        case: [one.verdict for one in each if one.verdict and one.verdict.passed]
        for case, each in judged.items()
    }
    verdicts = [verdict for each in met.values() for verdict in each]
    if not verdicts:
        return []
    width = max(len(verdict.metric) for verdict in verdicts)
    weighed = any("log-likelihood" in verdict.reason for verdict in verdicts)
    lines = [screen.folded(f"What passed: {BRIEF}." if weighed else "What passed:", rest="    ")]
    for case, each in met.items():
        lines += [case] if each else []
        lines += [
            screen.folded(in_brief(v.reason), first=f"  {v.metric:{width}}  ", rest=" " * 8)
            for v in each
        ]
    return ["", *lines]


LEAST, MOST = 1, 6
"""Seeds of a run in the accept tier."""

MUCH = 10
"""Epochs of training beyond which a setback is no scale any more: the curve is flat, or turned."""

HEADINGS = (
    "case",
    "metric",
    "bound",
    "reference",
    "unchanged fails",
    "catches",
    "in epochs",
    "seeds",
    "seconds",
    "epochs × seconds",
)


@dataclass(frozen=True, kw_only=True)
class Priced:
    """One bound with its price; of a curve, one epoch's band."""

    case: str
    metric: str
    of_curve: bool
    """Whether it is one epoch of a curve."""
    bound: Bound
    price: Price
    setback: float
    """Smallest change caught, in epochs of training; inf where the metric moves no more, NaN where
    it is none that every epoch has."""
    seconds: float | None
    """Of training until unchanged code has passed; None where no trial was timed."""

    @property
    def effort(self) -> float:
        """Setback that is caught times seconds that it takes: the less, the sharper for its price.

        It is NaN where there is no scale for it: the metric is none that every epoch has, moves no
        more, or was not timed.
        """
        known = self.seconds is not None and self.setback <= MUCH
        return self.setback * (self.seconds or 0.0) if known else math.nan


def priced(bounds: Bounds, records: Mapping[str, Sequence[Record]]) -> list[Priced]:
    """Return every bound that has a reference, in the order of the file, with its price.

    Args:
        bounds: All of the file: they share the error of a run.
        records: Case → its reference records.
    """
    alpha = share(bounds.assertions)
    cases = [case for case in bounds.tables if case in records]
    return [one for case in cases for one in _of_case(case, bounds, records[case], alpha)]


def _of_case(
    case: str, bounds: Bounds, records: Sequence[Record], alpha: float
) -> Iterator[Priced]:
    for metric, bound in bounds.tables[case].items():
        if bound.has_reference and metric != EPOCHS:  # whose reference is another metric's
            last = min(len(record.epochs) for record in records)
            known = min(last, KNOWN_AFTER.get(metric, last))
            yield _price(case, metric, bound, records, alpha=alpha, epoch=known)
    for curve in bounds.curves.get(case, {}).values():
        yield from _of_curve(case, curve, records, alpha)


def _of_curve(case: str, curve: Curve, records: Sequence[Record], alpha: float) -> Iterator[Priced]:
    each = alpha / len(curve.epochs)
    reached = min(len(record.epochs) for record in records)  # a recipe may stop at its target
    for epoch, bound in enumerate(curve.epochs[:reached], start=1):
        found = _price(case, bound.metric, bound, records, alpha=each, epoch=epoch)
        yield replace(found, metric=f"{bound.metric}, epoch {epoch}", of_curve=True)


def _price(
    case: str, metric: str, bound: Bound, records: Sequence[Record], *, alpha: float, epoch: int
) -> Priced:
    found = price(plans(bound, alpha=alpha, least=LEAST, most=MOST))
    timed = [[e.seconds for e in r.epochs[:epoch]] for r in records if exclusive(r)]
    means = _means(metric, records)
    return Priced(
        case=case,
        metric=metric,
        of_curve=False,
        bound=bound,
        price=found,
        setback=setback(found.catches, means, epoch) if means else math.nan,
        seconds=median(map(sum, timed)) * found.seeds if timed else None,
    )


def _means(metric: str, records: Sequence[Record]) -> list[float]:
    curves = [[of_epoch(epoch, metric) for epoch in record.epochs] for record in records]
    columns = zip(*curves)  # noqa: B905 - as far as the shortest goes
    return [fmean(column) for column in columns if None not in column]


def table(found: Sequence[Priced], notes: Sequence[str] = ()) -> str:
    """Return the bounds as a GitHub-flavoured table."""
    return Table(HEADINGS, [_cells(one) for one in found], notes, align="llllllldl").markdown()


def _cells(one: Priced) -> tuple[str, ...]:
    bound, cost = one.bound, one.price
    sign = 1 if bound.at_most is None else -1
    catches = shown_difference(bound.metric, -sign * cost.catches)
    return (
        one.case,
        name(one.metric),
        bound.words,
        f"{shown(bound.metric, bound.mean or 0)} ± {_spread(bound)} ({bound.reference_seeds})",
        percent(cost.false_alarm),
        f"±{catches[1:]}" if bound.between else catches,
        _epochs(one.setback),
        f"{round(cost.seeds, 1):g}",
        number(one.seconds, 0),
        shown_effort(one.effort),
    )


def shown_effort(effort: float) -> str:
    """Return an effort with two figures, or a dash where there is none."""
    if math.isnan(effort):
        return MISSING
    return f"{effort:.2g}" if effort < 10 else f"{effort:.0f}"


def _epochs(setback: float) -> str:
    if math.isnan(setback):
        return MISSING
    return f"> {MUCH}" if setback > MUCH else f"{setback:.2g}"


def _spread(bound: Bound) -> str:
    sd = bound.sd or 0.0
    return f"{100 * sd:.2f}" if is_accuracy(bound.metric) else f"{sd:.4f}"


def sharpest(found: Sequence[Priced]) -> list[Priced]:
    """Return one row for each bound: of a curve, the epoch that sees most for a second."""
    best: dict[tuple[str, str], Priced] = {}
    for one in found:
        name = (one.case, one.metric.partition(",")[0] if one.of_curve else one.metric)
        best[name] = min(best.get(name, one), one, key=_rank)
    return list(best.values())


def choices(found: Sequence[Priced]) -> list[str]:
    """Return a line for each case: its sharpest test metric and its sharpest training metric."""
    cases: dict[str, list[Priced]] = {}
    for one in found:
        cases.setdefault(one.case, []).append(one)
    return [f"{case}: {_best(of, 'test')}, {_best(of, 'training')}" for case, of in cases.items()]


def _best(found: Sequence[Priced], kind: str) -> str:
    mine = [one for one in found if one.metric.startswith("test_") == (kind == "test")]
    scaled = [one for one in mine if not math.isnan(one.effort)]
    if not scaled:
        return f"no {kind} metric (none has such a product)"
    best = min(scaled, key=_rank)
    return f"{name(best.metric)} ({shown_effort(best.effort)})"


def _rank(one: Priced) -> tuple[float, float]:
    """Sort by effort, and what has none behind it by setback alone."""
    return (math.inf if math.isnan(one.effort) else one.effort, one.setback)
