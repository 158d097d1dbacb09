"""Loads the bench's plugin, and does nothing else."""

pytest_plugins = ["fitting_room.plugin", "pytester"]
