"""A kill storm over a cluster, and its cost as it grows, run by hand.

``python tests/cluster_storm.py --kills 40`` trains 120 cheap trials over three workers on the
loopback, kills workers, nannies, children and the run itself at random moments, starts again what
is gone, and counts what is left. ``--growth`` runs 10 to 2,000 trials of fixed length instead.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT), str(ROOT / "tests")]

from cluster_world import Cluster, cluster, scheduler_of, trainings  # noqa: E402  # of this checkout
from trials import small  # noqa: E402

from fitting_room.lab.engine import open_engine  # noqa: E402
from fitting_room.lab.scheduler import job_of  # noqa: E402
from fitting_room.project import current  # noqa: E402
from fitting_room.spec import TrialSpec  # noqa: E402
from fitting_room.store.records import Store  # noqa: E402

TRIALS = 120
PATIENCE_S = 1800.0
KINDS = ("worker", "nanny", "child", "run")
MARK = "CLUSTER_WORLD_CHILDREN"
"""Variable of the environment by which the processes of a storm are found."""

LENGTH_S = 0.05
"""How long a trial of the growth lasts."""

STEADY = f"""
import time
from fitting_room.lab import worker
from fitting_room.record import PartialRecord
from fitting_room.record import now
from fitting_room.machine import this_machine

def run_trial(job, listen, *, run):
    time.sleep({LENGTH_S})
    measured = PartialRecord(machine=this_machine(), test_accuracy=0.5)
    return job.record("completed", "slept", started=now(), measured=measured)

worker.run_trial = run_trial
"""
"""A worker whose trials last as long as they are told, without a process of their own."""


def specs(number: int) -> list[TrialSpec]:
    """Return so many trials."""
    return [replace(small(epochs=8), seed=seed) for seed in range(number)]


def run(folder: Path, engine: str, number: int) -> int:
    """Train all into a folder; return 0 if each is completed, and tell what it took."""
    began = time.monotonic()
    scheduler = scheduler_of(folder, open_engine(engine))
    connected, before = time.monotonic(), time.process_time()
    futures = [scheduler.request(spec, timed=False) for spec in specs(number)]
    records = [future.result() for future in futures]
    took, busy = time.monotonic() - connected, time.process_time() - before
    slots = scheduler.slots
    scheduler.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    over = took * slots / number - LENGTH_S
    print(
        f"{number:5d} trials, {slots} slots: {took:6.1f} s, {1000 * over:6.1f} ms of a slot and "
        f"{1000 * busy / number:5.1f} ms of the run's CPU a trial above {1000 * LENGTH_S:.0f} ms, "
        f"{number * LENGTH_S / slots / took:4.0%} of the ideal, peak {memory:.0f} MiB, "
        f"connected in {connected - began:.1f} s",
        flush=True,
    )
    return 0 if all(record.completed for record in records) else 1


def marked(folder: Path) -> dict[int, str]:
    """Return the living processes of a storm with their command lines."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended, or is somebody else's
            if f"{MARK}={folder / 'children'}".encode() in (entry / "environ").read_bytes():
                found[int(entry.name)] = (entry / "cmdline").read_bytes().decode(errors="replace")
    return found


def kind_of(command: str) -> str:
    """Say what a process is; empty for one that the storm spares."""
    if "cluster_storm.py" in command:
        return "run"
    if "children/__main__.py" in command:
        return "child"
    if "distributed.cli.dask_worker" in command:
        return "nanny"
    return "worker" if "spawn_main" in command else ""


def start(found: Cluster, number: int) -> subprocess.Popen[bytes]:
    """Start a run of its own."""
    told = ["--run", str(found.folder / "results"), "--engine", str(found.file)]
    command = [sys.executable, __file__, *told, "--trials", str(number)]
    with (found.folder / "run.log").open("ab") as log:
        return subprocess.Popen(command, env=found.environment, stdout=log, stderr=log)


def strike(found: Cluster, kills: int, dice: random.Random, struck: Counter[str]) -> bool:
    """Kill while a run goes on, and start it again; return whether it finished."""
    before = 0
    running, deadline = start(found, TRIALS), time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        time.sleep(dice.uniform(0.1, 0.6))
        if running.poll() == 0:
            break
        if running.poll() is not None:  # killed, or not all were completed: go on
            running = start(found, TRIALS)
        found.workers = [each for each in found.workers if each.poll() is None]
        for _ in range(3 - len(found.workers)):
            found.add_worker()
        begun = len(trainings(found.folder / "children"))
        if begun < before + 2 or struck.total() == kills:
            continue  # what is killed before it trains says little
        wanted, before = dice.choice(KINDS), begun
        there = [pid for pid, told in marked(found.folder).items() if kind_of(told) == wanted]
        if there:
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(dice.choice(there), signal.SIGKILL)
                struck[wanted] += 1
    finished = running.poll() == 0
    running.kill()
    running.wait()
    return finished


def storm(kills: int, dice: random.Random) -> int:
    """Kill while a run goes on; return 1 if anything was lost, chosen twice or left running."""
    struck: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with cluster(folder, 3) as found:
            finished = strike(found, kills, dice, struck)
        for _ in range(100):  # what notices that its parent is gone needs a moment
            if not (left := marked(folder)):
                break
            time.sleep(0.2)
        records = [record for record in Store(folder / "results").readable() if record.completed]
        completed = Counter(record.key for record in records)
        lost = {job_of(spec).key for spec in specs(TRIALS)} - set(completed)
        twice = sum(number > 1 for number in completed.values())
        most = max((record.attempts or 1 for record in records), default=0)
        again = Counter(trainings(folder / "children"))
        print(
            f"{struck.total()} kills ({', '.join(f'{struck[k]} {k}' for k in KINDS)}): "
            f"{TRIALS} trials asked for, {len(completed)} records, {len(lost)} lost, "
            f"{twice} chosen twice, {len([*folder.rglob('.second-*')])} set aside, "
            f"{len(left)} orphans; {again.total()} trainings begun, most attempts {most}"
            f"{'' if finished else '; NOT FINISHED'}"
        )
        if lost or not finished:
            print((folder / "run.log").read_text("utf-8")[-3000:], file=sys.stderr)
    return int(bool(lost or twice or left or not finished))


def growth(numbers: list[int], workers: list[int]) -> int:
    """Run trials of fixed length, more and more of them."""
    status = 0
    for count in workers:
        for number in numbers:
            with tempfile.TemporaryDirectory() as scratch:
                folder = Path(scratch)
                with cluster(folder, 0) as found:
                    (folder / "children" / "preload.py").write_text(STEADY, "utf-8")
                    for _ in range(count):
                        found.add_worker()
                    time.sleep(4)  # all are there before the first trial
                    status |= start(found, number).wait(PATIENCE_S)
                    print((folder / "run.log").read_text("utf-8").splitlines()[-1], flush=True)
    return status


def main() -> int:
    """Do what was asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--numbers", type=int, nargs="+", default=[10, 100, 500, 2000])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 3])
    for name, kind in (("--run", Path), ("--engine", str), ("--trials", int)):
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    current(ROOT).use()
    if asked.run:
        return run(asked.run, asked.engine, asked.trials)
    if asked.growth:
        return growth(asked.numbers, asked.workers)
    return storm(asked.kills, random.Random(asked.seed))


if __name__ == "__main__":
    sys.exit(main())
