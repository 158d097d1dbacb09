"""What lies in the cache, whole or not there: data sets, the shipped sample, validation splits."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench_runs import PATIENCE_S
from data_world import FakeSource, Notes, know, tiny
from filelock import FileLock
from filelock import Timeout as LockTimeout

from bench.tasks import SAMPLES
from fitting_room import machine
from fitting_room.data import cache_root, find, held, load, sample, validation_split
from fitting_room.data.arrays import FILES, chosen, combined, encode, reduced, write_idx
from fitting_room.data.loaders import idx
from fitting_room.errors import UserError
from fitting_room.spec import TASKS, Dataset

pytestmark = pytest.mark.usefixtures("empty_cache")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _flip(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def _break_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:10] + b"(" * 118)


def _pickle(path: Path) -> None:
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)


@pytest.mark.parametrize("damage", [_cut, _flip, _break_header, _pickle, Path.unlink])
def test_a_damaged_cache_is_told_and_repaired(
    mnist: FakeSource, damage: Callable[[Path], None]
) -> None:
    """However a cached array is damaged, it is fetched again, and told."""
    folder = Path(find("mnist").folder)
    damage(folder / "train_images.npy")
    notes = Notes()
    repaired = find("mnist", progress=notes)
    assert notes.lines[0].startswith(f"local cache {folder}: ")
    assert np.array_equal(load(repaired).train_images, tiny("mnist").train_images)
    assert len(mnist.asked) == 2


@pytest.mark.usefixtures("mnist")
def test_a_cache_without_its_note_of_origin_still_serves() -> None:
    """The content is what is verified; where it came from is only told."""
    (Path(find("mnist").folder) / "source.txt").unlink()
    assert find("mnist").source == "local cache, first from an unknown source"


@pytest.mark.usefixtures("mnist")
def test_a_data_set_damaged_after_it_was_found_is_told() -> None:
    """Loading a folder that was cut since gives an error with the cure, and no traceback."""
    dataset = find("mnist")
    _cut(Path(dataset.folder) / "test_images.npy")
    with pytest.raises(
        UserError, match=r"test_images\.npy is damaged.*\n.*fitting-room data mnist"
    ):
        load(dataset)


@pytest.mark.usefixtures("mnist")
def test_an_unwritable_cache_folder_is_named_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The error names a cache folder that cannot be made, and how to choose another."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"file/fitting-room/data cannot be written.*\n.*XDG_CACHE"):
        find("mnist")


@pytest.mark.usefixtures("mnist")
def test_a_filled_cache_serves_where_nothing_can_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A read-only cache folder that holds the data set is enough."""
    first = find("mnist")

    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(FileLock, "acquire", read_only)
    assert find("mnist").folder == first.folder


@pytest.mark.usefixtures("mnist")
def test_a_full_disk_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fills while a copy is written, that is told and no half of it stays."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(UserError, match="No space left on device"):
        find("mnist")
    assert [path for path in cache_root().iterdir() if path.is_dir()] == []


@pytest.mark.usefixtures("mnist")
def test_what_a_killed_process_left_is_removed() -> None:
    """The next write clears the unfinished folders of its own entry, and no other's."""
    mine = cache_root() / f"mnist-{combined(tiny('mnist').checksums())[:12]}.partial-dead"
    other = cache_root() / "fashion_mnist-0.partial-alive"
    for folder in (mine, other):
        folder.mkdir(parents=True)
    find("mnist")
    assert (mine.exists(), other.exists()) == (False, True)


@pytest.mark.usefixtures("mnist")
def test_a_lock_held_for_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that never lets go is named by its lock, with what to do."""

    def locked(lock: FileLock, **_: object) -> None:
        raise LockTimeout(lock.lock_file)

    monkeypatch.setattr(FileLock, "acquire", locked)
    with pytest.raises(UserError, match=r"Another process has held .*\.lock"):
        find("mnist")


def _environment() -> dict[str, str]:
    here = Path(__file__).parent
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (here.parent / "bench", here.parent, here))),
    }


RACE = """
import sys, time
from pathlib import Path
import pytest
from data_world import FakeSource, know, tiny
from fitting_room.data import find

class Slow(FakeSource):
    def read(self, progress):
        with Path(sys.argv[1]).open("a") as log:
            log.write("asked\\n")
        time.sleep(0.5)
        return super().read(progress)

know(pytest.MonkeyPatch(), "mnist", Slow(tiny("mnist")))
print(find("mnist").folder)
"""


def test_two_processes_at_once_ask_a_source_once(tmp_path: Path) -> None:
    """The slower of two processes waits for the faster one's copy and uses it."""
    log = tmp_path / "log"
    command = [sys.executable, "-c", RACE, str(log)]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment())
        for _ in range(2)
    ]
    folders = {process.communicate(timeout=PATIENCE_S)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(folders) == 1
    assert log.read_text() == "asked\n"


NAMES = ("fashion_mnist", "mnist")
LICENCES = {"fashion_mnist": "Zalando SE", "mnist": "Yann LeCun and Corinna Cortes"}


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_has_every_class_equally_often(name: str) -> None:
    """100 training and 50 test images of each class, as uint8 of 28 × 28."""
    arrays = load(sample(name))
    assert np.bincount(arrays.train_labels).tolist() == [100] * 10
    assert np.bincount(arrays.test_labels).tolist() == [50] * 10
    assert (arrays.train_images.shape, arrays.test_images.shape) == ((1000, 28, 28), (500, 28, 28))
    assert arrays.train_images.dtype == np.uint8


def test_the_samples_are_small() -> None:
    """Both together take at most 3 MB."""
    sizes = [path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()]
    assert sum(sizes) <= 3_000_000


@pytest.mark.parametrize("name", NAMES)
def test_the_licence_and_the_authors_stand_beside_a_sample(name: str) -> None:
    """The attribution that each data set's licence asks for ships with it."""
    assert LICENCES[name] in (SAMPLES / name / "LICENSE").read_text("utf-8")


def test_a_sample_is_no_whole_data_set() -> None:
    """Its checksum is its own, so no result on it can be taken for one on the whole data."""
    checksums = {sample(name).checksum for name in NAMES}
    assert len(checksums) == 2
    assert checksums.isdisjoint(combined(task.pin.checksums) for task in TASKS.values() if task.pin)


def test_without_a_cache_a_temporary_folder_serves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The sample is still to be had if the cache cannot be written."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(machine.tempfile, "gettempdir", lambda: str(tmp_path / "spare"))
    dataset = sample("mnist")
    assert dataset.folder.startswith(str(tmp_path / "spare"))
    assert len(load(dataset).train_labels) == 1000


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_damaged_installation_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: str
) -> None:
    """Shipped files that are not those that were committed are refused, with the cure."""
    folder = tmp_path / "sample"
    shutil.copytree(SAMPLES / "mnist", folder)
    monkeypatch.setitem(TASKS, "mnist", replace(TASKS["mnist"], sample=idx(folder)))
    if damage == "changed":
        labels = np.roll(tiny("mnist").train_labels, 1)
        (folder / "train-labels-idx1-ubyte").write_bytes(encode(labels))
    else:
        (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(UserError, match=r"the sample of MNIST, is damaged(.|\n)*Restore its"):
        sample("mnist")


def test_the_choice_is_even_over_the_data_set() -> None:
    """Every third of six places of class 0 is taken, and every second of four of class 1."""
    labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1], np.uint8)
    assert chosen(labels, per_class=2).tolist() == [0, 3, 6, 8]


@pytest.mark.usefixtures("mnist")
def test_a_sample_can_be_made_again(tmp_path: Path) -> None:
    """Reducing what is already reduced and writing it gives the committed files."""
    write_idx(reduced(load(find("mnist"))), tmp_path / "made")
    for path in (tmp_path / "made").iterdir():
        kept = SAMPLES / "mnist" / path.name
        assert gzip.decompress(path.read_bytes()) == gzip.decompress(kept.read_bytes())


def test_a_task_that_ships_no_sample_has_one_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample takes all images of smaller classes."""
    known = know(monkeypatch, "mnist", FakeSource(tiny("mnist")))
    monkeypatch.setitem(TASKS, "mnist", replace(known, sample=None))
    found = sample("mnist")
    assert (found.source, found.sample) == ("sample of the whole data set", True)
    assert len(load(found).test_labels) == 500
    assert held([found]).keys() == {found.checksum}


@pytest.fixture
def without_test_images() -> Dataset:
    """Return a data set whose test arrays are gone: whoever opens them fails."""
    dataset = sample("mnist")
    for name in ("test_images", "test_labels"):
        (Path(dataset.folder) / f"{name}.npy").unlink()
    return dataset


def test_the_last_training_images_take_the_place_of_the_test_set(
    without_test_images: Dataset,
) -> None:
    """It needs no file of the test set, and what it holds are the training images in order."""
    found, whole = load(validation_split(without_test_images, 100)), tiny("mnist")
    assert (len(found.train_images), len(found.test_images)) == (900, 100)
    images = np.concatenate([found.train_images, found.test_images])
    labels = np.concatenate([found.train_labels, found.test_labels])
    assert np.array_equal(images, whole.train_images)
    assert np.array_equal(labels, whole.train_labels)


def test_no_test_image_is_in_its_folder() -> None:
    """A trial that is given the folder cannot meet one, under any name."""
    whole = tiny("mnist")
    folder = Path(validation_split(sample("mnist"), 100).folder)
    arrays = {path.name: np.load(path) for path in folder.glob("*.npy")}
    assert sorted(arrays) == sorted(f"{name}.npy" for name in FILES)
    known = {image.tobytes() for image in whole.train_images}
    images = np.concatenate([arrays["train_images.npy"], arrays["test_images.npy"]])
    assert {image.tobytes() for image in images} <= known


def test_it_says_what_it_is() -> None:
    """Its source, its mark and its checksum are its own."""
    whole = sample("mnist")
    split = validation_split(whole, 100)
    assert split.source == "validation split of the training images (last 100)"
    assert (split.name, split.validation, whole.validation) == ("mnist", True, False)
    assert split.folder != whole.folder
    assert len({split.checksum, whole.checksum, validation_split(whole, 50).checksum}) == 3


@pytest.mark.parametrize("held_out", [0, -1, 1000])
def test_too_few_or_too_many_cannot_be_held_out(held_out: int) -> None:
    """Some images must be left on either side."""
    with pytest.raises(UserError, match=r"of 1,000 training images cannot .* from 1 to 999"):
        validation_split(sample("mnist"), held_out)


def test_training_images_that_are_not_there_are_told(without_test_images: Dataset) -> None:
    """The message says how to mend them."""
    (Path(without_test_images.folder) / "train_labels.npy").unlink()
    with pytest.raises(UserError, match=r"cannot be read: .* Run `fitting-room data`"):
        validation_split(without_test_images, 100)
