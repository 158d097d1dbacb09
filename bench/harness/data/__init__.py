"""Where the bytes come from: sources, checksums, arrays. Importing reads no file.

``find`` gives the whole data set and ``sample`` a small part of it; both as a verified folder,
which a trial takes along and ``load`` maps into memory.
"""

from __future__ import annotations

from bench.harness.data.arrays import Arrays, load
from bench.harness.data.finding import find
from bench.harness.data.options import DATA_DIR_VARIABLE, chosen_data_dir
from bench.harness.data.progress import LogProgress, Progress
from bench.harness.data.shipped import sample

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
