"""A data set for searching: training images alone, the last of them in the place of the test set.

Nothing here opens the test set's files, and the folder it makes holds no image of them. What is
trained on that folder can choose nothing by the test set, because it cannot reach it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from fitting_room.data import cache
from fitting_room.data.arrays import Arrays, combined, read_array
from fitting_room.data.check import verify
from fitting_room.errors import UserError
from fitting_room.spec import Dataset

HELD_OUT = 5_000
"""Training images that take the place of the test set, unless another number is asked for."""


def validation_split(dataset: Dataset, held_out: int = HELD_OUT) -> Dataset:
    """Return the data set whose test images are the last ``held_out`` training images.

    It is written to the cache as four arrays, like any other. Raises UserError where the training
    images cannot be read or are too few.
    """
    arrays = _split(Path(dataset.folder), held_out)
    sums = arrays.checksums()
    checksum = combined(sums)
    folder = cache.root() / f"validation-{dataset.name}-{held_out}-{checksum[:12]}"
    source = f"validation split of the training images (last {held_out:,})"
    entry = cache.Entry(folder=folder, verify=partial(verify, source, sums))
    entry.keep(arrays, f"{source} of {dataset.name}, {dataset.checksum}")
    return Dataset(
        name=dataset.name, folder=str(folder), source=source, checksum=checksum, validation=True
    )


def _split(folder: Path, held_out: int) -> Arrays:
    try:
        images, labels = (read_array(folder / f"train_{part}.npy") for part in ("images", "labels"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"The training images in {folder} cannot be read: {error}. "
            "Run `fitting-room data` to mend them."
        ) from error
    kept = len(images) - held_out
    if not 0 < held_out < len(images):
        raise UserError(
            f"{held_out:,} of {len(images):,} training images cannot be held out. "
            f"Name a number from 1 to {len(images) - 1:,}."
        )
    return Arrays(
        train_images=images[:kept],
        train_labels=labels[:kept],
        test_images=images[kept:],
        test_labels=labels[kept:],
    )
