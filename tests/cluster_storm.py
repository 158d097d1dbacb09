"""A kill storm over a cluster, and its cost as it grows, run by hand on a quiet machine.

``python tests/cluster_storm.py`` does both in at most eight minutes, and writes what it found to
``results/cluster``, from which ``python -m bench readme`` makes a page. The storm trains 120 cheap
trials over three workers on the loopback, and kills workers, nannies, children and the run itself
at random moments. It starts again what is gone, and counts what is left. The growth runs 10 to
2,000 trials of fixed length over 1 to 8 workers. ``--storm`` and ``--growth`` do one of them.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT), str(ROOT / "tests")]

from cluster_world import (  # noqa: E402  # of this checkout
    Cluster,
    cluster,
    marked,
    scheduler_of,
    trainings,
)
from trials import small  # noqa: E402

from fitting_room.lab.engine import open_engine  # noqa: E402
from fitting_room.lab.scheduler import job_of  # noqa: E402
from fitting_room.machine import peak_memory_bytes, this_machine  # noqa: E402
from fitting_room.project import current  # noqa: E402
from fitting_room.record import now  # noqa: E402
from fitting_room.spec import TrialSpec  # noqa: E402
from fitting_room.store.records import Store  # noqa: E402
from fitting_room.studies import Origin, write_document  # noqa: E402
from fitting_room.studies.growth import FOLDER, KINDS, Growth, Point, Storm  # noqa: E402

TRIALS = 120
PATIENCE_S = 1800.0
LENGTH_S = 0.05
"""How long a trial of the growth lasts."""

NUMBERS = (10, 100, 500, 2000)
GROWTH = (
    *((workers, 1, "sleep", LENGTH_S, NUMBERS) for workers in (1, 2, 4, 8)),
    (8, 32, "sleep", 1.0, (256, 2048)),
    (2, 1, "spin", LENGTH_S, (10, 100, 500)),
)
"""Workers, slots of each, kind and seconds of a trial, and numbers of trials."""

SMALL = (
    (1, 1, "sleep", LENGTH_S, (10, 100)),
    (2, 1, "sleep", LENGTH_S, (10, 100, 500)),
    (2, 64, "sleep", 1.0, (256,)),
)
"""The same in two minutes, to see that it works."""

STEADY = """
import time
from fitting_room.lab import engine
from fitting_room.record import PartialRecord, now
from fitting_room.machine import this_machine

def run_trial(job, listen, *, run):
    told = job.spec.case.arguments
    if told["kind"] == "sleep":
        time.sleep(told["seconds"])
    until = time.thread_time() + told["seconds"] * (told["kind"] == "spin")
    while time.thread_time() < until:
        pass
    measured = PartialRecord(machine=this_machine(), test_accuracy=0.5)
    return job.record("completed", "ended", started=now(), measured=measured)

engine.run_trial = run_trial
"""
"""A worker whose trials last as long as they are told, without a process of their own."""


def specs(number: int, arguments: dict[str, Any] | None = None) -> list[TrialSpec]:
    """Return so many trials."""
    spec = small(epochs=8) if arguments is None else small(arguments=arguments)
    return [replace(spec, seed=seed) for seed in range(number)]


def run(folder: Path, engine: str, wanted: list[TrialSpec], **about: Any) -> int:
    """Train all into a folder; return 0 if each is completed, and tell what it took."""
    scheduler = scheduler_of(folder, open_engine(engine), fresh=uuid.uuid4().hex if about else None)
    began, before = time.monotonic(), time.process_time()
    futures = [scheduler.request(spec, timed=False) for spec in wanted]
    records = [future.result() for future in futures]
    point = {
        **about,
        "trials": len(wanted),
        "slots": scheduler.slots,
        "wall": time.monotonic() - began,
        "cpu": time.process_time() - before,
        "peak_mib": (peak_memory_bytes() or 0) / 2**20,
    }
    scheduler.close()
    print(msgspec.json.encode(point).decode(), flush=True)
    return 0 if all(record.completed for record in records) else 1


def kind_of(command: str) -> str:
    """Say what a process is; empty for one that the storm spares."""
    if "cluster_storm.py" in command:
        return "run"
    if "children/__main__.py" in command:
        return "child"
    if "distributed.cli.dask_worker" in command:
        return "nanny"
    return "worker" if "spawn_main" in command else ""


def start(found: Cluster, *told: str) -> subprocess.Popen[bytes]:
    """Start a run of its own."""
    where = ["--run", str(found.folder / "results"), "--engine", str(found.file)]
    with (found.folder / "run.log").open("ab") as log:
        command = [sys.executable, __file__, *where, *told]
        return subprocess.Popen(command, env=found.environment, stdout=log, stderr=log)


def strike(found: Cluster, kills: int, dice: random.Random, struck: Counter[str]) -> bool:
    """Kill while a run goes on, and start it again; return whether it finished."""
    before = 0
    running, deadline = start(found), time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        time.sleep(dice.uniform(0.1, 0.6))
        if running.poll() == 0:
            break
        if running.poll() is not None:  # killed, or not all were completed: go on
            running = start(found)
        found.workers = [each for each in found.workers if each.poll() is None]
        for _ in range(3 - len(found.workers)):
            found.add_worker()
        begun = len(trainings(found.folder / "children"))
        if begun < before + 2 or struck.total() == kills:
            continue  # what is killed before it trains says little
        wanted, before = dice.choice([*KINDS]), begun
        there = [
            pid
            for pid, told in marked(found.folder / "children").items()
            if kind_of(told) == wanted
        ]
        if there:
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(dice.choice(there), signal.SIGKILL)
                struck[wanted] += 1
    finished = running.poll() == 0
    running.kill()
    running.wait()
    return finished


def storm(kills: int, dice: random.Random, results: Path) -> int:
    """Kill while a run goes on; return 1 if anything was lost, chosen twice or left running."""
    struck: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with cluster(folder, 3) as found:
            finished = strike(found, kills, dice, struck)
        for _ in range(100):  # what notices that its parent is gone needs a moment
            if not (left := marked(folder / "children")):
                break
            time.sleep(0.2)
        records = [record for record in Store(folder / "results").readable() if record.completed]
        completed = Counter(record.key for record in records)
        lost = {job_of(spec).key for spec in specs(TRIALS)} - set(completed)
        told = Storm(
            origin=origin(),
            trials=TRIALS,
            workers=3,
            kills={kind: struck[kind] for kind in KINDS},
            records=len(completed),
            lost=len(lost),
            twice=sum(number > 1 for number in completed.values()),
            aside=len([*folder.rglob(".second-*")]),
            orphans=len(left),
            trainings=len(trainings(folder / "children")),
            attempts=max((record.attempts or 1 for record in records), default=0),
        )
        print(msgspec.json.encode(told).decode(), "" if finished else "NOT FINISHED", flush=True)
        if lost or not finished:
            print((folder / "run.log").read_text("utf-8")[-3000:], file=sys.stderr)
    if finished:
        write_document(results / "storm.json", told)
    return int(bool(told.lost or told.twice or told.orphans or not finished))


def origin() -> Origin:
    """Return what the figures rest on: this code and machine, now."""
    known = job_of(small()).provenance
    versions = {name: version(name) for name in ("distributed", "msgspec")}
    versions = {"python": known.versions["python"], **versions}
    origin = replace(known, versions=versions, settings={})
    return Origin(provenance=origin, machine=this_machine(), started=now())


def growth(grid: tuple[Any, ...], results: Path) -> int:
    """Run trials of fixed length, more and more of them."""
    document = Growth(origin=origin(), points=tuple(point for row in grid for point in points(row)))
    write_document(results / "growth.json", document)
    return 0


def points(row: Any) -> Iterator[Point]:
    """Yield what runs over one cluster took.

    Raises:
        RuntimeError: One of them did not end well.
    """
    workers, slots, kind, seconds, numbers = row
    with tempfile.TemporaryDirectory() as scratch, cluster(Path(scratch), 0) as found:
        (found.folder / "children" / "preload.py").write_text(STEADY, "utf-8")
        for _ in range(workers):
            found.add_worker("--nthreads", str(slots))
        found.wait_for_workers()
        for number in numbers:
            before = cpu_of(found.scheduler.pid)
            told = {"kind": kind, "seconds": seconds}
            about = msgspec.json.encode({**told, "workers": workers}).decode()
            status = start(found, "--trials", str(number), "--about", about).wait(PATIENCE_S)
            said = ["", *(found.folder / "run.log").read_text("utf-8").splitlines()][-1]
            if status:
                print((found.folder / "run.log").read_text("utf-8"), file=sys.stderr)
                raise RuntimeError(f"a run ended with status {status}")
            used = cpu_of(found.scheduler.pid) - before
            point = msgspec.convert({**msgspec.json.decode(said), "scheduler_cpu": used}, Point)
            shown = f"{point.lost_ms(os.cpu_count() or 1):.0f} ms of a slot, {point.cpu_ms:.1f} ms"
            print(f"{said}\n    {shown} of the run a trial", flush=True)
            yield point


def cpu_of(process: int) -> float:
    """Return the processor seconds of a process so far."""
    told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Do what was asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--storm", action="store_true", help="only kill")
    parser.add_argument("--growth", action="store_true", help="only let it grow")
    parser.add_argument("--small", action="store_true", help="fewer runs, and 10 kills")
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    for name, kind in (("--run", Path), ("--engine", str), ("--trials", int), ("--about", str)):
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    current(ROOT).use()
    if asked.about:
        about = msgspec.json.decode(asked.about)
        wanted = specs(asked.trials, {name: about[name] for name in ("kind", "seconds")})
        return run(asked.run, asked.engine, wanted, **about)
    if asked.run:
        return run(asked.run, asked.engine, specs(TRIALS))
    folder, status = asked.results / FOLDER, 0
    if not asked.storm:
        status |= growth(SMALL if asked.small else GROWTH, folder)
    if not asked.growth:
        status |= storm(10 if asked.small else asked.kills, random.Random(asked.seed), folder)
    return status


if __name__ == "__main__":
    sys.exit(main())
