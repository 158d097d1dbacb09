"""The engine of the bench: it trains, measures, judges and reports; it knows no architecture.

``.github/CONTRIBUTING.md`` has its rooms and arrows. It is imported as ``fitting_room`` alone.
PYTEST_DONT_REWRITE: pytest would warn wherever this is imported before its entry point is.
"""

pytest_plugins = ("fitting_room.entry",)  # for `pytest -p fitting_room`
