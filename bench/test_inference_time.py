"""Latency and throughput of the compiled forward pass, in pytest-benchmark's table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench.cases import CASES
from fitting_room.plugin.results import ReplayClock, extra_info
from fitting_room.record import Inference, Record
from fitting_room.spec import Case

CLOCK = ReplayClock()

pytestmark = [
    pytest.mark.needs(trained=False, timed=True),
    pytest.mark.parametrize("case", CASES.values(), ids=CASES),
]


@pytest.mark.benchmark(group="seconds per image, one a call", timer=CLOCK)
def test_latency(case: Case, times: Callable[[Case], list[Record]], benchmark: Any) -> None:
    """A call with one image takes a measurable time."""
    records = times(case)
    seconds = [s for inference in _inferences(records) for s in inference.latency_seconds]
    CLOCK.replay(benchmark, seconds, extra_info(records))
    assert min(seconds) > 0


@pytest.mark.benchmark(group="seconds per large batch", timer=CLOCK)
def test_throughput(case: Case, times: Callable[[Case], list[Record]], benchmark: Any) -> None:
    """A call with a large batch yields more images a second than calls with one image."""
    records = times(case)
    seconds = [s for inference in _inferences(records) for s in inference.batch_seconds]
    first = _inferences(records)[0]
    extra = {"images_per_second": first.batch_size / min(seconds), "batch_size": first.batch_size}
    CLOCK.replay(benchmark, seconds, extra_info(records) | extra)
    assert first.batch_size / min(seconds) > 1 / min(first.latency_seconds)


def _inferences(records: list[Record]) -> list[Inference]:
    return [record.inference for record in records if record.inference]
