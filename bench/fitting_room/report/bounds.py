"""Bounds as text: what reference records suggest for ``bounds.toml``, and what each bound costs."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median, stdev

from fitting_room.format import MISSING, is_accuracy, name, number, shown, shown_difference
from fitting_room.judge import quality
from fitting_room.judge.interval import best_by
from fitting_room.judge.sequential import Price, chance, plans, price, setback, share
from fitting_room.judge.verdict import EPOCHS, Bound
from fitting_room.machine import PLATFORMS, USUAL, Platform, exclusive
from fitting_room.metrics import CURVES, METRICS, curve, is_own, known, of_epoch, own
from fitting_room.record import Record
from fitting_room.report.table import Table
from fitting_room.spec import TASKS, Case
from fitting_room.store.bounds import SMOKE, Bounds, table_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

QUALITY = {
    "test_accuracy": None,
    "test_loss": None,
    "training_accuracy": quality.BAND,
    "drop_in_training_loss": 4.0,
}
"""Metric → planned scatters to each side, where a change either way is a surprise; else None.

The drop is one number where a curve has many, so that a narrower band costs as few seeds; it is
what sees an optimizer that lost its momentum.
"""

DECIMALS = 5
"""The decimals of means and scatters; a scatter that rounds to nothing is none."""

SIGNIFICANT = 8
"""Digits of the mean and the scatter of a project's own metric, whose scale may be any."""

LEARNING_CURVE = "training_loss_by_epoch"
"""The quietest of what a trial measures, and the first to be known."""


def suggest(case: Case, records: Sequence[Record], platform: Platform = USUAL) -> str:
    """Return the case's table of bounds, from the completed ``records`` of at least two seeds.

    That of another platform than the usual one has no counts, which all share.
    """
    kept = [record for record in records if record.completed]
    if len(kept) < 2:
        return f"# {case.name}: {len(kept)} completed seeds; two are needed to know the scatter."
    table = table_of(case.name, platform)
    told = [metric for metric in own() if any(metric(record) is not None for record in kept)]
    bands = QUALITY | {m.name: quality.BAND if m.better == "neither" else None for m in told}
    lines = [_parameters(kept[0])] if platform == USUAL else []
    lines += [_quality(metric, kept, bands[metric]) for metric in bands]
    if TASKS[case.task].targets:
        lines.append(_epochs_to_target(case, kept))
    by_epoch = _curve(table, kept)
    if by_epoch.startswith("#"):
        lines, by_epoch = [*lines, by_epoch.strip()], ""
    # A comment at the end would be taken for one on what follows, and stay when this is replaced.
    lines.sort(key=lambda line: not line.startswith("#"))
    return "\n".join([f"[{table}]", *lines]) + "\n" + by_epoch


def counts(case: Case, records: Sequence[Record]) -> str:
    """Return the table of what a case counts, whatever it is trained on; empty if none knows."""
    lines = [_parameters(record) for record in records if record.completed][:1]
    return "\n".join([f"[{case.name}]", *lines, ""]) if lines else ""


def _parameters(record: Record) -> str:
    count = METRICS["parameters"](record)
    if count is None:
        return "# parameters: the trainer does not tell them."
    return f'parameters = {{ exactly = {count:_}, reason = "counted from the layers" }}'


def _quality(metric: str, records: Sequence[Record], band: float | None) -> str:
    values = [value for record in records if (value := METRICS[metric](record)) is not None]
    digits, least = f".{DECIMALS}f", 0.5 * 10.0**-DECIMALS
    if is_own(metric):  # on a scale that nobody here knows
        digits, least = f".{SIGNIFICANT}g", 10.0**-SIGNIFICANT * max(map(abs, values))
    if len(values) < len(records):
        return f"# {metric}: {len(values)} of {len(records)} seeds have it; a bound needs them all."
    if stdev(values) <= least:
        return f"# {metric}: the same for all {len(values)} seeds; more show its scatter."
    bound = quality.suggest(metric, values, band=band)
    limit = list(bound.limits) if bound.between else bound.limits[0]
    told = _reference(values, digits)
    return f'{metric} = {{ {bound.kind} = {limit}, {told}, reason = "{bound.reason}" }}'


def _reference(values: Sequence[float], digits: str = f".{DECIMALS}f") -> str:
    mean, sd = (f"{value:{digits}}" for value in (fmean(values), stdev(values)))
    return f"mean = {mean}, sd = {sd}, seeds = {len(values)}"


def _curve(table: str, records: Sequence[Record]) -> str:
    curves = (curve(record, LEARNING_CURVE) for record in records)
    seeds = [[value for value in each if value is not None] for each in curves]
    epochs = [*zip(*seeds)]  # noqa: B905 - as far as the shortest
    if not epochs:
        return ""
    if any(round(stdev(values), DECIMALS) == 0 for values in epochs):
        return f"# {LEARNING_CURVE}: an epoch is the same for all seeds; more show its scatter.\n"
    found = [quality.suggest(CURVES[LEARNING_CURVE], each, band=quality.BAND) for each in epochs]
    return f"""
[{table}.{LEARNING_CURVE}]
between = {[[*bound.limits] for bound in found]}
mean = [{", ".join(f"{bound.mean:.{DECIMALS}f}" for bound in found)}]
sd = [{", ".join(f"{bound.sd:.{DECIMALS}f}" for bound in found)}]
seeds = {len(records)}
reason = "{found[0].reason}, after each epoch"
"""


def _epochs_to_target(case: Case, records: Sequence[Record]) -> str:
    reached = [METRICS[EPOCHS](record) for record in records]
    found = [epoch for epoch in reached if epoch is not None]
    if never := len(reached) - len(found):
        reason = f"{never} of {len(reached)} reference seeds never reached it"
        return f'{EPOCHS} = {{ at_most = inf, reason = "{reason}" }}'
    limit = int(max(found)) + 1
    reason = f"one epoch more than the slowest of {len(reached)} reference seeds took"
    # Where training goes on beyond the target, the best values by an epoch scatter.
    aim = next(iter(TASKS[case.task].targets))
    curves = [[of_epoch(each, aim) for each in record.epochs] for record in records]
    best = [value for curve in curves if (value := best_by(curve, limit)) is not None]
    scatters = len(set(best)) > 1 and not case.recipe.stop_at_accuracy
    reference = f"{_reference(best)}, " if scatters else ""
    return f'{EPOCHS} = {{ at_most = {limit}, {reference}reason = "{reason}" }}'


HEADER = re.compile(r"^[ \t]*\[[^\[\],\n]+\][ \t]*(?:#.*)?$", re.MULTILINE)
"""The line that a table of TOML begins with."""


Keys = tuple[str, ...]


def keys_of(header: str) -> Keys:
    """Return the keys in the header of a table: ``("case", "smoke")``."""
    table, keys = tomllib.loads(header), Keys()
    while table:
        ((key, table),) = table.items()
        keys += (key,)
    return keys


COMMENTS = re.compile(r"(?:^[ \t]*#.*\n)+\Z", re.MULTILINE)


def edited(text: str, edit: Callable[[Keys, str], str], wanted: Mapping[str, object]) -> str:
    """Return TOML with each table, the comment right above it included, as ``edit`` returns it.

    Raises a ValueError where it would not hold just what is wanted.
    """
    found = "".join(edit(keys, table) for keys, table in _commented(text))
    if tomllib.loads(found) != wanted:
        raise ValueError("it is written in another way")
    return found


def _commented(text: str) -> Iterator[tuple[Keys, str]]:
    start, keys = 0, Keys()
    for header in HEADER.finditer(text):
        above = COMMENTS.search(text, start, header.start())
        end = above.start() if above else header.start()
        yield keys, text[start:end]
        start, keys = end, keys_of(header[0])
    yield keys, text[start:]


def propose(text: str, tables: Mapping[str, str]) -> str:
    """Return the text of a file of bounds with some tables of cases replaced.

    Args:
        text: The whole file. What stands before a table, and between tables, is kept.
        tables: Name of a table, of a case or of one on another platform → its text with its
            curves. One that is not there comes after the others of its case, or at the end.
    """
    parts = _parts(text)
    for table, content in tables.items():
        found = [at for at, (name, _) in enumerate(parts) if name == table]
        case = f"{table.partition('.')[0]}."
        family = [at for at, (name, _) in enumerate(parts) if f"{name}.".startswith(case)]
        own = content.strip() + "\n"
        for at in found:
            parts[at] = table, (own if at == found[0] else "") + _after(parts[at][1])
        if family and not found:
            before, after = parts[family[-1]][1], _after(parts[family[-1]][1])
            whole = before.removesuffix(after).rstrip("\n")
            parts[family[-1]] = parts[family[-1]][0], f"{whole}\n"
            parts.insert(family[-1] + 1, (table, f"\n{own}{after}"))
        elif not found:
            parts.append((table, f"\n{own}"))
    return "".join(part for _, part in parts)


def tables_in(text: str) -> set[str]:
    """Return the names of the tables in a file of bounds, as ``propose`` has them."""
    return {name for name, _ in _parts(text)}


def _parts(text: str) -> list[tuple[str, str]]:
    """Return each table that a calibration writes, or leaves alone, with its curves below it."""
    starts = [("", 0)]
    for header in HEADER.finditer(text):
        case, *inner = keys_of(header[0])
        table = ".".join([case, *(key for key in inner[:1] if key == SMOKE or key in PLATFORMS)])
        if table != starts[-1][0]:
            starts.append((table, header.start()))
    ends = [*(start for _, start in starts[1:]), len(text)]
    return [(table, text[start:end]) for (table, start), end in zip(starts, ends, strict=True)]


def _after(part: str) -> str:
    """Return the empty lines and comments at the end of a part: they belong to what follows."""
    lines = part.splitlines(keepends=True)
    while lines and (lines[-1].isspace() or lines[-1].startswith("#")):
        lines.pop()
    return part[sum(map(len, lines)) :]


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

    @property
    def rank(self) -> tuple[float, float]:
        """The sharpest first, and what has no effort behind them by setback alone."""
        return (math.inf if math.isnan(self.effort) else self.effort, self.setback)


def priced(bounds: Bounds, records: Mapping[str, Sequence[Record]]) -> list[Priced]:
    """Return every bound that has a reference, in the order of the file, with its price.

    All bounds of the file share the error of a run; ``records`` are references, by case.
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
            after = min(last, known(metric).known_after or last)
            yield _price(case, bound, records, alpha=alpha, epoch=after)
    for bands in bounds.curves.get(case, {}).values():
        each = alpha / len(bands.epochs)
        for epoch, bound in enumerate(bands.epochs[:last], start=1):
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
    setback = f"> {MUCH}" if one.setback > MUCH else f"{one.setback:.2g}"
    return (
        one.case,
        name(one.metric),
        bound.words,
        f"{shown(bound.metric, bound.mean or 0)} ± {spread} ({bound.reference_seeds})",
        chance(cost.false_alarm),
        f"±{catches[1:]}" if bound.between else catches,
        MISSING if math.isnan(one.setback) else setback,
        f"{round(cost.seeds, 1):g}",
        number(one.seconds, 0),
        MISSING if math.isnan(one.effort) else _two_figures(one.effort),
    )


def _two_figures(effort: float) -> str:
    return f"{effort:.2g}" if effort < 10 else f"{effort:.0f}"


def sharpest(found: Sequence[Priced]) -> list[Priced]:
    """Return one row for each bound: of a curve, the epoch that sees most for a second."""
    best: dict[tuple[str, str], Priced] = {}
    for one in found:
        key = (one.case, one.metric.partition(",")[0] if one.of_curve else one.metric)
        best[key] = min(best.get(key, one), one, key=lambda each: each.rank)
    return list(best.values())


def choices(found: Sequence[Priced]) -> list[str]:
    """Return a line for each case: its sharpest test metric and its sharpest training metric."""
    return [
        f"{case}: {_best(found, case, 'test')}, {_best(found, case, 'training')}"
        for case in dict.fromkeys(one.case for one in found)
    ]


def _best(found: Sequence[Priced], case: str, kind: str) -> str:
    of_case = [one for one in found if one.case == case]
    of_kind = [one for one in of_case if one.metric.startswith("test_") == (kind == "test")]
    best = min(of_kind, key=lambda one: one.rank, default=None)
    if best is None or math.isnan(best.effort):
        return f"no {kind} metric (none has such a product)"
    return f"{name(best.metric)} ({_two_figures(best.effort)})"
