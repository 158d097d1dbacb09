"""Bounds that reference records suggest, as TOML to review and paste."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from bench.harness.judge.plan import planning_sd
from bench.harness.metrics import METRICS
from bench.harness.record import Record
from bench.harness.spec import TASKS, Case

MARGIN = 3
"""Scatters between the reference mean and the bound."""

QUALITY = {
    "test_accuracy": ("at_least", 1000),
    "test_loss": ("at_most", 100),
    "training_accuracy": ("between", 1000),
}
"""Metric → kind of bound, and what one is divided by to give the step it is rounded to."""


def suggest(case: Case, records: Sequence[Record]) -> str:
    """Return the case's table of bounds, from the completed ``records`` of at least two seeds."""
    kept = [record for record in records if record.completed]
    if len(kept) < 2:
        return f"# {case.name}: {len(kept)} completed seeds; two are needed to know the scatter."
    lines = [f"[{case.name}]", _parameters(kept[0])]
    lines += [_quality(metric, kept) for metric in QUALITY]
    if TASKS[case.task].targets:
        lines.append(_epochs(kept))
    return "\n".join(lines) + "\n"


def _parameters(record: Record) -> str:
    count = METRICS["parameters"](record)
    return f'parameters = {{ exactly = {count:_}, reason = "counted from the layers" }}'


def _quality(metric: str, records: Sequence[Record]) -> str:
    kind, steps = QUALITY[metric]
    values = [value for record in records if (value := METRICS[metric](record)) is not None]
    mean, sd = fmean(values), stdev(values)
    reach = MARGIN * planning_sd(sd, len(values))
    low = math.floor((mean - reach) * steps) / steps
    high = math.ceil((mean + reach) * steps) / steps
    if metric.endswith("accuracy"):
        high = min(high, 1.0)
    limit = {"at_least": low, "at_most": high, "between": f"[{low}, {high}]"}[kind]
    reason = f"{MARGIN} scatters off the reference mean, at the upper limit of its scatter"
    reference = f"mean = {mean:.5f}, sd = {sd:.5f}, seeds = {len(values)}"
    return f'{metric} = {{ {kind} = {limit}, {reference}, reason = "{reason}" }}'


def _epochs(records: Sequence[Record]) -> str:
    reached = [METRICS["epochs_to_target"](record) for record in records]
    if all(epoch is None for epoch in reached):
        return 'epochs_to_target = { at_most = inf, reason = "no reference seed reached it" }'
    slowest = max(math.inf if epoch is None else epoch for epoch in reached)
    reason = f"the slowest of {len(reached)} reference seeds took {slowest:.0f}, and one epoch more"
    return f'epochs_to_target = {{ at_most = {slowest + 1:.0f}, reason = "{reason}" }}'
