"""Bounds that reference records suggest, as TOML to review and paste."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev

from bench.harness.judge import suggest as judge
from bench.harness.judge.bound import KINDS
from bench.harness.judge.censored import best_by
from bench.harness.metrics import CURVES, METRICS, curve
from bench.harness.record import Record
from bench.harness.spec import TASKS, Case

QUALITY = {
    "test_accuracy": None,
    "test_loss": None,
    "training_accuracy": judge.BAND,
    "drop_in_training_loss": 4.0,
}
"""Metric → planned scatters to each side, where a change either way is a surprise; else None.

The drop is one number where a curve has many, so that a narrower band costs as few seeds; it is
what sees an optimizer that lost its momentum.
"""

DECIMALS = 5
"""Of means and scatters; a scatter that rounds to nothing is none."""

LEARNING_CURVE = "training_loss_by_epoch"
"""The quietest of what a trial measures, and the first to be known."""


def suggest(case: Case, records: Sequence[Record]) -> str:
    """Return the case's table of bounds, from the completed ``records`` of at least two seeds."""
    kept = [record for record in records if record.completed]
    if len(kept) < 2:
        return f"# {case.name}: {len(kept)} completed seeds; two are needed to know the scatter."
    lines = [f"[{case.name}]", _parameters(kept[0])]
    lines += [_quality(metric, kept) for metric in QUALITY]
    if TASKS[case.task].targets:
        lines.append(_epochs(case, kept))
    return "\n".join(lines) + "\n" + _curve(case, kept)


def _parameters(record: Record) -> str:
    count = METRICS["parameters"](record)
    return f'parameters = {{ exactly = {count:_}, reason = "counted from the layers" }}'


def _quality(metric: str, records: Sequence[Record]) -> str:
    values = [value for record in records if (value := METRICS[metric](record)) is not None]
    if round(stdev(values), DECIMALS) == 0:
        return f"# {metric}: the same for all {len(values)} seeds; more show its scatter."
    band = QUALITY[metric]
    bound = judge.suggest(metric, values, both_sides=band is not None, band=band or judge.BAND)
    kind = next(kind for kind in KINDS if getattr(bound, kind) is not None)
    limit = list(bound.limits) if kind == "between" else bound.limits[0]
    return f'{metric} = {{ {kind} = {limit}, {_reference(values)}, reason = "{bound.reason}" }}'


def _reference(values: Sequence[float]) -> str:
    mean, sd = (f"{value:.{DECIMALS}f}" for value in (fmean(values), stdev(values)))
    return f"mean = {mean}, sd = {sd}, seeds = {len(values)}"


def _curve(case: Case, records: Sequence[Record]) -> str:
    seeds = [
        [value for value in curve(record, LEARNING_CURVE) if value is not None]
        for record in records
    ]
    epochs = zip(*seeds)  # noqa: B905 - as far as the shortest
    if any(round(stdev(values), DECIMALS) == 0 for values in epochs):
        return f"# {LEARNING_CURVE}: an epoch is the same for all seeds; more show its scatter.\n"
    found = judge.suggest_curve(LEARNING_CURVE, CURVES[LEARNING_CURVE], seeds)
    if not found.epochs:
        return ""
    bands = ", ".join(f"[{low}, {high}]" for low, high in (b.limits for b in found.epochs))
    return f"""
[{case.name}.{LEARNING_CURVE}]
between = [{bands}]
mean = [{", ".join(f"{bound.mean:.{DECIMALS}f}" for bound in found.epochs)}]
sd = [{", ".join(f"{bound.sd:.{DECIMALS}f}" for bound in found.epochs)}]
seeds = {len(records)}
reason = "{found.epochs[0].reason}, after each epoch"
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
    curves = [[getattr(each, aim) for each in record.epochs] for record in records]
    values = [value for curve in curves if (value := best_by(curve, epoch)) is not None]
    if len(set(values)) < 2:
        return ""
    return f"{_reference(values)}, "
