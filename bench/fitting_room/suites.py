"""The tests that every bench has: a test file of one's own imports them in one line.

``from fitting_room.suites import test_bound`` holds every case of the project to its bounds. The
others time the cases: every seed that did not have its machine to itself is trained again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from fitting_room.metrics import elapsed_seconds, epochs_to_target, is_timed, training_seconds
from fitting_room.record import Inference, Record
from fitting_room.spec import Case

__all__ = [
    "test_bound",
    "test_epoch_time",
    "test_latency",
    "test_seconds_to_target",
    "test_throughput",
]


def extra_info(records: Sequence[Record]) -> dict[str, object]:
    """Return the other figures of timed records, in plain types, averaged over seeds."""
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
        """Record each of ``seconds`` as one round of ``benchmark``, with ``extra`` as its info."""
        remaining = iter(seconds)

        def advance() -> None:
            self._now += next(remaining)

        benchmark.pedantic(advance, rounds=len(seconds), iterations=1)
        benchmark.extra_info.update(extra)


CLOCK = ReplayClock()


def test_bound(case: Case, metric: str, hold: Callable[[Case, str], None]) -> None:
    """The metric of the case is within its bound."""
    hold(case, metric)


@pytest.mark.needs(trained=True, timed=True)
@pytest.mark.benchmark(group="seconds per epoch", timer=CLOCK)
def test_epoch_time(case: Case, times: Callable[[Case], list[Record]], benchmark: Any) -> None:
    """Every epoch but the first, which traces, took a measurable time."""
    records = times(case)
    seconds = [e.seconds for record in records for e in record.epochs[1:] or record.epochs]
    CLOCK.replay(benchmark, seconds, extra_info(records))
    assert min(seconds) > 0


@pytest.mark.needs(trained=True, timed=True)
@pytest.mark.benchmark(group="seconds to the target", timer=CLOCK)
def test_seconds_to_target(
    case: Case, times: Callable[[Case], list[Record]], benchmark: Any
) -> None:
    """Every seed that reached the target of its task took a measurable time."""
    timed = [record for record in times(case) if is_timed(record)]
    reached = [(r, epoch) for r in timed if (epoch := epochs_to_target(r))]
    if not reached:
        pytest.skip(f"{case.name}: no seed that was timed alone reached a target")
    seconds = [training_seconds(record, epoch) for record, epoch in reached]
    elapsed = [elapsed_seconds(record, epoch) for record, epoch in reached]
    extra = {"reached": len(reached), "seconds_from_start": elapsed}
    CLOCK.replay(benchmark, seconds, extra_info(timed) | extra)
    assert min(seconds) > 0


@pytest.mark.needs(trained=False, timed=True)
@pytest.mark.benchmark(group="seconds per image, one a call", timer=CLOCK)
def test_latency(case: Case, times: Callable[[Case], list[Record]], benchmark: Any) -> None:
    """A call with one image takes a measurable time."""
    records = times(case)
    seconds = [s for each in _inferences(case, records) for s in each.latency_seconds]
    CLOCK.replay(benchmark, seconds, extra_info(records))
    assert min(seconds) > 0


@pytest.mark.needs(trained=False, timed=True)
@pytest.mark.benchmark(group="seconds per large batch", timer=CLOCK)
def test_throughput(case: Case, times: Callable[[Case], list[Record]], benchmark: Any) -> None:
    """A call with a large batch yields more images a second than calls with one image."""
    records = times(case)
    found = _inferences(case, records)
    seconds = [s for inference in found for s in inference.batch_seconds]
    first = found[0]
    extra = {"images_per_second": first.batch_size / min(seconds), "batch_size": first.batch_size}
    CLOCK.replay(benchmark, seconds, extra_info(records) | extra)
    assert first.batch_size / min(seconds) > 1 / min(first.latency_seconds)


def _inferences(case: Case, records: list[Record]) -> list[Inference]:
    found = [record.inference for record in records if record.inference]
    if not found:
        pytest.skip(f"{case.name}: its trainer reports answers, and no function to be timed")
    return found
