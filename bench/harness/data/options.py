"""Where an option for data gets its value; for the command line and for pytest alike."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

DATA_DIR_VARIABLE = "FITTING_ROOM_DATA"


def chosen_data_dir(option: str | Path | None, environment: Mapping[str, str]) -> Path | None:
    """Return the folder a user named: by the option, else by the variable, else None."""
    value = option or environment.get(DATA_DIR_VARIABLE)
    return Path(value).expanduser().absolute() if value else None
