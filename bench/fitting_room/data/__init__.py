"""Where the bytes come from: sources, checksums, arrays. Importing reads no file.

``find`` gives the whole data set and ``sample`` a small part of it; both as a verified folder,
which a trial takes along and ``load`` maps into memory.
"""

from __future__ import annotations

from fitting_room.data.arrays import Arrays, load
from fitting_room.data.finding import DATA_DIR_VARIABLE, chosen_data_dir, find, sample
from fitting_room.data.progress import LogProgress, Progress

__all__ = [
    "DATA_DIR_VARIABLE",
    "Arrays",
    "LogProgress",
    "Progress",
    "chosen_data_dir",
    "find",
    "load",
    "sample",
]
