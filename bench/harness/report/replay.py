"""Seconds measured in a child process, handed to pytest-benchmark as if it had timed them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.harness.disturbed import exclusive
from bench.harness.record import Record
from bench.harness.report.comparison.of_records import conditions, time_conditions


def extra_info(records: Sequence[Record]) -> dict[str, object]:
    """Return what else is known of timed records, in plain types, averaged over seeds."""
    size = records[0].size
    found: dict[str, object] = {"seeds": len(records), "records": [r.key for r in records]}
    if size:
        found |= {"parameters": size.parameters, "flops_per_image": size.flops_per_image}
    for name in ("test_accuracy", "test_loss", "peak_memory_bytes"):
        values = [value for r in records if (value := getattr(r, name)) is not None]
        if values:
            found[name] = sum(values) / len(values)
    return found


def circumstances(records: Sequence[Record]) -> dict[str, object]:
    """Return what a later comparison of timed records must know to tell whether it is fair."""
    last = records[-1]
    if not all(map(exclusive, records)):  # without conditions nothing is compared with its seconds
        return {"conditions": conditions(last)}
    found = {"conditions": conditions(last), "time_conditions": time_conditions(last)}
    steps = [record.calibration_seconds for record in records]
    if all(steps):
        return {**found, "calibration_seconds": min(step for step in steps if step)}
    return {**found}


class ReplayClock:
    """A timer that advances by recorded durations instead of by time.

    Give it to a test as ``@pytest.mark.benchmark(timer=clock)``.
    """

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        """Return the replayed time, in seconds."""
        return self._now

    def replay(self, benchmark: Any, seconds: Sequence[float], extra: Mapping[str, object]) -> None:
        """Record each of ``seconds`` as one round of ``benchmark``, and ``extra`` beside them."""
        remaining = iter(seconds)

        def advance() -> None:
            self._now += next(remaining)

        benchmark.pedantic(advance, rounds=len(seconds), iterations=1)
        benchmark.extra_info.update(extra)
