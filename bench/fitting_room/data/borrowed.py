"""A process of its own that asks another library for a data set, and writes it as four files.

``python -m fitting_room.data.borrowed KIND ARGUMENTS FOLDER``, with the arguments as JSON. The
process that judges loads no framework, and these libraries load one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np


def keras_arrays(name: str, options: dict[str, Any]) -> list[Any]:
    """Return what ``keras.datasets.NAME.load_data`` does."""
    (train, test) = import_module(f"keras.datasets.{name}").load_data(**options)
    return [*train, *test]


def hugging_face_arrays(name: str, image: str, label: str, options: dict[str, Any]) -> list[Any]:
    """Return two columns of a data set of the Hub, of its splits train and test."""
    found = import_module("datasets").load_dataset(name, **options)
    parts = (found[part] for part in ("train", "test"))
    return [
        np.asarray(column)
        for part in parts
        for column in ([np.asarray(each) for each in part[image]], part[label])
    ]


def tfds_arrays(name: str, options: dict[str, Any]) -> list[Any]:
    """Return a supervised data set of TensorFlow Datasets, of its splits train and test."""
    library = import_module("tensorflow_datasets")
    wanted = {"split": ["train", "test"], "batch_size": -1, "as_supervised": True}
    parts = library.as_numpy(library.load(name, **wanted, **options))
    return [array for part in parts for array in part]


KINDS: dict[str, Callable[..., list[Any]]] = {
    "keras": keras_arrays,
    "datasets": hugging_face_arrays,
    "tensorflow_datasets": tfds_arrays,
}
"""Package → how it is asked."""


def main(kind: str, arguments: str, folder: str) -> None:
    """Write ``0.npy`` to ``3.npy``; what is no plain array is refused, so that none is pickled."""
    found: list[Any] = KINDS[kind](**json.loads(arguments))
    for number, array in enumerate(found):
        np.save(Path(folder, f"{number}.npy"), np.asarray(array), allow_pickle=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
