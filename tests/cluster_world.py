"""A cluster of Dask on the loopback, whose workers train nothing and are real in all else."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench_runs import PATIENCE_S
from imports import ROOT

from fitting_room.lab import process
from fitting_room.lab.engine import Engine, open_engine
from fitting_room.lab.scheduler import Scheduler
from fitting_room.record import Listener, Record, silent
from fitting_room.spec import TrialSpec
from fitting_room.store.records import Store

CHILDREN_AT = "CLUSTER_WORLD_CHILDREN"
"""Variable of the environment with the folder of the child that trains nothing."""

EPOCH_S = 0.05

CHILD = f"""
import os, time
from pathlib import Path
from fitting_room.record import Epoch, Message
from fitting_room.trial import __main__ as child
from fitting_room.trial import loaded_files, say

def train(job, measured, output):
    with Path(os.environ["{CHILDREN_AT}"], "trained").open("a") as file:
        file.write(f"{{job.key}}\\n")
    say(output, Message(note="training", files=loaded_files(job.spec.case.builder)))
    for number in range(1, job.spec.epochs + 1):
        time.sleep({EPOCH_S})
        epoch = Epoch(
            number=number, seconds={EPOCH_S}, cpu_seconds={EPOCH_S}, training_accuracy=0.5,
            training_loss=1.0 + job.spec.seed,
        )
        measured.epochs = (*measured.epochs, epoch)
        say(output, Message(epoch=epoch))
    measured.test_accuracy = 0.5
    return "completed", "trained"

child._run = train
child.main()
"""
"""A child that sleeps; all but the training is the real one."""

PRELOAD = f"""
import os
from pathlib import Path
from fitting_room.lab import process
process.CHILDREN = Path(os.environ["{CHILDREN_AT}"])
"""
"""What a worker of Dask loads before it begins."""


def use_fake_child() -> None:
    """Let this process train by the child that sleeps."""
    process.CHILDREN = Path(os.environ[CHILDREN_AT])


def pool() -> Executor:
    """Return processes of this machine, as ``--engine cluster_world:pool`` wants them."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(2, context, initializer=use_fake_child)


def children(folder: Path) -> Path:
    """Write the child that sleeps, and the preload, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__main__.py").write_text(CHILD, "utf-8")
    (folder / "preload.py").write_text(PRELOAD, "utf-8")
    return folder


def marked(folder: Path) -> dict[int, str]:
    """Return the living processes whose children are in a folder, with their command lines."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended, or is somebody else's
            if f"{CHILDREN_AT}={folder}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().decode(errors="replace")
    return found


def trainings(folder: Path) -> list[str]:
    """Return the keys of all trials that were begun, in order."""
    file = folder / "trained"
    return file.read_text("utf-8").split() if file.exists() else []


SCHEDULER = ("--host", "127.0.0.1", "--no-dashboard")


@dataclass
class Cluster:
    """A scheduler and its workers, each a process started here."""

    folder: Path
    file: Path
    """Scheduler file: the engine's name."""
    environment: dict[str, str]
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def train_really(self) -> None:
        """Let workers that are started from now on train by the real child."""
        (self.folder / "children" / "preload.py").write_text("", "utf-8")

    def add_worker(self, *arguments: str) -> None:
        """Start a worker under a nanny."""
        told = ["--scheduler-file", str(self.file), "--nthreads", "1", "--no-dashboard"]
        told += ["--local-directory", str(self.folder / "dask"), "--host", "127.0.0.1"]
        told += ["--preload", str(self.folder / "children" / "preload.py"), *arguments]
        self.workers.append(self._start("dask_worker", *told))

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        return _start(program, *arguments, folder=self.folder, environment=self.environment)

    def engine(self) -> Engine:
        """Return it as an engine of a new run."""
        return open_engine(str(self.file))

    def wait_for_workers(self, number: int | None = None) -> None:
        """Wait until so many, or all that were started, are there, however busy the machine is."""
        from distributed import Client

        until(self.file.exists)
        with Client(scheduler_file=str(self.file), set_as_default=False, timeout=60) as client:
            client.wait_for_workers(number or len(self.workers), timeout=PATIENCE_S)

    def restart(self) -> None:
        """Kill the scheduler, and start one at the same address with a worker of its own."""
        address = json.loads(self.file.read_text("utf-8"))["address"]
        self.scheduler.kill()
        self.scheduler.wait()
        told = ("--port", address.rpartition(":")[2], "--scheduler-file", str(self.file))
        self.file.unlink()
        self.scheduler = self._start("dask_scheduler", *SCHEDULER, *told)
        self.add_worker()
        self.wait_for_workers(1)

    def close(self) -> None:
        """End every process of it."""
        for each in [*self.workers, self.scheduler]:
            each.terminate()
        for each in [*self.workers, self.scheduler]:
            try:
                each.wait(20)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()


def _start(
    program: str, *arguments: str, folder: Path, environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    with (folder / f"{program}.log").open("ab") as log:
        command = [sys.executable, "-m", f"distributed.cli.{program}", *arguments]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """Yield a cluster with so many workers; none of its processes outlives it."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "bench"), str(ROOT), *sys.path]),
        "TMPDIR": str(folder / "tmp"),
        "XDG_CACHE_HOME": str(folder / "cache"),  # no timed trial of anybody is waited for
        CHILDREN_AT: str(children(folder / "children")),
    }
    (folder / "tmp").mkdir()
    file = folder / "scheduler.json"
    told = (*SCHEDULER, "--port", "0", "--scheduler-file", str(file))
    process = _start("dask_scheduler", *told, folder=folder, environment=environment)
    found = Cluster(folder=folder, file=file, environment=environment, scheduler=process)
    try:
        for _ in range(workers):
            found.add_worker()
        until(file.exists)
        if workers:
            found.wait_for_workers()
        yield found
    finally:
        found.close()


def until(true: Callable[[], Any], *, patience_s: float = PATIENCE_S) -> Any:
    """Wait until something is so, and return it."""
    deadline = time.monotonic() + patience_s
    while not (found := true()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return found


def scheduler_of(
    folder: Path, engine: Engine | None, *, fresh: str | None = None, listen: Listener = silent
) -> Scheduler:
    """Return the scheduler of a new run whose records are in ``folder``."""
    slots = engine.slots if engine else 2
    return Scheduler(
        store=Store(folder, fresh),
        executor=ThreadPoolExecutor(slots),
        engine=engine,
        slots=slots,
        listen=listen,
    )


def trained(
    folder: Path, engine: Engine | None, specs: list[TrialSpec], **known: Any
) -> list[Record]:
    """Return the records of some trials, in order, as a run gets them."""
    run = scheduler_of(folder, engine, **known)
    try:
        futures = [run.request(spec, timed=False) for spec in specs]
        return [future.result(timeout=PATIENCE_S) for future in futures]
    finally:
        run.close()
