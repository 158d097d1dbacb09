"""What each bound costs and sees: the table that a reviewer of ``bounds.toml`` wants beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

from tabulate import tabulate

from bench.harness.disturbed import exclusive
from bench.harness.judge.bound import Bound
from bench.harness.judge.curve import Curve
from bench.harness.judge.evidence import percent
from bench.harness.judge.family import share
from bench.harness.judge.plan import plans
from bench.harness.judge.price import Price, price, setback
from bench.harness.judge.quality import EPOCHS
from bench.harness.judge.words import is_accuracy, shown, shown_difference
from bench.harness.metrics import KNOWN_AFTER
from bench.harness.record import Record
from bench.harness.store.bounds import Bounds

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
    curves = [[getattr(epoch, metric, None) for epoch in record.epochs] for record in records]
    columns = zip(*curves)  # noqa: B905 - as far as the shortest goes
    return [fmean(column) for column in columns if None not in column]


def table(found: Sequence[Priced]) -> str:
    """Return the bounds as a GitHub-flavoured table."""
    return tabulate([_cells(one) for one in found], headers=HEADINGS, tablefmt="github")


def _cells(one: Priced) -> tuple[str, ...]:
    bound, cost = one.bound, one.price
    sign = 1 if is_accuracy(bound.metric) or bound.between else -1
    catches = shown_difference(bound.metric, -sign * cost.catches)
    return (
        one.case,
        one.metric.replace("_", " "),
        bound.words,
        f"{shown(bound.metric, bound.mean or 0)} ± {_spread(bound)} ({bound.reference_seeds})",
        percent(cost.false_alarm),
        f"±{catches[1:]}" if bound.between else catches,
        _epochs(one.setback),
        f"{cost.seeds:.1f}",
        "—" if one.seconds is None else f"{one.seconds:.0f}",
        shown_effort(one.effort),
    )


def shown_effort(effort: float) -> str:
    """Return an effort with two figures, or a dash where there is none."""
    if math.isnan(effort):
        return "—"
    return f"{effort:.2g}" if effort < 10 else f"{effort:.0f}"


def _epochs(setback: float) -> str:
    if math.isnan(setback):
        return "—"
    return f"> {MUCH}" if setback > MUCH else f"{setback:.2g}"


def _spread(bound: Bound) -> str:
    sd = bound.sd or 0.0
    return f"{100 * sd:.2f}" if is_accuracy(bound.metric) else f"{sd:.4f}"
