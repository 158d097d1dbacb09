"""``gate --times``: the judge of seconds put to the test on this machine, here and now."""

from __future__ import annotations

import os
from pathlib import Path

from bench.commands.compare_sides import ROOT
from bench.commands.datasets import dataset
from bench.handicaps import CASE, HANDICAPS, RED, WORDS, rehearse
from bench.harness.durations import now
from bench.harness.lab.options import Options
from bench.harness.lab.plan import specify
from bench.harness.lab.race import ANEW
from bench.harness.machine import this_machine
from bench.harness.report.gate.files import Origin, write_document
from bench.harness.report.gate.seconds import SECONDS, Rehearsed, Seconds, seconds
from bench.harness.store.key import provenance

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
