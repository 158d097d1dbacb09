"""``python -m bench speed``: seconds per epoch of the bench's training against a plain ``fit``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from fitting_room.cli import COMMANDS
from fitting_room.cli.sharing import dataset
from fitting_room.durations import now, positive
from fitting_room.errors import UserError
from fitting_room.lab.estimate import warnings
from fitting_room.lab.plan import Options, specify
from fitting_room.lab.process import machine_lock, why_wait
from fitting_room.lab.timing import time_paths
from fitting_room.machine import this_machine
from fitting_room.project import Project
from fitting_room.spec import Case
from fitting_room.store.key import provenance
from fitting_room.store.records import write_whole
from fitting_room.store.speeds import Speed, write_speed
from fitting_room.studies.speed import speed_table

PAIRS = 10
IMAGES = 15_000
"""A quarter of an epoch: the ratio is that of whole ones."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("speed", help=COMMANDS["speed"])
    parser.add_argument("case", nargs="*", help="cases by name; all, if none is given")
    parser.add_argument("--pairs", type=positive, default=PAIRS, help=f"pairs of epochs ({PAIRS})")
    parser.add_argument(
        "--images", type=positive, default=IMAGES, help=f"training images an epoch ({IMAGES})"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="keep the figures as results/speed/CASE.json, to be committed: README's table",
    )
    parser.add_argument("--results", type=Path)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Time each case in a process of its own, alone on this machine; print ratios and keep them."""
    project: Project = arguments.project
    cases = _comparable(project, arguments.case)
    found: dict[str, Speed] = {}
    for number, case in enumerate(cases, start=1):
        began = time.monotonic()
        print(f"[{number}/{len(cases)}] {case.name} …", end="", file=sys.stderr, flush=True)
        found[case.name] = speed = timed(case, arguments.pairs, arguments.images, root=project.root)
        print(f" {time.monotonic() - began:.0f} s", file=sys.stderr)
        if arguments.json:
            write_speed(arguments.results / "speed", speed)
    write_whole(arguments.results / "latest" / "speed.json", _json(found))
    print(speed_table(list(found.values()), list(found), stale={}))
    return 0


def _comparable(project: Project, names: Sequence[str]) -> list[Case]:
    """Return the cases of these names, or all, that a plain ``fit`` can train as well."""
    plain = {name: case for name, case in project.cases.items() if not case.recipe.tuned}
    for name in names:
        if project.case(name).name not in plain:
            raise UserError(
                f"{name}: its recipe asks for what a plain fit has not, so there is nothing to "
                f"compare it with. Name some of {', '.join(plain)}."
            )
    return [plain[name] for name in names or plain]


def timed(case: Case, pairs: int, images: int, *, root: Path) -> Speed:
    """Time a case in a process of its own, alone on this machine.

    Raises:
        UserError: The process failed.
    """
    spec = specify(case, 0, Options(), dataset(case.task))
    for line in warnings([spec], []):
        print(line, file=sys.stderr)

    def waiting() -> None:
        print(f" {why_wait(exclusive=True)} …", end="", file=sys.stderr, flush=True)

    with machine_lock(waiting, exclusive=True):
        started = now()
        ours, plain = time_paths(spec, pairs=pairs, images=images)
    return Speed(
        spec=spec,
        started=started,
        provenance=provenance(spec, root=root),
        machine=this_machine(),
        images=images,
        ours=ours,
        plain=plain,
    )


def _json(found: Mapping[str, Speed]) -> bytes:
    seconds = {name: {"ours": each.ours, "plain": each.plain} for name, each in found.items()}
    return msgspec.json.format(msgspec.json.encode(seconds)) + b"\n"
