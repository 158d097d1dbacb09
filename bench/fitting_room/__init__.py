"""The engine of the bench: it trains, measures, judges and reports; it knows no architecture.

``.github/CONTRIBUTING.md`` has its rooms and arrows. It is imported as ``fitting_room`` alone.
"""

pytest_plugins = ("fitting_room.entry",)  # for `pytest -p fitting_room`
