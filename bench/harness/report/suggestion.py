"""Bounds that reference records suggest, as TOML to review and paste."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from bench.harness.metrics import METRICS
from bench.harness.record import Record
from bench.harness.spec import TASKS, Case

MARGIN = 3
"""Standard deviations between the reference mean and the bound."""

QUALITY = {"test_accuracy": "at_least", "test_loss": "at_most", "training_accuracy": "between"}


def suggest(case: Case, records: Sequence[Record]) -> str:
    """Return the case's table of bounds, from the completed ``records`` of at least two seeds."""
    kept = [record for record in records if record.completed]
    if len(kept) < 2:
        return f"# {case.name}: {len(kept)} completed seeds; two are needed to know the scatter."
    lines = [f"[{case.name}]", _parameters(kept[0])]
    lines += [_quality(metric, kind, kept) for metric, kind in QUALITY.items()]
    if TASKS[case.task].targets:
        lines.append(_epochs(kept))
    return "\n".join(lines) + "\n"


def _parameters(record: Record) -> str:
    count = METRICS["parameters"](record)
    return f'parameters = {{ exactly = {count:_}, reason = "counted from the layers" }}'


def _quality(metric: str, kind: str, records: Sequence[Record]) -> str:
    values = [value for record in records if (value := METRICS[metric](record)) is not None]
    mean, sd = fmean(values), stdev(values)
    low, high = _outward(mean - MARGIN * sd, down=True), _outward(mean + MARGIN * sd, down=False)
    limit = {"at_least": low, "at_most": high, "between": f"[{low}, {high}]"}[kind]
    reason = f"reference mean {'±' if kind == 'between' else '∓'} {MARGIN} sd, rounded outward"
    reference = f"mean = {mean:.5f}, sd = {sd:.5f}, seeds = {len(values)}"
    return f'{metric} = {{ {kind} = {limit}, {reference}, reason = "{reason}" }}'


def _outward(value: float, *, down: bool) -> float:
    """Round to 0.001, away from the mean."""
    return (math.floor if down else math.ceil)(value * 1000) / 1000


def _epochs(records: Sequence[Record]) -> str:
    reached = [METRICS["epochs_to_target"](record) for record in records]
    if all(epoch is None for epoch in reached):
        return 'epochs_to_target = { never = true, reason = "no reference seed reached it" }'
    slowest = max(math.inf if epoch is None else epoch for epoch in reached)
    reason = f"the slowest of {len(reached)} reference seeds took {slowest:.0f}, and one epoch more"
    return f'epochs_to_target = {{ at_most = {slowest + 1:.0f}, reason = "{reason}" }}'
