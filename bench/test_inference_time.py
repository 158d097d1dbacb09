"""Latency and throughput of the compiled forward pass, in pytest-benchmark's table."""

from __future__ import annotations

from fitting_room.suites import test_latency, test_throughput

__all__ = ["test_latency", "test_throughput"]
