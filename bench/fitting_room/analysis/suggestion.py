"""Bounds that reference records suggest, as a change to ``bounds.toml`` to be reviewed."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from fitting_room.judge import quality
from fitting_room.judge.interval import best_by
from fitting_room.machine import PLATFORMS, USUAL, Platform
from fitting_room.metrics import CURVES, METRICS, curve, is_own, of_epoch, own
from fitting_room.record import Record
from fitting_room.spec import TASKS, Case
from fitting_room.store.bounds import SMOKE, table_of

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
    lines = [_parameters(kept[0])] if platform == USUAL else []
    lines += [_quality(metric, kept, band) for metric, band in _bands(kept).items()]
    if TASKS[case.task].targets:
        lines.append(_epochs(case, kept))
    bands = _curve(table, kept)
    if bands.startswith("#"):
        lines, bands = [*lines, bands.strip()], ""
    # A comment at the end would be taken for one on what follows, and stay when this is replaced.
    lines.sort(key=lambda line: not line.startswith("#"))
    return "\n".join([f"[{table}]", *lines]) + "\n" + bands


def counts(case: Case, records: Sequence[Record]) -> str:
    """Return the table of what a case counts, whatever it is trained on; empty if none knows."""
    lines = [_parameters(record) for record in records if record.completed][:1]
    return "\n".join([f"[{case.name}]", *lines, ""]) if lines else ""


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


HEADER = re.compile(r"^[ \t]*\[[^\[\],\n]+\][ \t]*(?:#.*)?$", re.MULTILINE)
"""The line that a table of TOML begins with."""


def keys_of(header: str) -> tuple[str, ...]:
    """Return the keys in the header of a table: ``("case", "smoke")``."""
    table, keys = tomllib.loads(header), tuple[str, ...]()
    while table:
        ((key, table),) = table.items()
        keys += (key,)
    return keys


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
        family = [at for at, (name, _) in enumerate(parts) if _is_of(name, table.partition(".")[0])]
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


def _is_of(table: str, case: str) -> bool:
    return table == case or table.startswith(f"{case}.")


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
