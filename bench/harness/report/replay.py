"""Seconds measured in a child process, handed to pytest-benchmark as if it had timed them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.harness.record import Record


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
