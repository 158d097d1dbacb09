"""``gate --times``: the judge of seconds put to the test on this machine, here and now."""

from __future__ import annotations

import os
from pathlib import Path

from fitting_room.cli.sharing import dataset
from fitting_room.cli.sides import ROOT
from fitting_room.durations import now
from fitting_room.lab.plan import Options, specify
from fitting_room.lab.timing import ANEW
from fitting_room.machine import this_machine
from fitting_room.store.key import provenance
from fitting_room.studies.documents import Origin, write_document
from fitting_room.studies.gate_seconds import SECONDS, Rehearsed, Seconds, seconds

from bench.handicaps import CASE, HANDICAPS, RED, WORDS, rehearse

PAIRS = 20


def rehearse_all(results: Path, *, pairs: int = PAIRS) -> int:
    """Race under every handicap, keep and print what came of it; return 1 if a verdict is wrong."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    spec = specify(CASE, 0, Options(), dataset(CASE.task))
    origin = Origin(provenance=provenance(spec, root=ROOT), machine=this_machine(), started=now())
    races = {
        name: Rehearsed(done=WORDS[name], red=name in RED, race=rehearse(name, pairs=pairs))
        for name in HANDICAPS
    }
    found = Seconds(origin=origin, case=CASE.name, load=load, races=races, anew=ANEW)
    write_document(results / SECONDS, found)
    print(seconds(found))
    return int(not all(race.right for race in races.values()))
