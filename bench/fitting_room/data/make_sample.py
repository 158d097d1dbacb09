"""Makes the samples that ship with the project: ``python -m fitting_room.data.make_sample``.

It is run by hand, and only when the samples are to change; its result is committed.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fitting_room.data import arrays as idx
from fitting_room.data.arrays import FILES, Arrays, load
from fitting_room.data.catalogue import KNOWN
from fitting_room.data.finding import SAMPLES, SUMS, find

_TRAIN_PER_CLASS = 100
_TEST_PER_CLASS = 50


def chosen(labels: NDArray[np.uint8], *, per_class: int) -> NDArray[np.intp]:
    """Return ``per_class`` indices of each class of ``labels``, shape (n,), in rising order.

    They are spread evenly over the data set, because the first test images of MNIST come from
    other writers than the last; without a random generator, whose stream may change.
    """
    parts = []
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        parts.append(places[np.arange(per_class) * len(places) // per_class])
    return np.sort(np.concatenate(parts))


def reduced(arrays: Arrays) -> Arrays:
    """Return the sample of a whole data set."""
    train = chosen(arrays.train_labels, per_class=_TRAIN_PER_CLASS)
    test = chosen(arrays.test_labels, per_class=_TEST_PER_CLASS)
    return Arrays(
        train_images=arrays.train_images[train],
        train_labels=arrays.train_labels[train],
        test_images=arrays.test_images[test],
        test_labels=arrays.test_labels[test],
    )


def write(arrays: Arrays, folder: Path) -> None:
    """Write ``arrays`` to ``folder`` as compressed IDX files, with their checksums."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in FILES.items():
        packed = gzip.compress(idx.encode(getattr(arrays, name)), 9, mtime=0)
        (folder / f"{file}.gz").write_bytes(packed)
    sums = arrays.checksums()
    lines = [f"{sums[name]}  {file}\n" for name, file in FILES.items()]
    (folder / SUMS).write_text("".join(lines), "ascii")


if __name__ == "__main__":
    for known in KNOWN.values():
        write(reduced(load(find(known.name))), SAMPLES / known.name)
