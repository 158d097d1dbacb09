"""A case's bounds over made-up runs, whose seeds scatter together as its reference seeds did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bench.harness.judge.censored import best_by
from bench.harness.judge.quality import EPOCHS
from bench.harness.judge.rates import Gauge
from bench.harness.metrics import CURVES, METRICS, curve
from bench.harness.record import Record
from bench.harness.spec import TASKS, Case
from bench.harness.store.bounds import Bounds


def gauges(case: Case, bounds: Bounds) -> list[Gauge]:
    """Return what gates a case and scatters: bounds that have a reference, and learning curves."""
    found = []
    for metric, bound in bounds.tables.get(case.name, {}).items():
        if metric == EPOCHS and bound.has_reference:
            # It is judged by the best value of the metric that has the target; see `judge_best`.
            aim, target = next(iter(TASKS[case.task].targets.items()))
            floor = replace(bound, metric=aim, at_most=None, at_least=target)
            found.append(Gauge(metric=metric, bounds=(floor,)))
        elif bound.has_reference:
            found.append(Gauge(metric=metric, bounds=(bound,)))
    curves = bounds.curves.get(case.name, {}).values()
    return [*found, *(Gauge(metric=each.metric, bounds=each.epochs) for each in curves)]


def reference_values(case: Case, bounds: Bounds, records: Sequence[Record]) -> np.ndarray:
    """Return what each reference seed gave to each bound of ``gauges``, in their order.

    Returns:
        Shape (seeds, bounds), float64; NaN where a seed stopped before.
    """
    rows = [
        [value for gauge in gauges(case, bounds) for value in _values(gauge, case, bounds, record)]
        for record in records
    ]
    return np.array([[np.nan if value is None else value for value in row] for row in rows])


def _values(gauge: Gauge, case: Case, bounds: Bounds, record: Record) -> list[float | None]:
    if gauge.metric in CURVES:
        values = curve(record, gauge.metric)
        return [values[at] if at < len(values) else None for at in range(len(gauge.bounds))]
    if gauge.metric == EPOCHS:
        aim = next(iter(TASKS[case.task].targets))
        by = int(bounds.for_case(case.name, EPOCHS).limits[0])
        return [best_by([getattr(epoch, aim) for epoch in record.epochs], by)]
    return [METRICS[gauge.metric](record)]
