"""A kill storm, run by hand: ``python tests/kill_storm.py --points 100``.

Each point starts a run of three cheap trials in an empty folder of results, and kills the run or
one of its children at a random moment. It then looks for records that cannot be read, and for
children that outlive the run. A second run in that folder must then complete all three.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT), str(ROOT / "tests")]

from cluster_world import CHILDREN_AT, children, marked, use_fake_child  # noqa: E402
from trials import small  # noqa: E402  # the paths above are this checkout's

from fitting_room.errors import UserError  # noqa: E402
from fitting_room.lab.scheduler import Scheduler  # noqa: E402
from fitting_room.project import current  # noqa: E402
from fitting_room.store.records import Store, read_record  # noqa: E402

SEEDS = range(3)
PATIENCE_S = 120.0


def run(folder: Path) -> int:
    """Train all seeds into a folder; return 0 if each is completed."""
    use_fake_child()
    scheduler = Scheduler(store=Store(folder), executor=ThreadPoolExecutor(2))
    specs = [replace(small(epochs=8), seed=seed) for seed in SEEDS]
    futures = [scheduler.request(spec, timed=False) for spec in specs]
    records = [future.result() for future in futures]
    scheduler.close()
    return 0 if all(record.completed for record in records) else 1


@dataclass
class Tally:
    """What a storm left."""

    points: int = 0
    of_children: int = 0
    begun: int = 0
    unreadable: list[str] = field(default_factory=list)
    stuck: int = 0
    parts: int = 0
    orphans: int = 0
    slowest_s: float = 0.0

    @property
    def words(self) -> str:
        """Say it in a line."""
        return (
            f"{self.points} kills, {self.of_children} of them of a child, {self.begun} after the "
            f"first record: {len(self.unreadable)} half-written records, "
            f"{self.points - self.stuck} of {self.points} runs went on, {self.orphans} orphans, "
            f"all gone within {self.slowest_s:.1f} s, {self.parts} unfinished files left"
        )


def place(folder: Path) -> Path:
    """Return where the children of a run lie, by which its processes are told from all others."""
    return folder.with_name(f"{folder.name}-children")


def started(folder: Path) -> subprocess.Popen[bytes]:
    """Start a run in a folder."""
    own = {
        CHILDREN_AT: str(children(place(folder))),
        "XDG_CACHE_HOME": str(folder.parent / "cache"),
    }
    command = [sys.executable, __file__, "--run", str(folder)]
    with (folder.parent / f"{folder.name}.log").open("ab") as log:
        return subprocess.Popen(command, env=os.environ | own, stderr=log)


def strike(folder: Path, delay: float, dice: random.Random, tally: Tally) -> None:
    """Kill a run or one of its children after a delay, see what is left, and let it go on."""
    first = started(folder)
    time.sleep(delay)
    left = [pid for pid in marked(place(folder)) if pid != first.pid]
    if left and dice.random() < 1 / 3:
        tally.of_children += 1
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(dice.choice(left), 9)
    else:
        tally.orphans += len(left)
        first.kill()
    first.wait(PATIENCE_S)
    killed = time.monotonic()
    while marked(place(folder)) and time.monotonic() < killed + PATIENCE_S:
        time.sleep(0.02)
    tally.slowest_s = max(tally.slowest_s, time.monotonic() - killed)
    tally.points += 1
    tally.parts += len([*folder.rglob("*.part")])
    records = [*folder.glob("*/seed-*.json")]
    tally.begun += bool(records)
    for path in records:
        try:
            read_record(path)
        except UserError as error:
            tally.unreadable.append(str(error))
    status = started(folder).wait(PATIENCE_S)
    completed = [record for record in Store(folder).readable() if record.completed]
    if (status, len(completed)) != (0, len(SEEDS)):
        tally.stuck += 1
        print((folder.parent / f"{folder.name}.log").read_text("utf-8"), file=sys.stderr)


def main() -> int:
    """Run a storm; return 1 if anything was half-written, stuck or left running."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    current(ROOT).use()
    if asked.run:
        return run(asked.run)
    dice, tally = random.Random(asked.seed), Tally()
    with tempfile.TemporaryDirectory() as scratch:
        began = time.monotonic()
        assert started(Path(scratch, "whole")).wait(PATIENCE_S) == 0, "an undisturbed run fails"
        whole = time.monotonic() - began
        for point in range(asked.points):
            strike(Path(scratch, str(point)), dice.uniform(0, whole), dice, tally)
            if (point + 1) % 10 == 0:
                print(tally.words, flush=True)
    return int(bool(tally.unreadable or tally.stuck or tally.slowest_s > PATIENCE_S))


if __name__ == "__main__":
    sys.exit(main())
