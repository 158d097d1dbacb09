"""``compare --time``: both checkouts trained here and now, in turn."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from bench.cases import CASES
from bench.commands.compare_commit import ask, called
from bench.commands.compare_sides import ROOT, Asked, Place
from bench.harness import data
from bench.harness.durations import in_words
from bench.harness.judge.timing import Race
from bench.harness.lab.contender import Contender
from bench.harness.lab.options import Options
from bench.harness.lab.plan import specify
from bench.harness.lab.probe import warnings
from bench.harness.lab.race import ANEW, CHUNK_S, race
from bench.harness.report.comparison.seconds import Raced
from bench.harness.spec import Case, Dataset
from bench.harness.store.commit import exported
from bench.harness.trial.locks import machine_held, why_wait

PAIRS = 20
"""Twice what the exact test needs, for a machine that has neighbours."""

Checkout = tuple[Path, Mapping[str, Any]]
"""A folder with ``bench`` and ``models``, and its cases by name, in plain values."""


def race_all(
    base: Place, head: Place, asked: Asked, pairs: int, *, shared: bool
) -> dict[str, Raced]:
    """Return case → seconds of base and head, for every case that both checkouts have.

    Raises:
        UserError: A checkout cannot train.
    """
    found: dict[str, Raced] = {}
    with _checkout(base) as (old, before), _checkout(head) as (new, after):
        names = [name for name in after if name in before]
        chosen = [name for name in names if not asked.cases or name in asked.cases]
        for number, name in enumerate(chosen, start=1):
            sides = (
                Contender(name="base", checkout=old, case=before[name]),
                Contender(name="head", checkout=new, case=after[name]),
            )
            told = f"[{number}/{len(chosen)}] {name}"
            task = after[name]["task"]
            dataset = data.find(task, data_dir=asked.data_dir, offline=asked.offline)
            found[name] = _raced(race_case(*sides, dataset, pairs, told=told), shared=shared)
    return found


def race_case(base: Contender, head: Contender, dataset: Dataset, pairs: int, *, told: str) -> Race:
    """Time one case, alone on this machine; progress goes to standard error as ``told``."""
    spec = specify(msgspec.convert(head.case, Case), 0, Options(), dataset)
    for line in warnings([spec], []):
        print(line, file=sys.stderr)

    done: list[float] = []

    def listen(pair: int, ratio: float) -> None:
        done.append(time.monotonic() - began)  # the first pair had to load both sides
        starts = (pairs - 1) // ANEW - (pair - 1) // ANEW
        left = in_words(starts * done[0] + (pairs - pair) * 2 * CHUNK_S)
        print(f"{told}: pair {pair}/{pairs} ×{ratio:.2f}, {left} left", file=sys.stderr)

    def waiting() -> None:
        print(f"{told}: {why_wait(alone=True)}", file=sys.stderr)

    print(f"{told}: loading both sides", file=sys.stderr)
    with machine_held(waiting, alone=True):
        began = time.monotonic()
        return race(base, head, spec, pairs=pairs, listen=listen)


@contextmanager
def _checkout(place: Place) -> Iterator[Checkout]:
    if place.commit is None:
        yield ROOT, msgspec.to_builtins(CASES)
        return
    with exported(place.commit, root=ROOT) as folder:
        yield folder, ask(folder, called(place.commit)).cases


def _raced(found: Race, *, shared: bool) -> Raced:
    base, head = found.medians
    return Raced(verdict=found.verdict(shared=shared), base=base, head=head)
