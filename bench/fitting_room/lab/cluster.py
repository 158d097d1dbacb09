"""Dask clusters as engines, and the checkout that is sent to their workers."""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import sys
import tarfile
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from fitting_room.errors import UserError
from fitting_room.lab.engine import TOPIC, Engine
from fitting_room.lab.process import end_of
from fitting_room.record import Message
from fitting_room.store.digest import ENGINE, PACKAGES, brings_engine

CONNECT_S = 30  # time for a scheduler to answer, and to have a worker
SILENT_S = 60.0  # after which workers that do not answer are given up: nannies take seconds
LOOK_S = 3.0  # how often it is asked which workers there are
END_S = 5.0  # time for the workers to hear that a run was ended
MOST_BYTES = 32 * 2**20  # of a packed checkout that is sent: more is data in the wrong place

LEFT_OUT = {"__pycache__", "node_modules", "results", "site-packages"}
"""Folders that hold no code of a project; folders whose name begins with a dot hold none either."""


def open_dask(name: str, where: Mapping[str, str], ship: Path | None) -> Engine:
    """Return the cluster of a scheduler as an engine.

    A task that the scheduler reruns by itself trains nothing. If a worker is lost, before or after
    it made its record, the run requests the trial again and counts the attempt.

    Raises:
        UserError: The package is missing, or no scheduler answers that has a worker.
    """
    client = _client(name, where)
    plugin = _checkout(ship) if ship else None
    engine = Engine(
        name=name,
        executor=Answers(client),
        slots=_slots(client, name, plugin),
        work=_travelling_work(),
        end=lambda run: _briefly(lambda: client.run(end_of, run, on_error="ignore"), END_S),
        alive=_Watch(client, name, client.scheduler_comm).why,
        close=lambda: _briefly(close, 2 * END_S),
        cancel=lambda _: False,  # it would drop the record of what runs, too
    )

    def close() -> None:
        if plugin:
            client.unregister_worker_plugin(plugin.name)
        client.close(timeout=END_S)

    def hear(event: Any) -> None:
        engine.hear(event[1]["key"], msgspec.json.decode(event[1]["said"], type=Message))

    client.subscribe_topic(TOPIC, hear)
    return engine


def _slots(client: Any, name: str, plugin: Any) -> int:
    """Prepare the scheduler and its workers; return how many trials they run at once."""
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
        client.run_on_scheduler(_beginnings())
        if plugin:
            client.register_plugin(plugin)
        return sum(client.nthreads().values())
    except TimeoutError as error:
        client.close()
        raise UserError(
            f"The scheduler at {name} has no worker after {CONNECT_S} s. Start some with "
            "`dask worker`, then run this again."
        ) from error


class Answers(Executor):
    """An executor that always returns the answer of a cluster.

    Dask's own never answers if a worker is lost while its record is fetched.
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    def submit(self, fn: Callable[..., Any], /, *given: Any, **known: Any) -> Future[Any]:
        """Have a function called by a worker, once."""
        return self.handed_over(self.client.submit(fn, *given, **known, pure=False, retries=0))

    def handed_over(self, future: Any) -> Future[Any]:
        """Return a future with the result of Dask's future, or with its error."""
        answer: Future[Any] = Future()

        async def hand_over() -> None:
            try:
                answer.set_result(await self.client.gather(future, asynchronous=True))
            except Exception as error:
                answer.set_exception(error)

        self.client.loop.add_callback(hand_over)
        return answer


def _client(name: str, where: Mapping[str, str]) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise UserError(
            "An engine of Dask needs the package distributed: "
            "pip install 'fitting-room[cluster]', here and on the workers."
        ) from error
    try:
        return Client(**where, timeout=CONNECT_S, set_as_default=False, name="fitting-room")
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"No scheduler answers at {name}: {error}. Start one with `dask scheduler`, and "
            "workers with `dask worker`; bench/docs/cluster.md shows how."
        ) from error


def _beginnings() -> Callable[..., None]:
    """Return a function that lets a scheduler allow each assignment to begin once.

    It is sent as code: a scheduler need not have this package.
    """

    def prepare(dask_scheduler: Any) -> None:
        begun: set[str] = set()

        def begin(assignment: str) -> bool:
            first = assignment not in begun
            begun.add(assignment)
            return first

        dask_scheduler.handlers.setdefault("fitting_room_begin", begin)

    return prepare


def _travelling_work() -> Callable[[bytes], bytes]:
    """Return ``work`` as code: the scheduler unpacks it, and need not have this package."""

    def carry(assignment: bytes) -> bytes:
        from distributed import get_worker
        from distributed.utils import sync

        from fitting_room.lab.engine import work

        def begin(its: str) -> None:
            worker = get_worker()
            if not sync(worker.loop, worker.scheduler.fitting_room_begin, assignment=its):
                raise RuntimeError("it was begun by a worker that was lost since")

        return work(assignment, begin)

    return carry


@dataclass
class _Watch:
    """Finds out when no answer can come any more."""

    client: Any
    name: str
    connection: Any
    """The connection to the scheduler as found: one that was restarted knows nothing of the run."""
    seen: float = field(default_factory=time.monotonic)  # when there was a worker
    looked: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def why(self) -> str:
        """Return why no answer can come any more; empty while one can."""
        if self.client.scheduler_comm is not self.connection:
            return f"The scheduler at {self.name} is gone, or was restarted."
        if self.lock.acquire(blocking=False):  # one asks for all that wait
            try:
                self._look()
            finally:
                self.lock.release()
        if time.monotonic() > self.seen + SILENT_S:
            return f"No worker of {self.name} has answered for {SILENT_S:.0f} s."
        return ""

    def _look(self) -> None:
        if time.monotonic() < self.looked + LOOK_S:
            return
        with suppress(Exception):  # a lost connection may raise anything
            if self.client.sync(self.client.scheduler.ncores, callback_timeout=SILENT_S / 4):
                self.seen = time.monotonic()
        self.looked = time.monotonic()


def _briefly(tell: Callable[[], object], seconds: float) -> None:
    """Tell a cluster something and wait for so long: one that is gone may not answer."""

    def quietly() -> None:
        with suppress(Exception):
            tell()

    telling = threading.Thread(target=quietly, daemon=True)
    telling.start()
    telling.join(seconds)


def packed(root: Path) -> bytes:
    """Return the code of a project as a tar file, the same bytes for the same files.

    Raises:
        UserError: It is too large to be code.
    """
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file, name in sorted(_files(root)):
            entry = archive.gettarinfo(file, name)
            entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, 0, "", ""
            archive.addfile(entry, io.BytesIO(file.read_bytes()))
            if target.tell() > MOST_BYTES:
                raise UserError(
                    f"--ship sends code, but {root} holds more than {MOST_BYTES >> 20} MiB; "
                    f"{name} is the last file that was packed. Move data out of there, or install "
                    "the project on the workers."
                )
    return target.getvalue()


def _files(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield each file that is sent, and its name there; the engine too if it lies elsewhere."""
    own = brings_engine(root)
    folders = [(root / package, f"{package}/") for package in PACKAGES] if own else [(root, "")]
    if not own:
        folders.append((ENGINE / "fitting_room", "engine/fitting_room/"))
    yield root / "pyproject.toml", "pyproject.toml"
    for folder, prefix in folders:
        for file in folder.rglob("*"):
            inside = file.relative_to(folder)
            left_out = any(part in LEFT_OUT or part[0] == "." for part in inside.parts)
            if file.is_file() and not left_out and f"{prefix}{inside}" != "pyproject.toml":
                yield file, f"{prefix}{inside}"


def _checkout(root: Path) -> Any:
    """Return a plugin that unpacks a checkout on each worker, also on those that come later."""
    from distributed import WorkerPlugin

    digest = hashlib.sha256(blob := packed(root)).hexdigest()[:16]

    class Checkout(WorkerPlugin):  # type: ignore[misc]  # made here, it travels as code
        """Unpacks the checkout into a folder of its digest, and puts it on Python's path."""

        name = f"fitting-room-{digest}-{uuid.uuid4().hex}"

        def setup(self, worker: Any) -> None:
            trees = Path(tempfile.gettempdir()) / f"fitting-room-{os.getuid()}" / "trees"
            tree = trees / digest
            if not tree.exists():
                trees.mkdir(mode=0o700, parents=True, exist_ok=True)
                part = Path(tempfile.mkdtemp(dir=trees))
                with tarfile.open(fileobj=io.BytesIO(blob)) as archive:
                    archive.extractall(part, filter="data")
                with suppress(OSError):  # another worker of this node was faster
                    part.rename(tree)
            for name in [*sys.modules]:
                if name.partition(".")[0] in ("bench", "fitting_room", "models"):
                    del sys.modules[name]
            sys.path[:] = [path for path in sys.path if not path.startswith(str(trees))]
            sys.path[:0] = [str(tree / "bench"), str(tree), str(tree / "engine")]
            # A trial's process looks there before it looks for an engine that is installed.
            before = filter(None, [os.environ.get("PYTHONPATH")])
            os.environ["PYTHONPATH"] = os.pathsep.join([str(tree / "engine"), *before])
            os.chdir(tree)  # a project of somebody else's is looked for there
            # Here, by one thread: a trial that imports it meanwhile would find half of it gone.
            importlib.import_module("fitting_room.lab.engine")

    return Checkout()
