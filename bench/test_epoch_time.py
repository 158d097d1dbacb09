"""Seconds per epoch, in pytest-benchmark's table: measured in the trial, replayed here."""

from __future__ import annotations

from fitting_room.suites import test_epoch_time

__all__ = ["test_epoch_time"]
