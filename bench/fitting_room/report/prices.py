"""What each bound costs, and what change it catches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

from fitting_room.format import MISSING, is_accuracy, name, number, shown, shown_difference
from fitting_room.judge.sequential import Price, chance, plans, price, setback, share
from fitting_room.judge.verdict import EPOCHS, Bound
from fitting_room.machine import exclusive
from fitting_room.metrics import KNOWN_AFTER, of_epoch
from fitting_room.record import Record
from fitting_room.report.table import Table
from fitting_room.store.bounds import Bounds

LEAST, MOST = 1, 6
"""Seeds of a run in the accept tier."""

MUCH = 10
"""Epochs of training beyond which a setback is no scale any more: the curve is flat, or turned."""

HEADINGS = (
    *("case", "metric", "bound", "reference", "unchanged fails"),
    *("catches", "in epochs", "seeds", "seconds", "epochs × seconds"),
)


@dataclass(frozen=True, kw_only=True)
class Priced:
    """One bound with its price; of a curve, one epoch's band."""

    case: str
    metric: str
    of_curve: bool = False
    """Whether it is one epoch of a curve."""
    bound: Bound
    price: Price
    setback: float
    """Smallest change caught, in epochs of training; inf where the metric moves no more, NaN where
    it is none that every epoch has."""
    seconds: float | None
    """The seconds until unchanged code has passed; None where no trial was timed."""

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
    alpha = share(max(bounds.assertions, 1))
    cases = [case for case in bounds.tables if case in records]
    return [one for case in cases for one in _of_case(case, bounds, records[case], alpha)]


def _of_case(
    case: str, bounds: Bounds, records: Sequence[Record], alpha: float
) -> Iterator[Priced]:
    last = min(len(record.epochs) for record in records)  # a recipe may stop at its target
    for metric, bound in bounds.tables[case].items():
        if bound.has_reference and metric != EPOCHS:  # whose reference is another metric's
            known = min(last, KNOWN_AFTER.get(metric, last))
            yield _price(case, bound, records, alpha=alpha, epoch=known)
    for curve in bounds.curves.get(case, {}).values():
        each = alpha / len(curve.epochs)
        for epoch, bound in enumerate(curve.epochs[:last], start=1):
            found = _price(case, bound, records, alpha=each, epoch=epoch)
            yield replace(found, metric=f"{bound.metric}, epoch {epoch}", of_curve=True)


def _price(
    case: str, bound: Bound, records: Sequence[Record], *, alpha: float, epoch: int
) -> Priced:
    found = price(plans(bound, alpha=alpha, least=LEAST, most=MOST))
    timed = [sum(e.seconds for e in r.epochs[:epoch]) for r in records if exclusive(r)]
    curves = [[of_epoch(each, bound.metric) for each in record.epochs] for record in records]
    columns = zip(*curves)  # noqa: B905 - as far as the shortest goes
    means = [fmean(column) for column in columns if None not in column]
    return Priced(
        case=case,
        metric=bound.metric,
        bound=bound,
        price=found,
        setback=setback(found.catches, means, epoch) if means else math.nan,
        seconds=median(timed) * found.seeds if timed else None,
    )


def table(found: Sequence[Priced], notes: Sequence[str] = ()) -> str:
    """Return the bounds as a GitHub-flavoured table."""
    return Table(HEADINGS, [_cells(one) for one in found], notes, align="llllllldl").markdown()


def _cells(one: Priced) -> tuple[str, ...]:
    bound, cost, sd = one.bound, one.price, one.bound.sd or 0.0
    sign = 1 if bound.at_most is None else -1
    catches = shown_difference(bound.metric, -sign * cost.catches)
    spread = f"{100 * sd:.2f}" if is_accuracy(bound.metric) else f"{sd:.4f}"
    return (
        one.case,
        name(one.metric),
        bound.words,
        f"{shown(bound.metric, bound.mean or 0)} ± {spread} ({bound.reference_seeds})",
        chance(cost.false_alarm),
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


def sharpest(found: Sequence[Priced]) -> list[Priced]:
    """Return one row for each bound: of a curve, the epoch that sees most for a second."""
    best: dict[tuple[str, str], Priced] = {}
    for one in found:
        key = (one.case, one.metric.partition(",")[0] if one.of_curve else one.metric)
        best[key] = min(best.get(key, one), one, key=_rank)
    return list(best.values())


def choices(found: Sequence[Priced]) -> list[str]:
    """Return a line for each case: its sharpest test metric and its sharpest training metric."""
    cases: dict[str, list[Priced]] = {}
    for one in found:
        cases.setdefault(one.case, []).append(one)
    return [f"{case}: {_best(of, 'test')}, {_best(of, 'training')}" for case, of in cases.items()]


def _best(found: Sequence[Priced], kind: str) -> str:
    mine = [one for one in found if one.metric.startswith("test_") == (kind == "test")]
    best = min((one for one in mine if not math.isnan(one.effort)), key=_rank, default=None)
    if best is None:
        return f"no {kind} metric (none has such a product)"
    return f"{name(best.metric)} ({shown_effort(best.effort)})"


def _rank(one: Priced) -> tuple[float, float]:
    """Sort by effort, and what has none behind it by setback alone."""
    return (math.inf if math.isnan(one.effort) else one.effort, one.setback)
