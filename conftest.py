"""Loads the bench's plugin, and does nothing else."""

pytest_plugins = ["bench.harness.plugin", "pytester"]
