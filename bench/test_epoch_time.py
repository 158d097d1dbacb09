"""Seconds per epoch, in pytest-benchmark's table: measured in the trial, replayed here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bench.cases import CASES
from fitting_room.plugin.results import ReplayClock, extra_info
from fitting_room.record import Record
from fitting_room.spec import Case

CLOCK = ReplayClock()


@pytest.mark.needs(trained=True, timed=True)
@pytest.mark.benchmark(group="seconds per epoch", timer=CLOCK)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_epoch_time(case: Case, times: Callable[[Case], list[Record]], benchmark: Any) -> None:
    """Every epoch but the first, which traces, took a measurable time."""
    records = times(case)
    seconds = [e.seconds for record in records for e in record.epochs[1:] or record.epochs]
    CLOCK.replay(benchmark, seconds, extra_info(records))
    assert min(seconds) > 0
