"""The official downloads, from a server on this machine."""

from __future__ import annotations

import gzip
import io
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from data_world import tiny

from fitting_room.data import arrays as idx
from fitting_room.data import sources
from fitting_room.data.arrays import FILES, Arrays
from fitting_room.data.progress import LogProgress, RejectedError, UnavailableError
from fitting_room.data.sources import IdxDownload, NpzDownload, fetch


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

    assert IdxDownload(base=server.url).read(LogProgress()).checksums() == arrays.checksums()


def test_one_npz_gives_the_arrays(server: Server) -> None:
    """MNIST's form: the arrays by Keras' names; their IDX checksums are the same."""
    arrays = tiny("mnist")
    server.pages["/mnist.npz"] = _npz(**_as_keras_names_them(arrays))

    found = NpzDownload(url=f"{server.url}mnist.npz").read(LogProgress())

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
    monkeypatch.setattr(sources, "_SILENCE_S", 0.05)
    waiting = threading.Event()
    monkeypatch.setattr(Handler, "do_GET", lambda _: waiting.wait(5))

    with pytest.raises(RejectedError, match="interrupted"):
        fetch(f"{server.url}page", LogProgress())
    waiting.set()


def _pickled() -> bytes:
    arrays = _as_keras_names_them(tiny("mnist"))
    return _npz(**{**arrays, "x_train": np.array([{"a": 1}], object)})


def _floats() -> bytes:
    arrays = _as_keras_names_them(tiny("mnist"))
    return _npz(**{**arrays, "y_test": np.zeros(3)})


def _lacking() -> bytes:
    return _npz(x_train=np.zeros(3, np.uint8))


def _no_archive() -> bytes:
    return b"<html>Please log in</html>"


@pytest.mark.parametrize("content", [_pickled, _floats, _lacking, _no_archive])
def test_an_npz_that_holds_something_else_is_refused(
    server: Server, content: Callable[[], bytes]
) -> None:
    """Pickles, floats, missing arrays and a login page are each refused, and nothing unpickled."""
    server.pages["/mnist.npz"] = content()

    with pytest.raises(RejectedError, match=r"no whole \.npz of plain arrays"):
        NpzDownload(url=f"{server.url}mnist.npz").read(LogProgress())


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
