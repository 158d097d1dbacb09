"""The IDX format there and back, and ready loaders: downloads from this machine, and files."""

from __future__ import annotations

import gzip
import hashlib
import io
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_world import read, tiny, write_idx
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from PIL import Image

from fitting_room.data import arrays as idx
from fitting_room.data import loaders
from fitting_room.data.arrays import FILES, Arrays, RejectedError, UnavailableError
from fitting_room.data.loaders import (
    LogProgress,
    Source,
    class_folders,
    fetch,
    idx_download,
    npy,
    npz,
    npz_download,
)


class Server(ThreadingHTTPServer):
    """Serves ``pages``, each of the first ``cuts`` answers one byte short."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, bytes] = {}
        self.cuts = 0

    @property
    def url(self) -> str:
        """The address of its root."""
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Server

    def do_GET(self) -> None:
        """Send the page, whole or cut."""
        content = self.server.pages.get(self.path)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        cut, self.server.cuts = self.server.cuts > 0, max(0, self.server.cuts - 1)
        self.wfile.write(content[:-1] if cut else content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A running server that no proxy stands before."""
    monkeypatch.setenv("no_proxy", "*")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def _npz(**arrays: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=True, **arrays)
    return content.getvalue()


def _as_keras_names_them(arrays: Arrays) -> dict[str, np.ndarray]:
    return {
        "x_train": arrays.train_images,
        "y_train": arrays.train_labels,
        "x_test": arrays.test_images,
        "y_test": arrays.test_labels,
    }


def test_four_compressed_files_give_the_arrays(server: Server) -> None:
    """Fashion MNIST's form: a .gz of each IDX file below one address."""
    arrays = tiny("fashion_mnist")
    for name, file in FILES.items():
        server.pages[f"/{file}.gz"] = gzip.compress(idx.encode(getattr(arrays, name)), 1)
    assert read(idx_download(server.url)).checksums() == arrays.checksums()


def test_one_npz_gives_the_arrays(server: Server) -> None:
    """MNIST's form: the arrays by Keras' names; their IDX checksums are the same."""
    arrays = tiny("mnist")
    server.pages["/mnist.npz"] = _npz(**_as_keras_names_them(arrays))
    found = read(npz_download(f"{server.url}mnist.npz"))
    assert found.checksums() == arrays.checksums()


def test_an_interrupted_download_is_tried_once_more(server: Server) -> None:
    """A connection cut one byte early gives the whole content at the second attempt."""
    server.pages["/page"], server.cuts = b"whole", 1
    assert fetch(f"{server.url}page", LogProgress()) == b"whole"


def test_a_download_interrupted_each_time_is_refused(server: Server) -> None:
    """What is cut short at every attempt is never taken for whole."""
    server.pages["/page"], server.cuts = b"whole", 9
    with pytest.raises(RejectedError, match="interrupted after 4 of 5 bytes"):
        fetch(f"{server.url}page", LogProgress())


def test_a_missing_page_is_told_with_its_status(server: Server) -> None:
    """The answer 404 is the reason."""
    with pytest.raises(UnavailableError, match="answered 404"):
        fetch(f"{server.url}nothing", LogProgress())


def test_a_closed_port_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that nobody answers from is no connection."""
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(UnavailableError, match="no connection"):
        fetch("http://127.0.0.1:1/", LogProgress())


def test_a_silent_server_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that accepts and then says nothing costs no more than the time limit."""
    monkeypatch.setattr(loaders, "_SILENCE_S", 0.05)
    waiting = threading.Event()
    monkeypatch.setattr(Handler, "do_GET", lambda _: waiting.wait(5))
    with pytest.raises(RejectedError, match="interrupted"):
        fetch(f"{server.url}page", LogProgress())
    waiting.set()


def _pickled() -> bytes:
    arrays = _as_keras_names_them(tiny("mnist"))
    return _npz(**{**arrays, "x_train": np.array([{"a": 1}], object)})


def _lacking() -> bytes:
    return _npz(x_train=np.zeros(3, np.uint8))


def _no_archive() -> bytes:
    return b"<html>Please log in</html>"


@pytest.mark.parametrize("content", [_pickled, _lacking, _no_archive])
def test_an_npz_that_holds_something_else_is_refused(
    server: Server, content: Callable[[], bytes]
) -> None:
    """Pickles, missing arrays and a login page are each refused, and nothing unpickled."""
    server.pages["/mnist.npz"] = content()
    with pytest.raises(RejectedError, match=r"no whole \.npz of plain arrays"):
        read(npz_download(f"{server.url}mnist.npz"))


def test_progress_is_told_in_bytes(server: Server) -> None:
    """The last that is told of a download is its whole size."""
    told: list[tuple[int, int | None]] = []

    class Bar(LogProgress):
        def received(self, done: int, total: int | None) -> None:
            told.append((done, total))

    server.pages["/page"] = bytes(100_000)
    fetch(f"{server.url}page", Bar())
    assert told[-1] == (100_000, 100_000)
    assert len(told) > 1


def npy_of(folder: Path) -> Source:
    """Return the source of the four files that ``np.save`` wrote there."""
    return npy(**{name: folder / f"{name}.npy" for name in FILES})


def test_files_of_numpy_give_the_arrays(tmp_path: Path) -> None:
    """One .npz, or four .npy."""
    arrays = tiny("mnist")
    (tmp_path / "a.npz").write_bytes(_npz(**_as_keras_names_them(arrays)))
    for name in FILES:
        np.save(tmp_path / f"{name}.npy", getattr(arrays, name))
    assert read(npz(tmp_path / "a.npz")).checksums() == arrays.checksums()
    assert read(npy_of(tmp_path)).checksums() == arrays.checksums()


def test_files_of_numpy_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    """A missing one is absent; a pickle and a damaged header are refused."""
    with pytest.raises(UnavailableError, match="No such file"):
        read(npz(tmp_path / "a.npz"))
    np.save(tmp_path / "train_images.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(RejectedError, match=r"train_images\.npy is no plain array .*allow_pickle"):
        read(npy_of(tmp_path))
    (tmp_path / "train_images.npy").unlink()
    with pytest.raises(UnavailableError, match="No such file"):
        read(npy_of(tmp_path))


def test_idx_files_may_have_other_names(tmp_path: Path) -> None:
    """They are named in the order of the arrays."""
    names = ("a", "b", "c", "d")
    write_idx(tiny("mnist"), tmp_path)
    for name, file in zip(names, FILES.values(), strict=True):
        (tmp_path / file).rename(tmp_path / name)
    assert read(loaders.idx(tmp_path, files=names)).checksums() == tiny("mnist").checksums()


def pictures(folder: Path) -> Path:
    """Write a red and a blue picture of 6 × 4 pixels into each part, the second as JPEG."""
    for part in ("train", "test"):
        for name, colour in (("warm", (250, 0, 0)), ("cold", (0, 0, 250))):
            (folder / part / name).mkdir(parents=True)
            image = Image.new("RGB", (6, 4), colour)
            image.save(folder / part / name / ("a.png" if name == "warm" else "a.JPG"))
    (folder / "train" / "warm" / "notes.txt").touch()
    return folder


def test_a_folder_a_class_gives_images_in_the_order_of_the_classes(tmp_path: Path) -> None:
    """In colour, or as grey; a PNG keeps its bytes."""
    folder = pictures(tmp_path)
    train, labels, test, _ = class_folders(folder, ["warm", "cold"]).read(LogProgress())
    assert (train.shape, test.shape, labels.tolist()) == ((2, 4, 6, 3), (2, 4, 6, 3), [0, 1])
    assert train[0, 0, 0].tolist() == [250, 0, 0]
    grey = class_folders(folder, ["cold", "warm"], colour=False).read(LogProgress())[0]
    assert (grey.shape, int(grey[1, 0, 0])) == ((2, 4, 6), 75)  # 0.299 of 250


def _larger(folder: Path) -> None:
    Image.new("RGB", (7, 4)).save(folder / "train" / "warm" / "b.png")


def _damaged(folder: Path) -> None:
    (folder / "train" / "warm" / "b.png").write_bytes(b"no picture")


def _another(folder: Path) -> None:
    (folder / "test" / "tepid").mkdir()


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_larger, "b.png has 7 × 4 pixels, not 6 × 4"),
        (_damaged, "b.png is no whole PNG or JPEG"),
        (_another, "holds folders cold, tepid, warm, not warm, cold"),
    ],
)
def test_a_folder_of_pictures_that_do_not_fit_is_refused(
    tmp_path: Path, harm: Callable[[Path], None], said: str
) -> None:
    """Another size, a file that is no picture, and a class that was not named."""
    harm(pictures(tmp_path))
    with pytest.raises(RejectedError, match=said):
        class_folders(tmp_path, ["warm", "cold"]).read(LogProgress())
    with pytest.raises(UnavailableError, match="there is no folder"):
        class_folders(tmp_path / "none", ["warm"]).read(LogProgress())


SHAPES = array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)
KINDS = st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"])
NUMBERS = KINDS.flatmap(lambda kind: arrays(kind, SHAPES))


@settings(deadline=None)  # a busy machine is no fault
@given(array=NUMBERS)
def test_decoding_gives_back_what_was_encoded(array: NDArray[Any]) -> None:
    """No shape and no value is lost on the way."""
    decoded = idx.decode(idx.encode(array))
    assert decoded.shape == array.shape
    assert np.array_equal(decoded, array, equal_nan=True)


@settings(deadline=None)  # a busy machine is no fault
@given(array=NUMBERS, data=st.data())
def test_a_file_cut_anywhere_is_refused(array: NDArray[Any], data: st.DataObject) -> None:
    """No beginning of an IDX file passes for a whole one."""
    content = idx.encode(array)
    length = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(ValueError, match=r"IDX|bytes|header"):
        idx.decode(content[:length])


@settings(deadline=None)  # a busy machine is no fault
@given(array=NUMBERS)
def test_the_checksum_is_that_of_the_encoded_file(array: NDArray[Any]) -> None:
    """The checksum without a copy equals hashlib's over the file, for any memory order."""
    expected = hashlib.sha256(idx.encode(array)).hexdigest()
    assert idx.checksum(np.asfortranarray(array)) == expected


def test_the_bytes_are_those_the_format_prescribes() -> None:
    """A 1 × 2 array gives the bytes written out by hand from the format's description."""
    expected = bytes.fromhex("00 00 08 02  00 00 00 01  00 00 00 02  07 ff")
    assert idx.encode(np.array([[7, 255]], np.uint8)) == expected


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b\x08\x00", b"\0\0\x0a\x01\0\0\0\0", b"\0\0\x08\0"]
)
def test_what_is_no_idx_file_of_bytes_is_refused(content: bytes) -> None:
    """An empty file, gzip, an unknown type and no dimension at all are each refused."""
    with pytest.raises(ValueError, match="no IDX file"):
        idx.decode(content)


def test_trailing_bytes_are_refused() -> None:
    """One byte too many makes a file another file."""
    with pytest.raises(ValueError, match="holds 11 bytes, and its header announces 10"):
        idx.decode(idx.encode(np.zeros(2, np.uint8)) + b"\0")
