"""Where the arrays come from: loaders, checks, checksums, cache. Importing reads no file.

``find`` gives the whole data of a task and ``sample`` a small part of it; both as a verified
folder, which a trial takes along and ``load`` maps into memory.
"""

from __future__ import annotations

from fitting_room.data.arrays import Arrays, load
from fitting_room.data.finding import DATA_DIR_VARIABLE, chosen_data_dir, find, sample
from fitting_room.data.source import LogProgress, Progress, Source

__all__ = [
    "DATA_DIR_VARIABLE",
    "Arrays",
    "LogProgress",
    "Progress",
    "Source",
    "chosen_data_dir",
    "find",
    "load",
    "sample",
]
