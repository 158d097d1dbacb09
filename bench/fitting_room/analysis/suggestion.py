"""Bounds that reference records suggest, as a change to ``bounds.toml`` to be reviewed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from fitting_room.judge import quality
from fitting_room.judge.interval import best_by
from fitting_room.metrics import CURVES, METRICS, curve, is_own, of_epoch, own
from fitting_room.record import Record
from fitting_room.spec import TASKS, Case

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


def suggest(case: Case, records: Sequence[Record]) -> str:
    """Return the case's table of bounds, from the completed ``records`` of at least two seeds."""
    kept = [record for record in records if record.completed]
    if len(kept) < 2:
        return f"# {case.name}: {len(kept)} completed seeds; two are needed to know the scatter."
    lines = [_parameters(kept[0])]
    lines += [_quality(metric, kept, band) for metric, band in _bands(kept).items()]
    if TASKS[case.task].targets:
        lines.append(_epochs(case, kept))
    bands = _curve(case, kept)
    if bands.startswith("#"):
        lines, bands = [*lines, bands.strip()], ""
    # A comment at the end would be taken for one on what follows, and stay when this is replaced.
    lines.sort(key=lambda line: not line.startswith("#"))
    return "\n".join([f"[{case.name}]", *lines]) + "\n" + bands


def _parameters(record: Record) -> str:
    count = METRICS["parameters"](record)
    if count is None:
        return "# parameters: the trainer does not tell them."
    return f'parameters = {{ exactly = {count:_}, reason = "counted from the layers" }}'


def _bands(records: Sequence[Record]) -> dict[str, float | None]:
    """Return ``QUALITY``, and the same of the project's own metrics that a record has."""
    told = [metric for metric in own() if any(metric(record) is not None for record in records)]
    return QUALITY | {m.name: quality.BAND if m.better == "neither" else None for m in told}


def _quality(metric: str, records: Sequence[Record], band: float | None) -> str:
    values = [value for record in records if (value := METRICS[metric](record)) is not None]
    if len(values) < len(records):
        return f"# {metric}: {len(values)} of {len(records)} seeds have it; a bound needs them all."
    if not _scatters(metric, values):
        return f"# {metric}: the same for all {len(values)} seeds; more show its scatter."
    bound = quality.suggest(metric, values, band=band)
    limit = list(bound.limits) if bound.between else bound.limits[0]
    told = _reference(values, f".{SIGNIFICANT}g" if is_own(metric) else f".{DECIMALS}f")
    return f'{metric} = {{ {bound.kind} = {limit}, {told}, reason = "{bound.reason}" }}'


def _scatters(metric: str, values: Sequence[float]) -> bool:
    if is_own(metric):  # on a scale that nobody here knows
        return stdev(values) > 10.0**-SIGNIFICANT * max(map(abs, values))
    return round(stdev(values), DECIMALS) != 0


def _reference(values: Sequence[float], digits: str = f".{DECIMALS}f") -> str:
    mean, sd = (f"{value:{digits}}" for value in (fmean(values), stdev(values)))
    return f"mean = {mean}, sd = {sd}, seeds = {len(values)}"


def _curve(case: Case, records: Sequence[Record]) -> str:
    curves = (curve(record, LEARNING_CURVE) for record in records)
    seeds = [[value for value in each if value is not None] for each in curves]
    epochs = [*zip(*seeds)]  # noqa: B905 - as far as the shortest
    if not epochs:
        return ""
    if any(round(stdev(values), DECIMALS) == 0 for values in epochs):
        return f"# {LEARNING_CURVE}: an epoch is the same for all seeds; more show its scatter.\n"
    found = [quality.suggest(CURVES[LEARNING_CURVE], each, band=quality.BAND) for each in epochs]
    return f"""
[{case.name}.{LEARNING_CURVE}]
between = {[[*bound.limits] for bound in found]}
mean = [{", ".join(f"{bound.mean:.{DECIMALS}f}" for bound in found)}]
sd = [{", ".join(f"{bound.sd:.{DECIMALS}f}" for bound in found)}]
seeds = {len(records)}
reason = "{found[0].reason}, after each epoch"
"""


def _epochs(case: Case, records: Sequence[Record]) -> str:
    reached = [METRICS["epochs_to_target"](record) for record in records]
    found = [epoch for epoch in reached if epoch is not None]
    if never := len(reached) - len(found):
        limit, reason = "inf", f"{never} of {len(reached)} reference seeds never reached it"
    else:
        limit = f"{max(found) + 1:.0f}"
        reason = f"one epoch more than the slowest of {len(reached)} reference seeds took"
    reference = "" if never or case.recipe.stop_at_accuracy else _best(case, records, int(limit))
    return f'epochs_to_target = {{ at_most = {limit}, {reference}reason = "{reason}" }}'


def _best(case: Case, records: Sequence[Record], epoch: int) -> str:
    """The best values by an epoch: where training goes on beyond the target, they scatter."""
    aim = next(iter(TASKS[case.task].targets))
    curves = [[of_epoch(each, aim) for each in record.epochs] for record in records]
    values = [value for curve in curves if (value := best_by(curve, epoch)) is not None]
    if len(set(values)) < 2:
        return ""
    return f"{_reference(values)}, "


HEADER = re.compile(r"^[ \t]*\[\s*\"?(?P<case>[^\].\"]+)[^\]]*\]", re.MULTILINE)
SMOKE = re.compile(r"^[ \t]*\[[^\]\n]+\.\s*smoke\s*\].*\n(?:(?![ \t]*\[).*\n?)*", re.MULTILINE)


def propose(text: str, tables: Mapping[str, str]) -> str:
    """Return the text of a file of bounds with the tables of some cases replaced.

    Args:
        text: The whole file. What stands before a case's table, and between tables, is kept.
        tables: Case → the text of its table and sub-tables; a case that has none is added at the
            end.
    """
    parts = _parts(text)
    kept = [
        f"{tables[case].strip()}\n{_on_sample(part)}{_after(part)}" if case in tables else part
        for case, part in parts
    ]
    there = {case for case, _ in parts}
    added = [f"\n{tables[case].strip()}\n" for case in tables if case not in there]
    return "".join([*kept, *added])


def difference(before: str, after: str, *, file: str) -> str:
    """Return the change as a unified diff, as ``git apply`` takes it; empty where there is none."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"a/{file}",
        f"b/{file}",
    )
    return "".join(lines)


def _parts(text: str) -> list[tuple[str, str]]:
    """Return each case with the text of its table and its sub-tables; the first is of none."""
    starts = [("", 0)]
    for match in HEADER.finditer(text):
        case = match["case"].strip()
        if case != starts[-1][0]:
            starts.append((case, match.start()))
    ends = [*(start for _, start in starts[1:]), len(text)]
    return [(case, text[start:end]) for (case, start), end in zip(starts, ends, strict=True)]


def _on_sample(part: str) -> str:
    """Return the table of a case's own smoke bounds: no reference speaks of them."""
    found = SMOKE.search(part)
    return f"\n{found[0].removesuffix(_after(found[0])).strip()}\n" if found else ""


def _after(part: str) -> str:
    """Return the empty lines and comments at the end of a part: they belong to what follows."""
    lines = part.splitlines(keepends=True)
    while lines and (lines[-1].isspace() or lines[-1].startswith("#")):
        lines.pop()
    return part[sum(map(len, lines)) :]
