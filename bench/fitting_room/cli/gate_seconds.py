"""``gate --times``: the judge of seconds put to the test on this machine, here and now."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from fitting_room.cli.compare import time_case
from fitting_room.cli.session import dataset
from fitting_room.durations import now
from fitting_room.errors import UserError
from fitting_room.judge.timing import Race
from fitting_room.lab.plan import Options, specify
from fitting_room.lab.timing import ANEW, Timed
from fitting_room.machine import this_machine
from fitting_room.project import FILE, Project, Slowdown
from fitting_room.store.key import provenance
from fitting_room.studies.documents import Origin, write_document
from fitting_room.studies.gate_seconds import SECONDS, Rehearsed, Seconds, seconds

PAIRS = 20


def rehearse_all(project: Project, results: Path, *, pairs: int = PAIRS) -> int:
    """Race under every slowdown, keep and print what came of it; return 1 if a verdict is wrong.

    Raises:
        UserError: The project has no slowdowns, there is no data, or a side cannot train.
    """
    if not project.slowdowns:
        raise UserError(
            f"{project.root / FILE} names no slowdowns, by which the judge of seconds is put to "
            'the test. Add a line slowdowns = "module:name" to [tool.fitting-room].'
        )
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    case = next(iter(project.slowdowns.values())).case
    spec = specify(case, 0, Options(), dataset(case.task))
    origin = Origin(
        provenance=provenance(spec, root=project.root), machine=this_machine(), started=now()
    )
    races = {
        name: Rehearsed(
            done=each.words,
            red=each.red,
            race=rehearse(name, each, root=project.root, pairs=pairs),
        )
        for name, each in project.slowdowns.items()
    }
    found = Seconds(origin=origin, case=case.name, load=load, races=races, anew=ANEW)
    write_document(results / SECONDS, found)
    print(seconds(found))
    return int(not all(race.right for race in races.values()))


def rehearse(name: str, slowdown: Slowdown, *, root: Path, pairs: int) -> Race:
    """Race the checkout in the root folder against itself under a slowdown.

    Raises:
        UserError: There is no data, or a side cannot train.
    """
    case = msgspec.to_builtins(slowdown.case)
    with slowdown.checkout() as checkout:
        base = Timed(name="base", checkout=root, case=case)
        head = Timed(name="head", checkout=checkout, case=case)
        return time_case(base, head, dataset(slowdown.case.task), pairs, told=name)
