"""``python -m bench speed``: seconds per epoch of the bench's training against a plain ``fit``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import msgspec

from fitting_room.analysis.trials import quartiles
from fitting_room.cli import COMMANDS
from fitting_room.cli.session import add_options, dataset
from fitting_room.errors import UserError, positive
from fitting_room.format import around, count, spanned
from fitting_room.lab.estimate import warnings
from fitting_room.lab.locks import machine_lock, why_wait
from fitting_room.lab.plan import Options, specify
from fitting_room.lab.timing import time_paths
from fitting_room.machine import this_machine
from fitting_room.project import Project
from fitting_room.record import now
from fitting_room.report.columns import provenance as made_by
from fitting_room.report.table import Table
from fitting_room.spec import Case
from fitting_room.store.key import provenance
from fitting_room.store.records import Speed, write_speed, write_whole

PAIRS = 10
IMAGES = 15_000
"""A quarter of an epoch: the ratio is that of whole ones."""

HEADINGS = ("case", "s, this bench", "s, plain fit", "ratio", "min–max", "pairs")
ABSENT = "no reference yet"


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
    add_options(parser, "--results")
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
    told = {name: {"ours": each.ours, "plain": each.plain} for name, each in found.items()}
    content = msgspec.json.format(msgspec.json.encode(told)) + b"\n"
    write_whole(arguments.results / "latest" / "speed.json", content)
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


def speed_table(speeds: Sequence[Speed], cases: Sequence[str], *, stale: Mapping[str, str]) -> str:
    """Return the table, with what must be known below it.

    Args:
        speeds: What was timed.
        cases: Names, in the order of the table; those that were never timed say so.
        stale: Case → why its times are not those of the present code.
    """
    by_case = {speed.spec.case.name: speed for speed in speeds}
    rows = [_row(case, by_case.get(case), old=case in stale) for case in cases]
    used = [by_case[case] for case in cases if case in by_case]
    below = [f"{case} is stale: {stale[case]}." for case in cases if case in stale]
    return Table(HEADINGS, rows, [*below, *_notes(used)]).markdown()


def _row(case: str, speed: Speed | None, *, old: bool) -> list[str]:
    if speed is None:
        return [case, *[ABSENT] * (len(HEADINGS) - 1)]
    ratios = [ours / plain for ours, plain in zip(speed.ours, speed.plain, strict=True)]
    ours, plain = (
        around(found.median, found.lower, found.upper)
        for found in map(quartiles, (speed.ours, speed.plain))
        if found
    )
    spread = f"{min(ratios):.2f}–{max(ratios):.2f}"
    cells = [ours, plain, f"{median(ratios):.2f}", spread, str(len(ratios))]
    return [case, *(f"{cell} (stale)" if old else cell for cell in cells)]


def _notes(used: Sequence[Speed]) -> list[str]:
    if not used:
        return ["Nothing is timed yet: `fitting-room speed --json` on a quiet machine."]
    images = " or ".join(count(images) for images in sorted({speed.images for speed in used}))
    return [
        f"Seconds per {images} training images, median (quartiles): the recipe's training path "
        "and Keras' `fit` with one step per call and without XLA, interleaved A B B A in one "
        "process. Ratio: median of the pairs; below 1 the bench is faster.",
        made_by([speed.record for speed in used], n=f"{spanned(len(s.ours) for s in used)} pairs"),
    ]
