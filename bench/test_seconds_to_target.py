"""Seconds to a task's target, in pytest-benchmark's table: measured in the trial, replayed."""

from __future__ import annotations

import pytest

from bench.test_epochs_to_target import AIMING
from fitting_room.suites import test_seconds_to_target

__all__ = ["test_seconds_to_target"]

pytestmark = pytest.mark.parametrize("case", AIMING.values(), ids=AIMING)
